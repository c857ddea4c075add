import { StatusError } from '@coxswain/api';
import type { Clock } from '@coxswain/host';
import type { Event } from 'kubernetes-types/core/v1';
import { typedOrNone } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';

export type LimitType = 'Server' | 'Namespace' | 'User' | 'SourceAndObject';

export interface EventLimit {
  readonly type: LimitType;
  readonly qps: number;
  readonly burst: number;
  /** How many keys are remembered, the latest used. */
  readonly cacheSize: number;
}

export const defaultLimitCacheSize = 4096;

const keyOf: Readonly<Record<LimitType, (a: AdmissionAttributes) => string>> = {
  Server: () => '',
  Namespace: (a) => a.namespace,
  User: (a) => a.user.name,
  SourceAndObject: (a) => {
    // Both the core group's names and those of events.k8s.io.
    const event = typedOrNone<Event & { readonly deprecatedSource?: Event['source']; readonly regarding?: Event['involvedObject'] }>(a.object);
    const [source, about] = [event?.source ?? event?.deprecatedSource, event?.involvedObject ?? event?.regarding];
    return [source?.component, source?.host, about?.kind, about?.namespace, about?.name, about?.uid, about?.apiVersion].map((part) => part ?? '').join('');
  },
};

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A token bucket a key; the key that was not used for longest is forgotten first. */
class Limiter {
  readonly #limit: EventLimit;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: EventLimit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  #bucket(key: string, nowMs: number): Bucket {
    const known = this.#buckets.get(key) ?? { tokens: this.#limit.burst, atMs: nowMs };
    this.#buckets.delete(key);
    this.#buckets.set(key, known);
    if (this.#buckets.size > this.#limit.cacheSize) this.#buckets.delete(this.#buckets.keys().next().value as string);
    return known;
  }

  /** Undefined: it may go on. */
  refusal(a: AdmissionAttributes): string | undefined {
    const key = keyOf[this.#limit.type](a);
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#bucket(key, nowMs);
    bucket.tokens = Math.min(this.#limit.burst, bucket.tokens + (nowMs - bucket.atMs) / 1000 * this.#limit.qps);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return `limit reached on type ${this.#limit.type} for key ${key}`;
    bucket.tokens -= 1;
    return undefined;
  }
}

/** Whoever floods the store with events is told to wait. */
export function eventRateLimit(clock: Clock, limits: readonly EventLimit[]): AdmissionPlugin {
  const limiters = limits.map((limit) => new Limiter(limit, clock));
  return {
    name: 'EventRateLimit',
    operations: ['CREATE', 'UPDATE'],
    validate(a) {
      if (a.resource.kind !== 'Event' || !['', 'events.k8s.io'].includes(a.resource.group) || a.dryRun) return Promise.resolve();
      const refusals = [...new Set(limiters.map((limiter) => limiter.refusal(a)).filter((one) => one !== undefined))];
      if (refusals.length > 0) throw new StatusError('TooManyRequests', `Too many requests: ${refusals.length === 1 ? refusals[0] as string : `[${refusals.join(', ')}]`}`);
      return Promise.resolve();
    },
  };
}
