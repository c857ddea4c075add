/** Work that may stop where it yields, so that others have their turn while a large object is dealt with. */
export type Steps<T = void> = Generator<void, T, void>;

/** At once. */
export function allSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
