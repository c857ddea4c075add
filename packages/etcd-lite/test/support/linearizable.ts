/**
 * Is a history of one register linearizable? (Wing & Gong's search with Lowe's memory of states seen.) An operation whose
 * outcome is unknown may have taken effect at any time after its call, or never.
 */
export type RegisterOp =
  | { readonly kind: 'write'; readonly value: string }
  /** `expected` undefined: the key is missing. */
  | { readonly kind: 'read'; readonly result: string | undefined }
  | { readonly kind: 'cas'; readonly expected: string; readonly value: string; readonly succeeded: boolean };

export interface Operation {
  readonly id: number;
  readonly op: RegisterOp;
  readonly callMs: number;
  /** Infinity: unknown outcome. */
  readonly returnMs: number;
}

/** The state after the operation, or why not. */
function apply(state: string | undefined, op: RegisterOp, known: boolean): { readonly ok: boolean; readonly state: string | undefined } {
  switch (op.kind) {
    case 'write': return { ok: true, state: op.value };
    case 'read': return { ok: state === op.result, state };
    case 'cas': {
      const swapped = state === op.expected;
      return { ok: !known || swapped === op.succeeded, state: swapped ? op.value : state };
    }
  }
}

interface Frame { readonly index: number; readonly before: string | undefined }

/** Undefined: linearizable. Otherwise the operations up to the first return that could not be explained. */
export function findViolation(operations: readonly Operation[]): readonly Operation[] | undefined {
  const ops = operations.toSorted((a, b) => a.callMs - b.callMs);
  const done = Array.from({ length: ops.length }, () => false);
  const seen = new Set<string>();
  const stack: Frame[] = [];
  let state: string | undefined;
  let doneCount = 0;
  let deepest = 0;
  const required = ops.filter((op) => Number.isFinite(op.returnMs)).length;
  let requiredDone = 0;
  let from = 0;
  for (;;) {
    if (requiredDone === required) return undefined;
    const next = candidate(ops, done, from, state, seen);
    if (next === undefined) {
      const frame = stack.pop();
      if (frame === undefined) return ops.slice(0, deepest + 2);
      done[frame.index] = false;
      doneCount -= 1;
      if (Number.isFinite((ops[frame.index] as Operation).returnMs)) requiredDone -= 1;
      state = frame.before;
      from = frame.index + 1;
      continue;
    }
    stack.push({ index: next.index, before: state });
    done[next.index] = true;
    doneCount += 1;
    if (Number.isFinite((ops[next.index] as Operation).returnMs)) requiredDone += 1;
    ({ state } = next);
    deepest = Math.max(deepest, doneCount);
    from = 0;
  }
}

/** The next operation that may come now: none that is not done yet has returned before it was called. */
function candidate(ops: readonly Operation[], done: boolean[], from: number, state: string | undefined, seen: Set<string>): { readonly index: number; readonly state: string | undefined } | undefined {
  let firstReturnMs = Number.POSITIVE_INFINITY;
  for (const [index, op] of ops.entries()) {
    if (done[index] === true) continue;
    if (op.callMs > firstReturnMs) break;
    if (index >= from) {
      const result = apply(state, op.op, Number.isFinite(op.returnMs));
      if (result.ok && remember(done, index, result.state, seen)) return { index, state: result.state };
    }
    firstReturnMs = Math.min(firstReturnMs, op.returnMs);
  }
  return undefined;
}

/** False if the same operations have led to the same state before. */
function remember(done: readonly boolean[], index: number, state: string | undefined, seen: Set<string>): boolean {
  let key = '';
  let run = 0;
  for (const [at, value] of done.entries()) {
    if (value || at === index) run += 1;
    else {
      key += `${run},`;
      run = 0;
    }
  }
  key += `|${state ?? ''}`;
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}
