/**
 * Calls `make` `count` times in batches of 1, 2, 4, …, so that what is bound to fail (quota, admission) fails once and not a
 * thousand times. Answers how many were tried, how many succeeded, and the first error.
 */
export async function slowStart(count: number, make: (index: number) => Promise<void>): Promise<{ readonly attempted: number; readonly made: number; readonly error?: unknown }> {
  let made = 0;
  let attempted = 0;
  for (let size = Math.min(1, count); size > 0; size = Math.min(size * 2, count - made)) {
    const results = await Promise.allSettled(Array.from({ length: size }, (_, index) => make(made + index)));
    const failed = results.find((result) => result.status === 'rejected');
    attempted += size;
    made += results.filter((result) => result.status === 'fulfilled').length;
    if (failed !== undefined) return { attempted, made, error: failed.reason };
  }
  return { attempted, made };
}
