function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 7386, or the operations of RFC 6902 that controllers send when the patch is a list. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (Array.isArray(patch)) return patch.reduce((value: unknown, operation: Operation) => applyOperation(value, operation), structuredClone(target));
  return merge(target, patch);
}

/** Lists inside an object are values: they replace. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const out: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete out[name];
    else out[name] = merge(out[name], value);
  }
  return out;
}

interface Operation { readonly op: 'add' | 'remove' | 'replace' | 'test'; readonly path: string; readonly value?: unknown }

function applyOperation(document: unknown, operation: Operation): unknown {
  const path = operation.path.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = path.pop() ?? '';
  let parent: unknown = document;
  for (const part of path) parent = Array.isArray(parent) ? parent[Number(part)] : isRecord(parent) ? parent[part] : undefined;
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : Number(last);
    if (operation.op === 'add') parent.splice(index, 0, operation.value);
    else if (operation.op === 'remove') parent.splice(index, 1);
    else if (operation.op === 'replace') parent[index] = operation.value;
  } else if (isRecord(parent)) {
    if (operation.op === 'remove') delete parent[last];
    else if (operation.op !== 'test') parent[last] = operation.value;
  }
  return document;
}
