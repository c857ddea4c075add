import { type Host, rfc3339Seconds } from '@coxswain/host';
import type { Event, ObjectReference } from 'kubernetes-types/core/v1';
import { isNotFound } from './api-error.ts';
import { EventOutbox, type Sending, type WriteEvents } from './event-outbox.ts';
import { Recent } from './recent.ts';
import { resources } from './resources.ts';
import type { Client, EventRecorder, KubeObject } from './types.ts';

/** client-go's correlator: 25 events an object and source at once, then one in five minutes. */
const burst = 25;
const refillMs = 300_000;
/** Similar events (all but the message the same) within ten minutes: from the tenth message on they share one event. */
const aggregateAfter = 10;
const aggregateWindowMs = 600_000;
const cacheSize = 4096;
const maxMessageLength = 1024;

export interface EventSourceOptions {
  readonly component: string;
  /** Node name, for agents. */
  readonly instance?: string | undefined;
  /** For sources of thousands of events: new ones are written together where the server can. */
  readonly writeTogether?: WriteEvents;
}

interface Known { readonly name: string; count: number }

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

/** Events of objects without a namespace are kept in `default`. */
export function eventNamespace({ namespace }: ObjectReference): string {
  return namespace === undefined || namespace === '' ? 'default' : namespace;
}

/** Upstream's: the object's name, and the time in nanoseconds as hex; random digits take the place of those that the clock has not. */
export function eventName(host: Host, reference: ObjectReference, atMs: number): string {
  const suffix = (BigInt(Math.floor(atMs)) * 1_000_000n + BigInt(host.random.uint32() % 1_000_000)).toString(16);
  return `${reference.name ?? ''}.${suffix}`;
}

/** What the API server takes at most. */
export function eventMessage(message: string): string {
  return message.length > maxMessageLength ? message.slice(0, maxMessageLength) : message;
}

type Pending = { readonly reference: ObjectReference; readonly type: string; readonly reason: string; readonly message: string; readonly atMs: number };

/** As client-go's tools/record. Events go out in order, in the background (see `EventOutbox`). */
export function createEventRecorder(host: Host, client: Client, source: EventSourceOptions): EventRecorder {
  return new Recorder(host, client, source);
}

class Recorder implements EventRecorder {
  readonly #host: Host;
  readonly #client: Client;
  readonly #source: EventSourceOptions;
  readonly #known = new Recent<Known>(cacheSize);
  readonly #similar = new Recent<{ messages: Set<string>; lastMs: number }>(cacheSize);
  readonly #tokens = new Recent<{ left: number; atMs: number }>(cacheSize);
  readonly #outbox: EventOutbox<Pending>;

  constructor(host: Host, client: Client, source: EventSourceOptions) {
    this.#host = host;
    this.#client = client;
    this.#source = source;
    this.#outbox = new EventOutbox(host, (pending) => this.#sending(pending), source.writeTogether);
  }

  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const pending: Pending = { reference: referenceOf(object), type, reason, atMs: this.#host.clock.nowMs(), message: eventMessage(message) };
    this.#host.log.debug('event', { object: `${pending.reference.namespace ?? ''}/${pending.reference.name}`, reason, message });
    if (this.#admit(pending.reference) && !this.#outbox.full) this.#outbox.push(pending);
  }

  #admit(reference: ObjectReference): boolean {
    const key = [reference.kind, reference.namespace, reference.name, reference.uid].join('\0');
    const nowMs = this.#host.clock.monotonicMs();
    const bucket = this.#tokens.get(key) ?? { left: burst, atMs: nowMs };
    const left = Math.min(burst, bucket.left + (nowMs - bucket.atMs) / refillMs);
    this.#tokens.set(key, { left: left >= 1 ? left - 1 : left, atMs: nowMs });
    return left >= 1;
  }

  #sending(occurrence: Pending): Sending {
    const { key, pending } = this.#aggregate(occurrence);
    let event: Event | undefined;
    return {
      key, reason: pending.reason, write: () => this.#write(key, pending),
      fresh: () => (this.#known.get(key) === undefined ? event ??= this.#newEvent(pending) : undefined),
      written: () => { this.#known.set(key, { name: event?.metadata.name ?? '', count: 1 }); },
    };
  }

  /** With the message and the key under which it is counted. */
  #aggregate(pending: Pending): { readonly key: string; readonly pending: Pending } {
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
    await this.#client.patch(resources.events, { namespace: eventNamespace(pending.reference), name: known.name }, 'strategic', patch);
    known.count += 1;
  }

  #newEvent(pending: Pending): Event {
    const timestamp = rfc3339Seconds(pending.atMs);
    return {
      metadata: { name: eventName(this.#host, pending.reference, pending.atMs), namespace: eventNamespace(pending.reference) },
      involvedObject: pending.reference, reason: pending.reason, message: pending.message, type: pending.type, count: 1,
      firstTimestamp: timestamp, lastTimestamp: timestamp,
      source: { component: this.#source.component, ...(this.#source.instance === undefined ? {} : { host: this.#source.instance }) },
      reportingComponent: this.#source.component, reportingInstance: this.#source.instance ?? '',
    };
  }
}
