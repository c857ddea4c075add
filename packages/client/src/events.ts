import { type Host, rfc3339Seconds } from '@coxswain/host';
import type { Event, ObjectReference } from 'kubernetes-types/core/v1';
import { ApiError, isNotFound } from './api-error.ts';
import { resources } from './resources.ts';
import type { Client, EventRecorder, KubeObject } from './types.ts';

/** client-go's correlator: 25 events an object and source at once, then one in five minutes. */
const burst = 25;
const refillMs = 300_000;
/** Similar events (all but the message the same) within ten minutes: from the tenth message on they share one event. */
const aggregateAfter = 10;
const aggregateWindowMs = 600_000;
const cacheSize = 4096;
const maxAttempts = 12;
const retryMs = 10_000;
const maxMessageLength = 1024;
const maxWaiting = 1000;
/** Where many are written together. */
const maxWaitingTogether = 20_000;
const togetherAtMost = 200;

/** Answers of the server, an HTTP code an event; undefined: it cannot take many together. */
export type WriteEvents = (events: readonly Event[]) => Promise<readonly number[] | undefined>;

export interface EventSourceOptions {
  readonly component: string;
  /** Node name, for agents. */
  readonly instance?: string | undefined;
  /** For sources of thousands of events: new ones are written together where the server can. */
  readonly writeTogether?: WriteEvents;
}

interface Known { readonly name: string; count: number }

/**
 * A Map that keeps the last `cacheSize` keys used, and up to as many before them. Two generations, since the first
 * key of a Map whose first keys were deleted is slow to find.
 */
