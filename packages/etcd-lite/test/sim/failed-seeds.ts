import { mutants } from '../mutations/mutants.ts';
import type { Plan } from './plan.ts';

const planOf = (name: string): Partial<Plan> => mutants.find((mutant) => mutant.name === name)?.plan ?? {};

/** Every seed that ever failed, with what it found. They are run again with every change. */
export const failedSeeds: readonly { readonly seed: number; readonly found: string; readonly plan: Partial<Plan> }[] = [
  { seed: 34, found: 'a log that ended with its first batch was refused', plan: planOf('read-before-own-commit') },
  { seed: 52, found: 'a state that was there already was sent for ever', plan: planOf('old-term-committed-by-count') },
  { seed: 1001, found: 'two transfers of a state to one member at once', plan: {} },
  { seed: 95265621, found: 'another hash after a restart', plan: {} },
  { seed: 95290179, found: 'a member that had joined and heard of nothing yet ended when it started again before its peers', plan: {} },
  { seed: 95270505, found: 'a connection that broke before it was taken over ended its server', plan: {} },
  { seed: 95332945, found: 'a disk that had been wiped was partly as before after a power cut (the harness had not synced it)', plan: {} },
  { seed: 95333229, found: 'a search for an order that did not end (the checker tried all orders of writes of unknown outcome, and knew of no old reads)', plan: {} },
  { seed: 95333248, found: 'the same, after a power cut of all', plan: {} },
];
