/** Indexes of a Job as text: `0,2-4`. */

export type Interval = readonly [first: number, last: number];

/** What is wrong with it, as text. */
function parseInterval(text: string, completions: number): Interval | string {
  const limits = text.split('-');
  if (limits.length > 2) return `the fragment "${text}" violates the requirement that an index interval can have at most two parts separated by '-'`;
  const numbers: number[] = [];
  for (const limit of limits) {
    if (!/^[+-]?[0-9]+$/.test(limit)) return `cannot convert string to integer for index: "${limit}"`;
    if (Number(limit) >= completions) return `too large index: "${limit}"`;
    numbers.push(Number(limit));
  }
  const [first = 0, last = first] = numbers;
  return limits.length === 2 && first >= last ? `non-increasing order, previous: ${first}, current: ${last}` : [first, last];
}

/** How many indexes a text names, or what is wrong with it. */
export function countIndexes(text: string, completions: number): number | string {
  let total = 0;
  let before: number | undefined;
  for (const part of text === '' ? [] : text.split(',')) {
    const interval = parseInterval(part, completions);
    if (typeof interval === 'string') return interval;
    const [first, last] = interval;
    if (before !== undefined && before >= first) return `non-increasing order, previous: ${before}, current: ${first}`;
    total += last - first + 1;
    before = last;
  }
  return total;
}

/** The first index that both name, as upstream finds it: by a walk over both in their order, without what cannot be read. */
export function overlap(one: string, other: string, completions: number): number | undefined {
  const [left, right] = [one, other].map((text) => text.split(',').map((part) => parseInterval(part, completions)).filter((part) => typeof part !== 'string')) as [Interval[], Interval[]];
  for (let at = 0, to = 0; at < left.length && to < right.length;) {
    const [[first, last], [start, end]] = [left[at], right[to]] as [Interval, Interval];
    if (first <= end && start <= last) return Math.max(first, start);
    if (first <= start) at += 1;
    else to += 1;
  }
  return undefined;
}
