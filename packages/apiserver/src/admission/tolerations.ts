import type { Toleration } from 'kubernetes-types/core/v1';

function same(a: Toleration, b: Toleration): boolean {
  return (['key', 'operator', 'value', 'effect'] as const).every((field) => (a[field] ?? '') === (b[field] ?? '')) && a.tolerationSeconds === b.tolerationSeconds;
}

/** Whether whatever `narrow` tolerates `wide` does too. */
function covers(wide: Toleration, narrow: Toleration): boolean {
  if (same(wide, narrow)) return true;
  if ((narrow.key ?? '') !== (wide.key ?? '') && (Boolean(wide.key) || wide.operator !== 'Exists')) return false;
  if (wide.effect && narrow.effect !== wide.effect) return false;
  if (wide.effect === 'NoExecute' && wide.tolerationSeconds !== undefined && (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds)) return false;
  return wide.operator === 'Exists' || (narrow.operator === 'Equal' && (narrow.value ?? '') === (wide.value ?? ''));
}

/** Both lists, without those that others of them cover. */
export function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  const merged: Toleration[] = [];
  for (const [index, toleration] of all.entries()) {
    if (merged.some((one) => covers(one, toleration))) continue;
    if (all.slice(index + 1).some((later) => !same(later, toleration) && covers(later, toleration))) continue;
    merged.push(toleration);
  }
  return merged;
}

export function allCovered(tolerations: readonly Toleration[], allowed: readonly Toleration[]): boolean {
  return allowed.length === 0 || tolerations.every((one) => allowed.some((wide) => covers(wide, one)));
}

/** Adds it, in the place of one for the same key, effect, operator and value. */
export function setToleration(tolerations: readonly Toleration[], wanted: Toleration): Toleration[] {
  const matches = (one: Toleration): boolean => (['key', 'operator', 'value', 'effect'] as const).every((field) => (one[field] ?? '') === (wanted[field] ?? ''));
  if (tolerations.some((one) => same(one, wanted))) return [...tolerations];
  return tolerations.some(matches) ? tolerations.map((one) => (matches(one) ? wanted : one)) : [...tolerations, wanted];
}
