import type { ClientTls } from '@coxswain/host';
import { grpcFrame } from '../../wire/grpc.ts';
import { codecs } from '../../wire/schema.ts';
import { keyOf, paths, putTemplate, setKey } from './requests.ts';
import { LeanConnection, type StreamHandler } from './wire/connection.ts';

export interface WatchLoadOptions {
  readonly endpoints: readonly string[];
  readonly tls: ClientTls | undefined;
  readonly watches: number;
  readonly writes: number;
  readonly writers: number;
  /** False: the other end sends the events by itself. */
  readonly write: boolean;
}

export interface WatchLoadResult { readonly perSecond: number; readonly clientCpuSeconds: number }

const connections = 10;
const prefix = 'watched/';
const valueBytes = 256;

/** Events of a WatchResponse (field 11) and whether it says `created` (field 3), without decoding any. */
function scan(buffer: Buffer, start: number, end: number): { readonly events: number; readonly created: boolean } {
  let events = 0;
  let created = false;
  let at = start;
  while (at < end) {
    const tag = buffer[at] as number;
    let value = 0;
    let shift = 1;
    let byte: number;
    at += 1;
    do {
      byte = buffer[at] as number;
      value += (byte & 0x7f) * shift;
      shift *= 128;
      at += 1;
    } while (byte >= 0x80);
    if (tag === 0x5a) events += 1;
    if (tag === 0x18) created = value === 1;
    if ((tag & 7) === 2) at += value;
  }
  return { events, created };
}

/** Watches of one prefix, a tenth of them on each connection's one stream; resolves when each has seen all writes. */
export async function runWatchLoad(options: WatchLoadOptions): Promise<WatchLoadResult> {
  const lines = await Promise.all(Array.from({ length: connections }, (_, at) => LeanConnection.connect(options.endpoints[at % options.endpoints.length] as string, options.tls)));
  let created = 0;
  let events = 0;
  let startMs = 0;
  const cpu = process.cpuUsage();
  await new Promise<void>((resolve, reject) => {
    const begin = (): void => {
      startMs = performance.now();
      if (options.write) write(lines, options, reject);
    };
    const handler: StreamHandler = {
      message: (buffer, start, end) => {
        const seen = scan(buffer, start, end);
        if (seen.created) { created += 1; if (created === options.watches) begin(); }
        events += seen.events;
        if (events === options.watches * options.writes) resolve();
      },
      end: () => { reject(new Error(`a watch stream ended after ${events} events`)); },
    };
    const create = grpcFrame(codecs.watchRequest.encode({ createRequest: {
      key: keyOf(prefix, 0).subarray(0, prefix.length), rangeEnd: Uint8Array.from(Buffer.from('watched0')), startRevision: 0, progressNotify: false, filters: [], prevKv: false, watchId: 0, fragment: false,
    } }));
    for (const line of lines) {
      const stream = line.call(paths.watch, create, handler, false);
      for (let more = 1; more < options.watches / connections; more += 1) line.send(stream, create, false);
    }
  });
  const seconds = (performance.now() - startMs) / 1000;
  const used = process.cpuUsage(cpu);
  for (const line of lines) line.close();
  return { perSecond: options.watches * options.writes / seconds, clientCpuSeconds: (used.user + used.system) / 1e6 };
}

function write(lines: readonly LeanConnection[], options: WatchLoadOptions, fail: (error: Error) => void): void {
  const template = putTemplate(prefix, valueBytes);
  let sent = 0;
  const next = (line: LeanConnection): void => {
    if (sent === options.writes) return;
    setKey(template, sent);
    sent += 1;
    line.call(template.path, template.bytes, {
      message: () => undefined,
      end: (ok) => { if (ok) next(line); else fail(new Error('a write of the watch load failed')); },
    }, true);
  };
  for (let at = 0; at < options.writers; at += 1) next(lines[at % lines.length] as LeanConnection);
}
