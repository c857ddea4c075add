import { type Host, rfc3339Micros } from '@coxswain/host';
import type { Event, EventSeries, ObjectReference } from 'kubernetes-types/core/v1';
import { isAlreadyExists, isNotFound } from './api-error.ts';
import { EventOutbox, type Sending, type WriteEvents } from './event-outbox.ts';
import { eventMessage, eventName, eventNamespace, referenceOf } from './events.ts';
import { Recent } from './recent.ts';
import { resources } from './resources.ts';
import type { Client, EventDetail, EventRecorder, KubeObject } from './types.ts';

/** Since its last occurrence a series is over: its count is written. What happened once is forgotten. As client-go's tools/events. */
const finishMs = 360_000;
/** A series that goes on is written so often, so that it does not expire. */
const refreshMs = 1_800_000;
const singlesKept = 16_384;
const seriesKept = 4096;

export interface EventSeriesOptions {
  /** `reportingController` of events.k8s.io. */
  readonly component: string;
  readonly hostname: string;
  readonly writeTogether?: WriteEvents;
}

interface Occurrence {
  readonly reference: ObjectReference;
  readonly related: ObjectReference | undefined;
  readonly type: string;
  readonly reason: string;
  readonly action: string;
  readonly message: string;
  readonly atMs: number;
}

interface Single { readonly name: string; readonly seenMs: number }

interface Series {
  readonly name: string;
  /** The first one, from which the event is made again if it has expired. */
  readonly first: Occurrence;
  count: number;
  lastObservedMs: number;
  /** Monotonic. */
  seenMs: number;
  writtenMs: number;
}

type Work = { readonly kind: 'occurred'; readonly occurrence: Occurrence } | { readonly kind: 'write'; readonly key: string; readonly series: Series };

/**
 * As client-go's tools/events (events.k8s.io): the first of equal occurrences makes an event, the second a series of it, and later
 * ones are counted here and written when the series is over or has gone on for long. Occurrences are equal whatever their messages.
 */
export function createSeriesRecorder(host: Host, client: Client, source: EventSeriesOptions): EventRecorder {
  return new SeriesRecorder(host, client, source);
}

class SeriesRecorder implements EventRecorder {
  readonly #host: Host;
  readonly #client: Client;
  readonly #source: EventSeriesOptions;
  readonly #singles = new Recent<Single>(singlesKept);
  readonly #series = new Map<string, Series>();
  readonly #outbox: EventOutbox<Work>;
  #sweeping = false;

  constructor(host: Host, client: Client, source: EventSeriesOptions) {
    this.#host = host;
    this.#client = client;
    this.#source = source;
    this.#outbox = new EventOutbox(host, (work) => this.#sending(work), source.writeTogether);
  }

  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, detail?: EventDetail): void {
    const reference = referenceOf(object);
    this.#host.log.debug('event', { object: `${reference.namespace ?? ''}/${reference.name}`, reason, message });
    if (this.#outbox.full) return;
    const related = detail?.related === undefined ? undefined : referenceOf(detail.related);
    const occurrence = { reference, related, type, reason, action: detail?.action ?? '', message: eventMessage(message), atMs: this.#host.clock.nowMs() };
    this.#outbox.push({ kind: 'occurred', occurrence });
  }

  #sending(work: Work): Sending | undefined {
    if (work.kind === 'write') return this.#writing(work.key, work.series);
    const { occurrence } = work;
    const key = keyOf(occurrence);
    const seenMs = this.#host.clock.monotonicMs();
    const series = this.#series.get(key);
    if (series !== undefined) {
      Object.assign(series, { count: series.count + 1, lastObservedMs: occurrence.atMs, seenMs });
      return undefined;
    }
    const single = this.#singles.get(key);
    if (single !== undefined && seenMs - single.seenMs < finishMs) return this.#writing(key, this.#begin(key, single.name, occurrence, seenMs));
    const fresh = this.#eventOf(eventName(this.#host, occurrence.reference, occurrence.atMs), occurrence, undefined);
    this.#singles.set(key, { name: fresh.metadata.name ?? '', seenMs });
    return { key, reason: occurrence.reason, fresh: () => fresh, write: () => this.#create(fresh), written: () => {} };
  }

  #begin(key: string, name: string, first: Occurrence, seenMs: number): Series {
    const series = { name, first, count: 2, lastObservedMs: first.atMs, seenMs, writtenMs: seenMs };
    this.#singles.delete(key);
    this.#series.set(key, series);
    if (this.#series.size > seriesKept) this.#finishOldest();
    this.#sweepLater();
    return series;
  }

  #writing(key: string, series: Series): Sending {
    return { key, reason: series.first.reason, fresh: () => undefined, write: () => this.#patch(series), written: () => {} };
  }

  async #create(event: Event): Promise<void> {
    try {
      await this.#client.create(resources.events, event);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async #patch(series: Series): Promise<void> {
    const { name, first } = series;
    try {
      await this.#client.patch(resources.events, { namespace: eventNamespace(first.reference), name }, 'strategic', { series: seriesOf(series) });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await this.#create(this.#eventOf(name, first, seriesOf(series)));
    }
  }

  #sweepLater(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#host.timers.after(finishMs, () => {
      this.#sweeping = false;
      this.#sweep();
      if (this.#series.size > 0) this.#sweepLater();
    });
  }

  #sweep(): void {
    const nowMs = this.#host.clock.monotonicMs();
    for (const [key, series] of this.#series) {
      const over = nowMs - series.seenMs >= finishMs;
      if (over) this.#series.delete(key);
      if (!over && nowMs - series.writtenMs < refreshMs) continue;
      series.writtenMs = nowMs;
      this.#outbox.push({ kind: 'write', key, series });
    }
  }

  #finishOldest(): void {
    const [oldest] = this.#series;
    if (oldest === undefined) return;
    this.#series.delete(oldest[0]);
    this.#outbox.push({ kind: 'write', key: oldest[0], series: oldest[1] });
  }

  #eventOf(name: string, occurrence: Occurrence, series: EventSeries | undefined): Event {
    const { reference, related, type, reason, action, message, atMs } = occurrence;
    const { component, hostname } = this.#source;
    return {
      metadata: { name, namespace: eventNamespace(reference) }, involvedObject: reference, reason, message, type, action,
      eventTime: rfc3339Micros(atMs), reportingComponent: component, reportingInstance: `${component}-${hostname}`,
      source: {}, ...(related === undefined ? {} : { related }), ...(series === undefined ? {} : { series }),
    };
  }
}

function seriesOf({ count, lastObservedMs }: Series): EventSeries {
  return { count, lastObservedTime: rfc3339Micros(lastObservedMs) };
}

function keyOf({ reference, related, type, reason, action }: Occurrence): string {
  const parts = [type, action, reason];
  for (const { kind, namespace, name, uid, resourceVersion, fieldPath } of related === undefined ? [reference] : [reference, related])
    parts.push(kind ?? '', namespace ?? '', name ?? '', uid ?? '', resourceVersion ?? '', fieldPath ?? '');
  return parts.join('\0');
}
