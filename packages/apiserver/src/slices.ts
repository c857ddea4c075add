import type { Timers } from '@coxswain/host';

const itemsASlice = 500;

/** Work on many items that lets others have their turn in between: nobody may hold the event loop for long. `isDone`: costs next to nothing. */
export async function inSlices<T, R>(timers: Timers, items: readonly T[], work: (item: T) => R, isDone: (item: T) => boolean = () => false): Promise<R[]> {
  const results: R[] = [];
  let worked = 0;
  for (const item of items) {
    if (!isDone(item)) {
      if (worked > 0 && worked % itemsASlice === 0) await timers.sleep(0);
      worked += 1;
    }
    results.push(work(item));
  }
  return results;
}
