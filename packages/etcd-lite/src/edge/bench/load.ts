import type { ClientTls } from '@coxswain/host';
import { getTemplate, putTemplate, revisionOf, setKey, setRevision, succeeded, updateTemplate, type Template } from './requests.ts';
import { LeanConnection, type StreamHandler } from './wire/connection.ts';

export type Operation = 'put' | 'linearizable get' | 'serializable get' | 'txn';

export interface LoadOptions {
  readonly endpoints: readonly string[];
  readonly tls: ClientTls | undefined;
  readonly operation: Operation;
  readonly clients: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
  /** Of this process. */
  readonly clientCpuSeconds: number;
}

export const keyCount = 10_000;
const keyPrefix = 'bench/';
const valueBytes = 256;
const clientsOnAConnection = 20;

let loads = 0;

function templateOf(operation: Operation): Template {
  switch (operation) {
    case 'put': return putTemplate(keyPrefix, valueBytes);
    case 'linearizable get': return getTemplate(keyPrefix, false);
    case 'serializable get': return getTemplate(keyPrefix, true);
    // Keys that no load before has written: what a client compares with must be its own writes.
    case 'txn': loads += 1; return updateTemplate(`object-${loads}/`, valueBytes);
  }
}

/** Twenty clients share a connection, connections are spread over the members. */
export function connectAll(endpoints: readonly string[], tls: ClientTls | undefined, clients: number): Promise<LeanConnection[]> {
  const count = Math.max(Math.ceil(clients / clientsOnAConnection), Math.min(clients, endpoints.length));
  return Promise.all(Array.from({ length: count }, (_, at) => LeanConnection.connect(endpoints[at % endpoints.length] as string, tls)));
}

/** What is measured lies between the end of the warm-up and `endMs`. */
class Recorder {
  readonly latenciesMs: number[] = [];
  failed = 0;
  readonly #startMs: number;
  readonly endMs: number;

  constructor(warmUpSeconds: number, seconds: number) {
    this.#startMs = performance.now() + warmUpSeconds * 1000;
    this.endMs = this.#startMs + seconds * 1000;
  }

  done(ok: boolean, sentMs: number, nowMs: number): void {
    if (!ok) this.failed += 1;
    else if (nowMs >= this.#startMs && nowMs < this.endMs) this.latenciesMs.push(nowMs - sentMs);
  }
}

/** One client: a request in flight, the next one when it is answered. */
class Client implements StreamHandler {
  readonly #connection: LeanConnection;
  readonly #template: Template;
  readonly #recorder: Recorder;
  readonly #finished: () => void;
  readonly #step: number;
  readonly #isTxn: boolean;
  readonly #revisions = new Map<number, number>();
  #number: number;
  #sentMs = 0;
  #changed = true;

  constructor(connection: LeanConnection, options: { readonly template: Template; readonly recorder: Recorder; readonly first: number; readonly step: number; readonly isTxn: boolean; readonly finished: () => void }) {
    this.#connection = connection;
    this.#template = options.template;
    this.#recorder = options.recorder;
    this.#number = options.first;
    this.#step = options.step;
    this.#isTxn = options.isTxn;
    this.#finished = options.finished;
  }

  start(nowMs: number): void {
    this.#sentMs = nowMs;
    setKey(this.#template, this.#number);
    if (this.#isTxn) setRevision(this.#template, this.#revisions.get(this.#number) ?? 0);
    this.#connection.call(this.#template.path, this.#template.bytes, this, true);
  }

  message(buffer: Buffer, start: number, end: number): void {
    if (!this.#isTxn) return;
    this.#changed = succeeded(buffer, start, end);
    this.#revisions.set(this.#number, revisionOf(buffer, start));
  }

  end(ok: boolean): void {
    const nowMs = performance.now();
    this.#recorder.done(ok && this.#changed, this.#sentMs, nowMs);
    if (nowMs >= this.#recorder.endMs || this.#connection.closed) { this.#finished(); return; }
    this.#number = (this.#number + this.#step) % keyCount;
    this.start(nowMs);
  }
}

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const connections = await connectAll(options.endpoints, options.tls, options.clients);
  const template = templateOf(options.operation);
  const recorder = new Recorder(options.warmUpSeconds, options.seconds);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await Promise.all(Array.from({ length: options.clients }, (_, index) => new Promise<void>((resolve) => {
    const connection = connections[index % connections.length] as LeanConnection;
    const step = stepOf(options.clients);
    new Client(connection, { template, recorder, first: index % keyCount, step, isTxn: options.operation === 'txn', finished: resolve }).start(performance.now());
  })));
  const used = process.cpuUsage(cpu);
  for (const connection of connections) connection.close();
  const sorted = Float64Array.from(recorder.latenciesMs).sort();
  const share = options.seconds / ((performance.now() - startMs) / 1000);
  return {
    perSecond: sorted.length / options.seconds, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), failed: recorder.failed,
    clientCpuSeconds: (used.user + used.system) / 1e6 * share,
  };
}

/** Keeps two clients from one key at the same time: it divides the number of keys, and each client stays in its class. */
function stepOf(clients: number): number {
  for (let step = clients; step <= keyCount; step += 1) if (keyCount % step === 0) return step;
  return keyCount;
}

export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
