import type { JsonObject } from '@coxswain/api';
import { at, isObject, text } from '../registry/object.ts';
import { allocate, type Claim } from './allocation.ts';
import { QueueSet, type Limiting, type QueueSetTools } from './queue-set.ts';
import { RetryAfter } from './retry-after.ts';

/** A PriorityLevelConfiguration, read once. */
export interface LevelSpec {
  readonly name: string;
  readonly uid: string;
  readonly shares: number;
  readonly lendablePercent: number;
  /** undefined: as much as there is. */
  readonly borrowingPercent: number | undefined;
  readonly limiting: Limiting;
}

function numberAt(object: JsonObject, ...path: readonly string[]): number | undefined {
  const value = at(object, ...path);
  return typeof value === 'number' ? value : undefined;
}

export function levelSpec(object: JsonObject): LevelSpec {
  const metadata = isObject(object['metadata']) ? object['metadata'] : {};
  const common = { name: text(metadata, 'name'), uid: text(metadata, 'uid') };
  if (at(object, 'spec', 'type') === 'Exempt') {
    return { ...common, shares: numberAt(object, 'spec', 'exempt', 'nominalConcurrencyShares') ?? 0, lendablePercent: numberAt(object, 'spec', 'exempt', 'lendablePercent') ?? 0, borrowingPercent: undefined, limiting: { kind: 'exempt' } };
  }
  const queuing = at(object, 'spec', 'limited', 'limitResponse', 'queuing');
  return {
    ...common, shares: numberAt(object, 'spec', 'limited', 'nominalConcurrencyShares') ?? 30, lendablePercent: numberAt(object, 'spec', 'limited', 'lendablePercent') ?? 0,
    borrowingPercent: numberAt(object, 'spec', 'limited', 'borrowingLimitPercent'),
    limiting: isObject(queuing) ? { kind: 'queue', queues: numberAt(queuing, 'queues') ?? 64, handSize: numberAt(queuing, 'handSize') ?? 8, queueLengthLimit: numberAt(queuing, 'queueLengthLimit') ?? 50 } : { kind: 'reject' },
  };
}

/** Of a level's seats: what it is due, what stays its own, and what it may have at most. */
export interface Level {
  spec: LevelSpec;
  readonly queues: QueueSet;
  readonly retryAfter: RetryAfter;
  nominal: number;
  min: number;
  max: number;
  /** Seats that one request may take; undefined: the general limit. */
  requestSeats: number | undefined;
}

const requestShare = 0.15;

export class Levels {
  readonly #levels = new Map<string, Level>();
  readonly #total: number;
  readonly #tools: QueueSetTools;
  #nominalSum = 0;
  fairFraction = 0;

  /** `total`: seats of the whole server. */
  constructor(total: number, tools: QueueSetTools) {
    this.#total = total;
    this.#tools = tools;
  }

  get(name: string): Level | undefined {
    return this.#levels.get(name);
  }

  get all(): readonly Level[] {
    return [...this.#levels.values()];
  }

  /** Those that are no longer there finish what they have. */
  configure(specs: readonly LevelSpec[]): void {
    const names = new Set(specs.map((spec) => spec.name));
    for (const name of this.#levels.keys()) if (!names.has(name)) this.#levels.delete(name);
    const shares = specs.reduce((sum, spec) => sum + spec.shares, 0);
    for (const spec of specs) this.#configureOne(spec, shares);
    this.#nominalSum = this.all.reduce((sum, level) => sum + level.nominal, 0);
    this.adjust();
  }

  #configureOne(spec: LevelSpec, shares: number): void {
    const nominal = Math.ceil((this.#total * spec.shares) / Math.max(shares, 1));
    const lendable = Math.round((nominal * spec.lendablePercent) / 100);
    const borrowable = spec.borrowingPercent === undefined ? this.#total : Math.round((nominal * spec.borrowingPercent) / 100);
    const seats = {
      spec, nominal, min: nominal - lendable, max: nominal + borrowable,
      requestSeats: spec.limiting.kind === 'queue' ? Math.max(1, Math.min(Math.ceil(nominal * requestShare), Math.floor(nominal / spec.limiting.handSize))) : undefined,
    };
    const known = this.#levels.get(spec.name);
    if (known === undefined) {
      this.#levels.set(spec.name, { ...seats, queues: new QueueSet(spec.name, spec.limiting, nominal - Math.floor(lendable / 2), this.#tools), retryAfter: new RetryAfter(this.#tools.clock.nowMs()) });
    } else {
      Object.assign(known, seats);
      known.queues.configure(spec.limiting);
    }
  }

  /** Ends a period of observation and gives each level its seats for the next one: who needs more borrows from who lends. */
  adjust(): void {
    const nowMs = this.#tools.clock.monotonicMs();
    for (const level of this.all) level.queues.demand.close(nowMs);
    let remaining = this.#nominalSum;
    const limited: Level[] = [];
    for (const level of this.all) {
      if (level.spec.limiting.kind !== 'exempt') limited.push(level);
      else {
        const seats = Math.max(level.min, level.queues.demand.highWatermark);
        remaining -= seats;
        level.queues.setLimit(seats);
      }
    }
    this.#share(limited, remaining);
  }

  #share(limited: readonly Level[], remaining: number): void {
    const needed = (level: Level): number => Math.max(level.min, Math.min(level.nominal, level.queues.demand.highWatermark));
    const minimum = limited.reduce((sum, level) => sum + level.min, 0);
    const wanted = limited.reduce((sum, level) => sum + needed(level), 0);
    this.fairFraction = 0;
    if (remaining <= minimum) {
      for (const level of limited) level.queues.setLimit(level.min);
      return;
    }
    if (remaining <= wanted) {
      const fraction = (remaining - minimum) / (wanted - minimum);
      for (const level of limited) level.queues.setLimit(level.min + Math.round((needed(level) - level.min) * fraction));
      return;
    }
    const claims = limited.map((level): Claim => ({ lowerBound: needed(level), upperBound: level.max, target: Math.max(needed(level), level.queues.demand.smoothed) }));
    const shared = allocate(this.#nominalSum, claims);
    if (shared === undefined) return;
    this.fairFraction = shared.fraction;
    limited.forEach((level, index) => level.queues.setLimit(Math.round(shared.seats[index] as number)));
  }
}
