import { frameHeadBytes, preface, uint31, uint32 } from './frames.ts';
import { Connection } from './connection.ts';
import type { ConnectionOptions } from './connection-types.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import type { Field } from './header-table.ts';
import type { Head } from './head.ts';
import { limits } from './server.ts';
import type { Http2Stream, StreamHandler } from './stream.ts';

export interface Frame { readonly type: number; readonly flags: number; readonly id: number; readonly payload: Uint8Array }

export function frame(type: number, flags: number, id: number, payload: readonly number[] | Uint8Array = []): Uint8Array {
  const out = new Uint8Array(frameHeadBytes + payload.length);
  out.set([payload.length >>> 16, payload.length >>> 8, payload.length, type, flags, id >>> 24, id >>> 16, id >>> 8, id]);
  out.set(payload, frameHeadBytes);
  return out;
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

export function u32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

export const opening = join(Uint8Array.from(preface, (char) => char.charCodeAt(0)), frame(4, 0, 0));

export function framesOf(data: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < data.length;) {
    const length = uint32(data, at) >>> 8;
    frames.push({ type: data[at + 3] as number, flags: data[at + 4] as number, id: uint31(data, at + 5), payload: data.slice(at + 9, at + 9 + length) });
    at += 9 + length;
  }
  return frames;
}

export class Recorder implements StreamHandler {
  readonly log: string[] = [];
  readonly parts: Uint8Array[] = [];
  heads: Head[] = [];
  head(head: Head, ended: boolean): void { this.heads.push(head); this.log.push(`head ${head.status}${ended ? ' end' : ''}`); }
  data(data: Uint8Array, ended: boolean): void { this.parts.push(data.slice()); this.log.push(`data ${data.length}${ended ? ' end' : ''}`); }
  trailers(headers: Readonly<Record<string, unknown>>): void { this.log.push(`trailers ${JSON.stringify(headers)}`); }
  reset(code: number): void { this.log.push(`reset ${code}`); }
  drained(): void { this.log.push('drained'); }
}

/** A server's connection and what is said to it by hand. */
export class RawPeer {
  readonly encoder = new HpackEncoder();
  readonly streams: { readonly stream: Http2Stream; readonly head: Head; readonly ended: boolean; readonly recorder: Recorder }[] = [];
  readonly connection: Connection;
  nowMs = 0;
  closed: { readonly code: number | undefined } | undefined;

  constructor(options: Partial<ConnectionOptions> = {}) {
    this.connection = new Connection({ ...limits, role: 'server', nowMs: () => this.nowMs, ...options }, {
      output: () => undefined, flush: () => undefined, changed: () => undefined,
      stream: (stream, head, ended) => {
        const recorder = new Recorder();
        stream.handler = recorder;
        this.streams.push({ stream, head, ended, recorder });
      },
      closed: (failure) => { this.closed = { code: failure?.code }; },
    });
    this.connection.start();
  }

  block(fields: readonly Field[] = [[':method', 'POST'], [':scheme', 'http'], [':path', '/x'], [':authority', 'a']]): Uint8Array {
    return this.encoder.encode(fields).slice();
  }

  /** What it answers. */
  say(...parts: readonly Uint8Array[]): Frame[] {
    this.connection.receive(join(...parts));
    return this.taken();
  }

  taken(): Frame[] {
    return framesOf(join(...this.connection.take()));
  }

  open(): void {
    this.say(opening);
  }

  errorCodes(frames: readonly Frame[]): string[] {
    return frames.flatMap(({ type, payload, id }) => {
      if (type === 7) return [`goaway ${uint32(payload, 4)}`];
      return type === 3 ? [`rst ${id} ${uint32(payload, 0)}`] : [];
    });
  }
}
