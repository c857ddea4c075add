import type { JsonObject } from '@coxswain/api';
import type { Host } from '@coxswain/host';
import type { Metrics } from '@coxswain/service';
import { flowSchemas, priorityLevels } from '../bootstrap/flow-control-objects.ts';
import { nameOf } from '../registry/object.ts';
import type { CacheReader, RequestInfo, UserInfo } from '../types.ts';
import { workOf, type Counts, type Work } from './estimate.ts';
import { Levels, levelSpec, type Level } from './levels.ts';
import { inOrder, schemaOf, type Schema } from './match.ts';
import { flowMetrics, type FlowMetrics, type FlowSeries } from './metrics.ts';
import { maxSeats, type Arrival, type Start } from './queue-set.ts';
import { WatchCounts } from './watch-counts.ts';

const group = 'flowcontrol.apiserver.k8s.io';
const adjustEveryMs = 10_000;
const mandatory = new Set(['exempt', 'catch-all']);

export interface FlowControlConfig {
  /** Seats of the whole server. */
  readonly totalSeats: number;
  /** Longest wait in a queue. */
  readonly waitMs: number;
}

export interface FlowRequest {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly signal: AbortSignal;
}

export type Entry =
  | { readonly kind: 'execute'; readonly headers: Readonly<Record<string, string>>; readonly finish: () => void }
  | { readonly kind: 'reject'; readonly headers: Readonly<Record<string, string>>; readonly retryAfterSeconds: number };

interface Flow {
  readonly schema: Schema;
  readonly level: Level;
  readonly headers: Readonly<Record<string, string>>;
  readonly metrics: FlowSeries;
}

const mandatorySchemas = (flowSchemas as readonly unknown[] as readonly JsonObject[]).filter((schema) => mandatory.has(nameOf(schema)));
const mandatoryLevels = (priorityLevels as readonly unknown[] as readonly JsonObject[]).filter((level) => mandatory.has(nameOf(level)));

function withMandatory(objects: readonly JsonObject[], needed: readonly JsonObject[]): readonly JsonObject[] {
  const names = new Set(objects.map(nameOf));
  return [...objects, ...needed.filter((one) => !names.has(nameOf(one)))];
}

/** A class: its signal is asked for only by those that wait. */
class FlowArrival implements Arrival {
  readonly schema: string;
  readonly distinguisher: string;
  readonly work: Work;
  readonly waitMs: number;
  readonly #request: FlowRequest;

  constructor(schema: Schema, request: FlowRequest, work: Work, waitMs: number) {
    this.schema = schema.name;
    this.distinguisher = schema.distinguisher(request);
    this.work = work;
    this.waitMs = waitMs;
    this.#request = request;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }
}

/** Priority and fairness: says of each request at once, or after a wait, whether it is served. Follows its objects as they change. */
export class FlowControl {
  readonly #host: Host;
  readonly #config: FlowControlConfig;
  readonly #levels: Levels;
  readonly #metrics: FlowMetrics;
  readonly #counts: Counts;
  readonly watches = new WatchCounts();
  #flows: readonly Flow[] = [];
  #catchAll: Flow | undefined;

  constructor(config: FlowControlConfig, host: Host, metrics: Metrics, objects: Counts['objects']) {
    this.#config = config;
    this.#host = host;
    this.#levels = new Levels(config.totalSeats, host);
    this.#metrics = flowMetrics(metrics);
    this.#counts = { objects, watchers: (info) => this.watches.interested(info) };
    this.#configure([], []);
  }

  get levels(): readonly Level[] {
    return this.#levels.all;
  }

  start(cache: CacheReader, stop: AbortSignal): void {
    const read = (): void => this.#configure(cache.list(group, 'flowschemas'), cache.list(group, 'prioritylevelconfigurations'));
    let planned = false;
    // Many change at once when a cluster begins.
    const plan = (): void => {
      if (planned) return;
      planned = true;
      this.#host.timers.after(0, () => {
        planned = false;
        if (!stop.aborted) read();
      });
    };
    const ends = ['flowschemas', 'prioritylevelconfigurations'].map((resource) => cache.onChange(group, resource, plan));
    stop.addEventListener('abort', () => ends.forEach((end) => end()), { once: true });
    plan();
    void this.#adjustNowAndThen(stop);
  }

  async #adjustNowAndThen(stop: AbortSignal): Promise<void> {
    for (;;) {
      await this.#host.timers.sleep(adjustEveryMs, stop);
      if (stop.aborted) return;
      this.#levels.adjust();
      this.#metrics.levels(this.#levels.all, this.#levels.fairFraction);
    }
  }

  #configure(schemas: readonly JsonObject[], levels: readonly JsonObject[]): void {
    this.#levels.configure(withMandatory(levels, mandatoryLevels).map(levelSpec));
    this.#flows = inOrder(withMandatory(schemas, mandatorySchemas).map(schemaOf)).flatMap((schema) => {
      const level = this.#levels.get(schema.level);
      if (level === undefined) return [];
      const metrics = this.#metrics.of({ flow_schema: schema.name, priority_level: level.spec.name });
      return [{ schema, level, metrics, headers: { 'x-kubernetes-pf-flowschema-uid': schema.uid, 'x-kubernetes-pf-prioritylevel-uid': level.spec.uid } }];
    });
    this.#catchAll = this.#flows.find(({ schema }) => schema.name === 'catch-all');
    this.#metrics.levels(this.#levels.all, this.#levels.fairFraction);
  }

  #flowOf(request: FlowRequest): Flow | undefined {
    for (const flow of this.#flows) if (flow.schema.matches(request)) return flow;
    return this.#catchAll;
  }

  /** An answer at once unless the request has to wait. */
  enter(request: FlowRequest): Entry | Promise<Entry> {
    const flow = this.#flowOf(request);
    if (flow === undefined) return { kind: 'reject', headers: {}, retryAfterSeconds: 1 };
    const { schema, level } = flow;
    const work = workOf(request.info, level.requestSeats, this.#counts);
    flow.metrics.seats(maxSeats(work));
    const start = level.queues.start(new FlowArrival(schema, request, work, this.#config.waitMs));
    if (!(start instanceof Promise)) return this.#entry(flow, start, request.info, 0);
    const sinceMs = this.#host.clock.monotonicMs();
    return start.then((later) => this.#entry(flow, later, request.info, this.#host.clock.monotonicMs() - sinceMs));
  }

  #entry({ level, headers, metrics }: Flow, start: Start, info: RequestInfo, waitedMs: number): Entry {
    if (level.queues.limiting.kind === 'queue') metrics.waited(start.kind === 'execute', waitedMs);
    if (start.kind === 'reject') {
      const nowMs = this.#host.clock.nowMs();
      level.retryAfter.record(nowMs);
      metrics.rejected(start.reason);
      return { kind: 'reject', headers, retryAfterSeconds: level.retryAfter.seconds };
    }
    const startedMs = this.#host.clock.monotonicMs();
    metrics.dispatched();
    return {
      kind: 'execute', headers,
      finish: () => {
        start.finish();
        metrics.executed(info.verb === 'watch' ? 'watch' : 'regular', this.#host.clock.monotonicMs() - startedMs);
      },
    };
  }
}
