import type { Host } from '../host.ts';
import type { Logger } from '../log.ts';
import { realClock, realTimers } from './clock.ts';
import { realCompute } from './compute.ts';
import { realCrypto, realRandom } from './crypto.ts';
import { realDisk } from './disk.ts';
import { createRealNetwork } from './network.ts';

export { cgroupMembers, isRunning, runningAs, sendSignal, signalGroup, signalListed, startTicksOf } from './processes.ts';

export function createRealHost(log: Logger): Host {
  return { clock: realClock, timers: realTimers, random: realRandom, compute: realCompute, crypto: realCrypto, disk: realDisk, network: createRealNetwork(log), log };
}