class Recent<V> {
  #young = new Map<string, V>();
  #old = new Map<string, V>();
  get(key: string): V | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }
  set(key: string, value: V): void {
    this.#young.set(key, value);
    if (this.#young.size < cacheSize) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}

/** An object that is a part of one (a container) may carry that as `fieldPath`. */
export function referenceOf(object: KubeObject): ObjectReference {
  const { metadata } = object;
  return {
    kind: object.kind ?? '', apiVersion: object.apiVersion ?? '', name: metadata?.name ?? '', uid: metadata?.uid ?? '',
    ...(metadata?.namespace === undefined ? {} : { namespace: metadata.namespace }),
    ...('fieldPath' in object && typeof object.fieldPath === 'string' ? { fieldPath: object.fieldPath } : {}),
    ...(metadata?.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion }),
  };
}

type Pending = { readonly reference: ObjectReference; readonly type: string; readonly reason: string; readonly message: string; readonly atMs: number };

/** With the message and the key under which it is counted. */
interface Counted { readonly key: string; readonly pending: Pending }

/** Events go out one after the other or, new ones, many together, in order, in the background. What cannot be delivered is dropped with a log line. */
export function createEventRecorder(host: Host, client: Client, source: EventSourceOptions): EventRecorder {
  return new Recorder(host, client, source);
}

class Recorder implements EventRecorder {
  readonly #host: Host;
  readonly #client: Client;
  readonly #source: EventSourceOptions;
  readonly #known = new Recent<Known>();
  readonly #similar = new Recent<{ messages: Set<string>; lastMs: number }>();
  readonly #tokens = new Recent<{ left: number; atMs: number }>();
  readonly #waiting: Pending[] = [];
  /** Taken from those that wait, and next. */
  #next: Counted | undefined;
  #running = false;
  #writeTogether: WriteEvents | undefined;

  constructor(host: Host, client: Client, source: EventSourceOptions) {
    this.#host = host;
    this.#client = client;
    this.#source = source;
    this.#writeTogether = source.writeTogether;
  }

  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const pending: Pending = {
      reference: referenceOf(object), type, reason, atMs: this.#host.clock.nowMs(),
      message: message.length > maxMessageLength ? message.slice(0, maxMessageLength) : message,
    };
    this.#host.log.debug('event', { object: `${pending.reference.namespace ?? ''}/${pending.reference.name}`, reason, message });
    // Bounded: an API server that is away must not fill the memory.
    if (!this.#admit(pending.reference) || this.#waiting.length >= (this.#writeTogether === undefined ? maxWaiting : maxWaitingTogether)) return;
    this.#waiting.push(pending);
    if (!this.#running) void this.#run();
  }

  /** Until nothing waits; never rejects. */
  async #run(): Promise<void> {
    this.#running = true;
    for (let first = this.#take(); first !== undefined; first = this.#take()) {
      const batch = this.#writeTogether === undefined || this.#known.get(first.key) !== undefined ? [first] : this.#newOnesAfter(first);
      if (batch.length > 1 && this.#writeTogether !== undefined) await this.#deliverTogether(batch, this.#writeTogether);
      else for (const one of batch) await this.#deliver(one);
    }
    this.#running = false;
  }

  #take(): Counted | undefined {
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) return next;
    const pending = this.#waiting.shift();
    return pending === undefined ? undefined : this.#aggregate(pending);
  }

  /** As many as go together, in order: up to the first that counts up another. */
  #newOnesAfter(first: Counted): readonly Counted[] {
    const batch = new Map([[first.key, first]]);
    while (batch.size < togetherAtMost) {
      const one = this.#take();
      if (one === undefined) break;
      if (batch.has(one.key) || this.#known.get(one.key) !== undefined) { this.#next = one; break; }
      batch.set(one.key, one);
    }
    return [...batch.values()];
  }

  async #deliverTogether(batch: readonly Counted[], write: WriteEvents): Promise<void> {
    const events = batch.map(({ pending }) => this.#newEvent(pending));
    let codes: readonly number[] | undefined = [];
    try {
      codes = await write(events);
      if (codes === undefined) this.#writeTogether = undefined;
    } catch (error) {
      this.#host.log.debug('events could not be written together, trying each', { error: String(error) });
    }
    for (const [at, one] of batch.entries()) {
      const code = codes?.[at] ?? 0;
      if (code >= 200 && code < 300) this.#known.set(one.key, { name: events[at]?.metadata.name ?? '', count: 1 });
      else if (code >= 400 && code < 500 && code !== 429) this.#host.log.debug('event was refused', { reason: one.pending.reason, code });
      else await this.#deliver(one);
    }
  }

  #admit(reference: ObjectReference): boolean {
    const key = [reference.kind, reference.namespace, reference.name, reference.uid].join('\0');
    const nowMs = this.#host.clock.monotonicMs();
    const bucket = this.#tokens.get(key) ?? { left: burst, atMs: nowMs };
    const left = Math.min(burst, bucket.left + (nowMs - bucket.atMs) / refillMs);
    this.#tokens.set(key, { left: left >= 1 ? left - 1 : left, atMs: nowMs });
    return left >= 1;
  }

  #aggregate(pending: Pending): Counted {
    const { reference, type, reason } = pending;
    const group = [reference.kind, reference.namespace, reference.name, reference.uid, reference.fieldPath, type, reason].join('\0');
    const nowMs = this.#host.clock.monotonicMs();
    const known = this.#similar.get(group);
    const similar = known === undefined || nowMs - known.lastMs > aggregateWindowMs ? { messages: new Set<string>(), lastMs: nowMs } : known;
    similar.lastMs = nowMs;
    if (similar.messages.size < aggregateAfter) similar.messages.add(pending.message);
    this.#similar.set(group, similar);
    if (similar.messages.size < aggregateAfter) return { key: `${group}\0${pending.message}`, pending };
    return { key: group, pending: { ...pending, message: `(combined from similar events): ${pending.message}` } };
  }

  async #deliver({ key, pending }: Counted): Promise<void> {
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      try {
        await this.#write(key, pending);
        return;
      } catch (error) {
        // The server has seen and refused it: for instance its namespace is being deleted.
        if (error instanceof ApiError && error.code < 500 && error.code !== 429) {
          this.#host.log.debug('event was refused', { reason: pending.reason, error: error.message });
          return;
        }
        this.#host.log.debug('event could not be written, trying again', { reason: pending.reason, error: String(error) });
        await this.#host.timers.sleep(retryMs * (attempt === 1 ? this.#host.random.float() : 1));
      }
    }
    this.#host.log.warn('event given up', { reason: pending.reason });
  }

  async #write(key: string, pending: Pending): Promise<void> {
    const known = this.#known.get(key);
    if (known !== undefined) {
      try {
        await this.#count(known, pending);
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
        // It has expired on the server.
        this.#known.delete(key);
      }
    }
    const event = this.#newEvent(pending);
    await this.#client.create(resources.events, event);
    this.#known.set(key, { name: event.metadata.name ?? '', count: 1 });
  }

  async #count(known: Known, pending: Pending): Promise<void> {
    const patch = { count: known.count + 1, lastTimestamp: rfc3339Seconds(pending.atMs), message: pending.message };
    await this.#client.patch(resources.events, { namespace: this.#namespace(pending), name: known.name }, 'strategic', patch);
    known.count += 1;
  }

  #namespace(pending: Pending): string {
    const { namespace } = pending.reference;
    return namespace === undefined || namespace === '' ? 'default' : namespace;
  }

  #newEvent(pending: Pending): Event {
    const timestamp = rfc3339Seconds(pending.atMs);
    // Upstream's name: the object's, and the time in nanoseconds as hex; ours adds random digits for the clock's missing ones.
    const suffix = (BigInt(Math.floor(pending.atMs)) * 1_000_000n + BigInt(this.#host.random.uint32() % 1_000_000)).toString(16);
    return {
      metadata: { name: `${pending.reference.name ?? ''}.${suffix}`, namespace: this.#namespace(pending) },
      involvedObject: pending.reference, reason: pending.reason, message: pending.message, type: pending.type, count: 1,
      firstTimestamp: timestamp, lastTimestamp: timestamp,
      source: { component: this.#source.component, ...(this.#source.instance === undefined ? {} : { host: this.#source.instance }) },
      reportingComponent: this.#source.component, reportingInstance: this.#source.instance ?? '',
    };
  }
}
