import type { Timers } from '@coxswain/host';

const workASlice = 500;

/** Work on many items that lets others have their turn in between: nobody may hold the event loop for long. `workOf`: 0 where there is next to nothing to do. */
export async function inSlices<T, R>(timers: Timers, items: readonly T[], work: (item: T) => R, workOf: (item: T) => number = () => 1): Promise<R[]> {
  const results: R[] = [];
  let done = 0;
  for (const item of items) {
    const more = workOf(item);
    if (done > 0 && done + more > workASlice) {
      await timers.sleep(0);
      done = 0;
    }
    done += more;
    results.push(work(item));
  }
  return results;
}
