/** Every seed that ever failed, with what it found. They are run again with every change. */
export const failedSeeds: readonly { readonly seed: number; readonly found: string }[] = [];
