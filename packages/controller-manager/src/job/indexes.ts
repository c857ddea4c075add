import type { Pod } from 'kubernetes-types/core/v1';

export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';

/** `0,2-4,7`, as status.completedIndexes is written. Anything else in it is left out. */
export function parseIndexes(text: string | undefined, completions: number): Set<number> {
  const out = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) continue;
    const last = Math.min(Number(match[2] ?? match[1]), completions - 1);
    for (let index = Number(match[1]); index <= last; index += 1) out.add(index);
  }
  return out;
}

/** Three or more in a row become a range; two are listed, as upstream writes them. */
export function indexesText(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].toSorted((a, b) => a - b);
  const parts: string[] = [];
  for (let at = 0; at < sorted.length;) {
    let end = at;
    while (sorted[end + 1] === (sorted[end] as number) + 1) end += 1;
    if (end - at >= 2) parts.push(`${sorted[at]}-${sorted[end]}`);
    else parts.push(...sorted.slice(at, end + 1).map(String));
    at = end + 1;
  }
  return parts.join(',');
}

export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata?.annotations?.[indexAnnotation];
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

/** The lowest that are neither done nor under way. */
export function freeIndexes(completed: ReadonlySet<number>, active: ReadonlySet<number>, completions: number, count: number): number[] {
  const out: number[] = [];
  for (let index = 0; index < completions && out.length < count; index += 1) if (!completed.has(index) && !active.has(index)) out.push(index);
  return out;
}
