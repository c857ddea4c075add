import { describe, leaseEnds, type Explained } from './check-kv.ts';
import type { Operation, Step, TxnRequest, Violation } from './history.ts';
import { applyTxn, differs, type State } from './model.ts';

/** What does not stand in the linear order: reads of old states, refusals, compactions, renewals that came too late. */
export function checkReads(operations: readonly Operation[], explained: Explained, leaseSlackMs = 0): readonly Violation[] {
  const history = new ReadHistory(operations, explained, leaseSlackMs);
  return operations.flatMap((operation) => history.check(operation) ?? []);
}

class ReadHistory {
  readonly #explained: Explained;
  readonly #operations: readonly Operation[];
  readonly #compactions: readonly { readonly revision: number; readonly callMs: number; readonly doneMs: number }[];
  /** A revision at least so great had been answered by then; both grow. */
  readonly #known: { readonly atMs: number; readonly revision: number }[] = [];
  readonly #leaseEnds: ReadonlyMap<string, number>;
  readonly #leaseSlackMs: number;

  constructor(operations: readonly Operation[], explained: Explained, leaseSlackMs: number) {
    this.#operations = operations;
    this.#explained = explained;
    this.#leaseSlackMs = leaseSlackMs;
    this.#leaseEnds = leaseEnds(operations);
    this.#compactions = operations.flatMap(({ request, outcome, callMs, returnMs }) => {
      if (request.kind !== 'compact' || (outcome.kind !== 'ok' && outcome.kind !== 'unknown')) return [];
      return [{ revision: request.revision, callMs, doneMs: outcome.kind === 'ok' ? returnMs : Number.POSITIVE_INFINITY }];
    });
    let highest = 0;
    for (const { outcome, returnMs } of operations.toSorted((a, b) => a.returnMs - b.returnMs)) {
      if (outcome.kind !== 'ok' || outcome.revision <= highest) continue;
      highest = outcome.revision;
      this.#known.push({ atMs: returnMs, revision: highest });
    }
  }

  check(operation: Operation): Violation | undefined {
    const { request, outcome } = operation;
    switch (request.kind) {
      case 'txn':
        if (outcome.kind === 'refused') return this.#checkRefusal(operation, oldestAsked(request), newestAsked(request));
        return outcome.kind === 'ok' ? this.#checkAnswer(operation, request, outcome) : undefined;
      case 'compact': return outcome.kind === 'refused' ? this.#checkRefusal(operation, request.revision - 1, request.revision) : undefined;
      case 'lease-keep': return outcome.kind === 'refused' && outcome.reason === 'lease-not-found' ? this.#checkLeaseGone(operation, request.lease) : undefined;
      case 'lease-grant': case 'lease-revoke': return undefined;
    }
  }

  #checkAnswer(operation: Operation, request: TxnRequest, outcome: Extract<Operation['outcome'], { kind: 'ok' }>): Violation | undefined {
    if (request.serializable) return this.#checkStale(operation, request, outcome);
    const asked = oldestAsked(request);
    const forbidden = this.#compactions.find((one) => asked < one.revision && one.doneMs < operation.callMs);
    return forbidden === undefined ? undefined : { rule: 'I5 compacted', message: `${describe(operation)} reads what was compacted at ${forbidden.revision}` };
  }

  /** A state that there was, as of the revision that it names, and no state of the future. */
  #checkStale(operation: Operation, request: TxnRequest, outcome: Extract<Operation['outcome'], { kind: 'ok' }>): Violation | undefined {
    const { states, revision: last } = this.#explained;
    if (outcome.revision > last) return { rule: 'serializable', message: `${describe(operation)}: revision ${outcome.revision} never was` };
    const effect = applyTxn(states[outcome.revision] as State, outcome.revision, request, (at) => (at <= outcome.revision ? states[at] : undefined));
    const difference = differs(effect, outcome);
    return difference === undefined ? undefined : { rule: 'serializable', message: `${describe(operation)}: ${difference}` };
  }

  #checkRefusal(operation: Operation, oldest: number, newest: number): Violation | undefined {
    if (operation.outcome.kind !== 'refused') return undefined;
    if (operation.outcome.reason === 'compacted') {
      if (this.#compactions.some((one) => oldest < one.revision && one.callMs < operation.returnMs)) return undefined;
      return { rule: 'I5 compacted', message: `${describe(operation)}: nothing after ${oldest} was compacted` };
    }
    if (operation.outcome.reason !== 'future-revision' || isStale(operation)) return undefined;
    const known = this.#known.findLast((one) => one.atMs < operation.callMs)?.revision ?? 0;
    return known >= newest ? { rule: 'I1 linearizable', message: `${describe(operation)}: revision ${known} had been answered before` } : undefined;
  }

  /** I15: a lease is not gone before its time, unless somebody ended it. */
  #checkLeaseGone(operation: Operation, lease: string): Violation | undefined {
    const ended = this.#operations.some(({ request, outcome, callMs }) => request.kind === 'lease-revoke' && request.lease === lease && outcome.kind !== 'failed' && callMs < operation.returnMs);
    const endMs = this.#leaseEnds.get(lease);
    if (ended || endMs === undefined || endMs - this.#leaseSlackMs <= operation.returnMs) return undefined;
    return { rule: 'I15 lease', message: `${describe(operation)}: it may not end before ${endMs} ms` };
  }
}

function isStale({ request }: Operation): boolean {
  return request.kind === 'txn' && request.serializable;
}

function asked(request: TxnRequest): readonly number[] {
  return [...request.success, ...request.failure].flatMap((step: Step) => (step.type === 'range' && step.revision > 0 ? [step.revision] : []));
}

function oldestAsked(request: TxnRequest): number {
  return Math.min(Number.POSITIVE_INFINITY, ...asked(request));
}

function newestAsked(request: TxnRequest): number {
  return Math.max(0, ...asked(request));
}

/**
 * I11: a member that reaches no majority answers nothing that needs one. `from` and `to` bound the time of its isolation;
 * `leaseMs`: for so long a leader may still answer reads alone, if it reads by lease.
 */
export function checkIsolation(operations: readonly Operation[], isolations: readonly { readonly member: string; readonly from: number; readonly to: number }[], leaseMs = 0): readonly Violation[] {
  return isolations.flatMap(({ member, from, to }) => operations
    .filter((one) => one.member === member && one.callMs >= from + (isRead(one) ? leaseMs : 0) && one.returnMs <= to && one.outcome.kind === 'ok' && !isStale(one))
    .map((one) => ({ rule: 'I11 minority', message: `${describe(one)} although ${member} was alone from ${from} to ${to}` })));
}

function isRead({ request }: Operation): boolean {
  if (request.kind === 'lease-keep') return true;
  return request.kind === 'txn' && [...request.success, ...request.failure].every((step) => step.type === 'range');
}
