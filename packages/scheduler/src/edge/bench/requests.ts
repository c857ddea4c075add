import type { Call, Connection } from '@coxswain/apiserver/bench';
import type { ClientRequest, Head, StreamHandler } from '@coxswain/http2';
import type { HeaderMap } from '@coxswain/host';

/** How often which request went well, by `VERB resource/subresource`. */
export type RequestCounts = Readonly<Record<string, number>>;

export interface WholeAnswer {
  readonly status: number;
  readonly body: string;
}

/** All of an answer, kept. */
class Collecting implements StreamHandler {
  request: ClientRequest | undefined;
  readonly #chunks: Uint8Array[] = [];
  readonly #settle: (answer: WholeAnswer | Error) => void;
  #status = 0;

  constructor(settle: (answer: WholeAnswer | Error) => void) {
    this.#settle = settle;
  }

  head(head: Head, ended: boolean): void {
    this.#status = head.status;
    if (ended) this.#done();
  }

  data(data: Uint8Array, ended: boolean): void {
    this.#chunks.push(data.slice());
    if (ended) this.#done();
    else this.request?.stream?.consumed(data.length);
  }

  trailers(_headers: HeaderMap): void {
    this.#done();
  }

  #done(): void {
    this.#settle({ status: this.#status, body: Buffer.concat(this.#chunks).toString() });
  }

  reset(code: number): void {
    this.#settle(new Error(`the server broke a request off (HTTP/2 error ${code})`));
  }

  drained(): void {}
}

export function readWhole(connection: Connection, call: Call): Promise<WholeAnswer> {
  return new Promise((resolve, reject) => {
    const collecting = new Collecting((answer) => { if (answer instanceof Error) reject(answer); else resolve(answer); });
    collecting.request = connection.start(call, collecting);
  });
}

const changes: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE']);

/** From the text of an API server's metrics: writes of resources that went well. Ours counts an item of a fast-path call as the request that it stands for. */
export function writesIn(metrics: string): RequestCounts {
  const counts: Record<string, number> = {};
  for (const line of metrics.split('\n')) {
    const [, labels, value] = /^apiserver_request_total\{(.*)\} (\S+)/.exec(line) ?? [];
    if (labels === undefined || value === undefined) continue;
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    if (!changes.has(label('verb')) || !label('code').startsWith('2') || label('resource') === '') continue;
    const subresource = label('subresource');
    const name = `${label('verb')} ${label('resource')}${subresource === '' ? '' : `/${subresource}`}`;
    counts[name] = (counts[name] ?? 0) + Number(value);
  }
  return counts;
}

/** What came since; what did not is left out. */
export function countsSince(before: RequestCounts, after: RequestCounts): RequestCounts {
  return Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const).filter(([, count]) => count > 0));
}

/** New events and changed ones. */
export function eventsIn(counts: RequestCounts): number {
  return (counts['POST events'] ?? 0) + (counts['PATCH events'] ?? 0);
}
