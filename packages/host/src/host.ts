import type { Clock, Timers } from './clock.ts';
import type { Compute } from './compute.ts';
import type { Crypto } from './crypto.ts';
import type { Disk } from './disk.ts';
import type { Logger } from './log.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';

/**
 * Everything a component may ask of the world outside its own memory.
 *
 * There are two implementations: the real one (`@coxswain/host/edge`) and the simulated one
 * (`@coxswain/host/sim`). A core that reaches past this object (Date, setTimeout, node:fs, …)
 * cannot be simulated; lint refuses it outside `src/edge/**`.
 */
export interface Host {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly compute: Compute;
  readonly crypto: Crypto;
  readonly disk: Disk;
  readonly network: Network;
  readonly log: Logger;
}
