import type { Host } from '../host.ts';
import type { Logger } from '../log.ts';
import { realClock, realTimers } from './clock.ts';
import { realCrypto, realRandom } from './crypto.ts';
import { realDisk } from './disk.ts';
import { createRealNetwork } from './network.ts';

export function createRealHost(log: Logger): Host {
  return { clock: realClock, timers: realTimers, random: realRandom, crypto: realCrypto, disk: realDisk, network: createRealNetwork(log), log };
}
