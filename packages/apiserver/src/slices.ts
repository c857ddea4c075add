import type { Timers } from '@coxswain/host';

const itemsASlice = 500;

/** Work on many items that lets others have their turn in between: nobody may hold the event loop for long. */
export async function inSlices<T, R>(timers: Timers, items: readonly T[], work: (item: T) => R): Promise<R[]> {
  if (items.length <= itemsASlice) return items.map(work);
  const results: R[] = [];
  for (let at = 0; at < items.length; at += itemsASlice) {
    if (at > 0) await timers.sleep(0);
    for (const item of items.slice(at, at + itemsASlice)) results.push(work(item));
  }
  return results;
}
