import { SeededRandom, seedOf } from '@coxswain/host/sim';

/** What may go wrong, and how often in a minute of simulated time. A seed has some of them only, each at its own rate. */
export type FaultName =
  | 'kill' | 'power-cut' | 'power-cut-all' | 'crash-at-io' | 'partition' | 'one-way' | 'slow-link' | 'reset' | 'packet-loss' | 'raft-loss'
  | 'disk-stall' | 'slow-datasync' | 'failed-datasync' | 'disk-full' | 'read-only' | 'bit-rot' | 'misdirected-write'
  | 'clock-jump' | 'clock-drift' | 'pause' | 'move-leader' | 'defragment' | 'replace' | 'lag';

const ratesPerMinute: Readonly<Record<FaultName, readonly [number, number]>> = {
  kill: [2, 10], 'power-cut': [2, 10], 'power-cut-all': [0.5, 3], 'crash-at-io': [4, 20], partition: [2, 10], 'one-way': [1, 8], 'slow-link': [1, 6], reset: [2, 20],
  'packet-loss': [1, 4], 'raft-loss': [2, 8], 'disk-stall': [1, 6], 'slow-datasync': [1, 6], 'failed-datasync': [1, 5], 'disk-full': [0.5, 3], 'read-only': [0.5, 2],
  'bit-rot': [0.5, 2], 'misdirected-write': [0.5, 2], 'clock-jump': [1, 6], 'clock-drift': [1, 4], pause: [2, 10], 'move-leader': [1, 6], defragment: [2, 10], replace: [1, 5], lag: [1, 4],
};

export const faultNames = Object.keys(ratesPerMinute) as readonly FaultName[];

/** Everything about a run that is not decided while it runs. */
export interface Plan {
  readonly seed: number;
  readonly members: 1 | 3 | 5;
  readonly forMs: number;
  readonly faults: ReadonlyMap<FaultName, number>;
  readonly latencyMs: { readonly min: number; readonly max: number };
  readonly disk: { readonly operationMsMax: number; readonly datasyncMsMax: number };
  /** Of each direction of a connection: small ones make readers slow. */
  readonly windowBytes: number;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly readMode: 'read-index' | 'lease';
  readonly snapshotCount: number;
  readonly snapshotCatchUpEntries: number;
  readonly segmentBytes: number;
  readonly watchProgressNotifyMs: number;
  readonly clients: { readonly kv: number; readonly kubernetes: number; readonly leases: number; readonly watchers: number };
  /** Of the clients. */
  readonly requestTimeoutMs: number;
  readonly keys: number;
  readonly thinkMs: number;
  /** Infinity: history is never compacted. */
  readonly compactEveryMs: number;
}

class Draw {
  readonly #random: SeededRandom;
  constructor(seed: number) {
    this.#random = new SeededRandom(seedOf(seed, 'plan'));
  }

  chance(share: number): boolean {
    return this.#random.float() < share;
  }

  between(min: number, max: number): number {
    return min + this.#random.float() * (max - min);
  }

  whole(min: number, max: number): number {
    return Math.floor(this.between(min, max + 1));
  }

  oneOf<T>(values: readonly T[]): T {
    return values[this.whole(0, values.length - 1)] as T;
  }
}

/** Only these are safe where one member is all there is. */
const loneFaults: ReadonlySet<FaultName> = new Set<FaultName>([
  'kill', 'power-cut', 'crash-at-io', 'reset', 'packet-loss', 'disk-stall', 'slow-datasync', 'failed-datasync', 'disk-full', 'read-only', 'clock-jump', 'clock-drift', 'pause', 'defragment',
]);

export function makePlan(seed: number, changes: Partial<Plan> = {}): Plan {
  const draw = new Draw(seed);
  const members = changes.members ?? draw.oneOf([1, 3, 3, 3, 3, 3, 3, 5, 5, 5] as const);
  // Few kinds of faults often find more than all of them at once.
  const share = draw.oneOf([0.15, 0.3, 0.6, 1]);
  const faults = new Map<FaultName, number>();
  for (const name of faultNames) {
    const rate = draw.between(...ratesPerMinute[name]);
    if (draw.chance(share) && (members > 1 || loneFaults.has(name))) faults.set(name, rate);
  }
  // Two ways of damage at once could be more than the cluster may lose.
  if (faults.has('bit-rot')) faults.delete('misdirected-write');
  const [heartbeatMs, electionMs] = draw.oneOf([[100, 1000], [29, 271], [101, 521], [100, 2000]] as const);
  return {
    seed, members, forMs: 20_000, faults, heartbeatMs, electionMs,
    latencyMs: draw.oneOf([{ min: 0.1, max: 2 }, { min: 0.1, max: 0.5 }, { min: 1, max: 20 }, { min: 0.1, max: 60 }]),
    disk: draw.oneOf([{ operationMsMax: 0.2, datasyncMsMax: 4 }, { operationMsMax: 0.1, datasyncMsMax: 1 }, { operationMsMax: 2, datasyncMsMax: 40 }]),
    windowBytes: draw.oneOf([1, 2048, 64 * 1024]), readMode: draw.oneOf(['read-index', 'read-index', 'lease'] as const), snapshotCount: draw.oneOf([20, 50, 100, 1000]), snapshotCatchUpEntries: draw.oneOf([5, 20, 100]), segmentBytes: draw.oneOf([4096, 16 * 1024, 256 * 1024]),
    watchProgressNotifyMs: draw.oneOf([200, 1000, 5000]),
    clients: { kv: draw.whole(2, 5), kubernetes: draw.whole(0, 4), leases: draw.whole(0, 2), watchers: draw.whole(2, 6) },
    requestTimeoutMs: draw.oneOf([200, 700, 1500]), keys: draw.oneOf([2, 5, 10, 20]), thinkMs: draw.oneOf([20, 50, 100]), compactEveryMs: draw.oneOf([150, 500, 2000, Number.POSITIVE_INFINITY]),
    ...changes,
  };
}

/** As short as it can be told. */
export function planText(plan: Plan): string {
  return `${plan.members} members, ${[...plan.faults.keys()].join(' ')}`;
}
