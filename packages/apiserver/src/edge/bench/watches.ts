import type { HeaderMap } from '@coxswain/host';
import type { ClientRequest, Head, StreamHandler } from '@coxswain/http2';
import { runLoad, range } from './load.ts';
import { mergePatch, namespace, nodeName, podPath } from './objects.ts';
import { connectAll, type Connection, type Endpoint } from './wire.ts';

const watchesOnAConnection = 100;
const newline = 10;
const eventsWithinMs = 120_000;

export interface WatchOptions {
  readonly watches: number;
  readonly writes: number;
  /** Each watches the pods of one node; otherwise each watches all of them. */
  readonly byNode: boolean;
  readonly nodes: number;
  readonly writers: number;
}

export interface WatchResult {
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly writesPerSecond: number;
}

/** One event is one line; lines are counted. */
class Lines implements StreamHandler {
  request: ClientRequest | undefined;
  readonly #opened: () => void;
  readonly #line: () => void;
  readonly #failed: (error: Error) => void;

  constructor(opened: () => void, line: () => void, failed: (error: Error) => void) {
    this.#opened = opened;
    this.#line = line;
    this.#failed = failed;
  }

  head(head: Head, ended: boolean): void {
    if (head.status === 200 && !ended) this.#opened();
    else this.#failed(new Error(`a watch was answered with ${head.status}`));
  }

  data(data: Uint8Array, ended: boolean): void {
    // As a Buffer: that looks for a byte many times faster.
    const { indexOf } = Buffer.prototype;
    for (let at = indexOf.call(data, newline); at >= 0; at = indexOf.call(data, newline, at + 1)) this.#line();
    if (ended) this.#failed(new Error('a watch ended'));
    else this.request?.stream?.consumed(data.length);
  }

  trailers(_headers: HeaderMap): void {
    this.#failed(new Error('a watch ended'));
  }

  reset(code: number): void {
    this.#failed(new Error(`a watch was broken off (HTTP/2 error ${code})`));
  }

  drained(): void {}
}

/** From the first write until the last watcher has the last event. */
export async function runWatches(endpoint: Endpoint, writers: readonly Connection[], resourceVersion: string, options: WatchOptions): Promise<WatchResult> {
  const connections = await connectAll(endpoint, Math.ceil(options.watches / watchesOnAConnection));
  try {
    return await new Promise<WatchResult>((resolve, reject) => {
      const late = setTimeout(() => { reject(new Error('the events of a watch did not come in time')); }, eventsWithinMs);
      const settle = <T>(act: (value: T) => void) => (value: T): void => {
        clearTimeout(late);
        act(value);
      };
      watchAll(connections, writers, resourceVersion, options, settle(resolve), settle(reject));
    });
  } finally {
    for (const connection of connections) connection.close();
  }
}

function watchAll(connections: readonly Connection[], writers: readonly Connection[], resourceVersion: string, options: WatchOptions, resolve: (result: WatchResult) => void, reject: (error: Error) => void): void {
  const expected = expectedEvents(options);
  let opened = 0;
  let events = 0;
  let startMs = 0;
  let writesPerSecond = 0;
  const finish = (): void => {
    if (events === expected && writesPerSecond > 0) resolve({ events: expected, eventsPerSecond: expected / ((performance.now() - startMs) / 1000), writesPerSecond });
  };
  const begin = (): void => {
    startMs = performance.now();
    write(writers, options).then((rate) => { writesPerSecond = rate; finish(); }, reject);
  };
  for (let at = 0; at < options.watches; at += 1) {
    const handler = new Lines(() => { opened += 1; if (opened === options.watches) begin(); }, () => { events += 1; finish(); }, reject);
    const selector = options.byNode ? `&fieldSelector=${encodeURIComponent(`spec.nodeName=${nodeName(at % options.nodes)}`)}` : '';
    handler.request = (connections[at % connections.length] as Connection).start({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods?watch=true&resourceVersion=${resourceVersion}${selector}` }, handler);
  }
}

/** Of one node's pods tell those watchers whose node it is. */
function expectedEvents({ byNode, watches, writes, nodes }: WatchOptions): number {
  if (!byNode) return watches * writes;
  let events = 0;
  for (let at = 0; at < writes; at += 1) events += Math.floor((watches - (at % nodes) - 1) / nodes) + 1;
  return events;
}

let written = 0;

async function write(writers: readonly Connection[], options: WatchOptions): Promise<number> {
  written += 1;
  const value = written;
  const result = await runLoad(writers, {
    inFlight: options.writers, accepted: [200],
    next: range(0, options.writes, (at) => ({ method: 'PATCH', path: podPath(at), contentType: 'application/merge-patch+json', body: mergePatch(1_000_000 * value + at) })),
  });
  if (result.failed > 0) throw new Error(result.firstFailure);
  return result.perSecond;
}
