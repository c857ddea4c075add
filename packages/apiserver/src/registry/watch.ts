import { StatusError, type JsonObject } from '@coxswain/api';
import { concatBytes, type ByteSink, type ByteSource, type HttpResponse, type PushSource, type TimerHandle } from '@coxswain/host';
import { contentTypeOf, type Negotiated } from '../negotiation/accept.ts';
import { watchFrameLengthBytes } from '../negotiation/protobuf.ts';
import { frameMaker, type FrameMaker } from '../negotiation/watch-frames.ts';
import type { StoredObject } from '../storage/codec.ts';
import { TooOld, type WatchCache } from '../watch-cache/cache.ts';
import type { CacheEvent } from '../watch-cache/event.ts';
import type { Trigger } from '../watch-cache/watchers.ts';
import type { Watcher, WatcherItem } from '../watch-cache/watcher.ts';
import type { Operation } from './context.ts';
import { apiVersionOf } from './kind.ts';
import { listPrefix, parseRevision, tooLargeResourceVersion } from './list.ts';
import { readListOptions, type ListOptions } from './options.ts';
import { selectionOf, type Selection } from './selection.ts';
import { watchHandshake, webSocketWatch } from './watch-web-socket.ts';

const bookmarkEveryMs = 60_000;
const pieceBytes = 16 * 1024;

/** What one watcher sees of a change: nothing, the change, or an object that came into or left its selection. */
function seenBy(event: CacheEvent, prefix: string, selection: Selection): { readonly type: CacheEvent['type']; readonly object: StoredObject } | undefined {
  if (!event.object.key.startsWith(prefix)) return undefined;
  if (selection.everything) return { type: event.type, object: event.object };
  const now = event.type !== 'DELETED' && selection.selects(event.object);
  const before = event.previous !== undefined && selection.selects(event.previous);
  if (now) return { type: before ? 'MODIFIED' : 'ADDED', object: event.object };
  if (!before || event.previous === undefined) return undefined;
  return { type: 'DELETED', object: event.type === 'DELETED' ? event.object : event.previous.at(event.revision) };
}

async function openWatcher(operation: Operation, options: ListOptions, trigger: Trigger | undefined): Promise<Watcher> {
  const { cache } = operation.kind.hub;
  const { resourceVersion } = options;
  await cache.startReadable();
  if (options.sendInitialEvents !== true) {
    const after = resourceVersion === '' ? 0 : parseRevision(resourceVersion);
    return cache.watchAfter(after === 0 ? cache.revision : after, trigger);
  }
  if (resourceVersion === '') await cache.fresh();
  else if (!(await cache.reached(parseRevision(resourceVersion)))) throw tooLargeResourceVersion(parseRevision(resourceVersion), cache.revision);
  return cache.watchFromState(listPrefix(operation), { markEnd: options.allowWatchBookmarks, trigger });
}

/** Ends a watch in time, and sends bookmarks now and then if they were asked for. */
class Schedule {
  readonly #watcher: Watcher;
  readonly #cache: WatchCache;
  readonly #operation: Operation;
  readonly #end: TimerHandle;
  #bookmark: TimerHandle | undefined;

  constructor(operation: Operation, watcher: Watcher, options: ListOptions) {
    const { timers, random } = operation.context.host;
    this.#operation = operation;
    this.#watcher = watcher;
    this.#cache = operation.kind.hub.cache;
    const seconds = options.timeoutSeconds === undefined || options.timeoutSeconds === 0 ? operation.context.minWatchSeconds * (1 + random.float()) : options.timeoutSeconds;
    this.#end = timers.after(Math.max(seconds, 0) * 1000, () => this.#finish(options.allowWatchBookmarks));
    if (options.allowWatchBookmarks) this.#plan();
  }

  #plan(): void {
    const { timers, random } = this.#operation.context.host;
    this.#bookmark = timers.after(bookmarkEveryMs * (0.85 + 0.3 * random.float()), () => {
      this.#mark();
      this.#plan();
    });
  }

  #mark(): void {
    this.#watcher.push({ kind: 'bookmark', revision: this.#cache.revision, initialEventsEnd: false });
  }

  #finish(bookmark: boolean): void {
    if (bookmark) this.#mark();
    this.#watcher.close();
  }

  cancel(): void {
    this.#end.cancel();
    this.#bookmark?.cancel();
  }
}

class Frames {
  readonly #operation: Operation;
  readonly #make: FrameMaker;
  readonly #prefix: string;
  readonly #selection: Selection;
  readonly #told: (sizeBytes: number) => void;
  /** Of each type, the name under which an event's frame is shared; undefined: it is not. */
  readonly #shareKeys: Readonly<Record<CacheEvent['type'], string>> | undefined;

  constructor(operation: Operation, negotiated: Negotiated, selection: Selection) {
    this.#operation = operation;
    this.#make = frameMaker(operation.kind, negotiated, operation.info.query);
    this.#prefix = listPrefix(operation);
    this.#selection = selection;
    this.#told = operation.kind.hub.cache.meters.told(operation.kind.api.version, operation.kind.api.kind);
    if (this.#make.shareKey === '') return;
    const key = `${apiVersionOf(operation.kind.api)} ${this.#make.shareKey}`;
    this.#shareKeys = { ADDED: `ADDED ${key}`, MODIFIED: `MODIFIED ${key}`, DELETED: `DELETED ${key}` };
  }

  #event(event: CacheEvent): Uint8Array | undefined {
    const seen = seenBy(event, this.#prefix, this.#selection);
    if (seen === undefined) return undefined;
    if (this.#shareKeys === undefined) return this.#make.frame(seen.type, seen.object);
    const key = this.#shareKeys[seen.type];
    const known = event.frames.get(key);
    if (known !== undefined) return known;
    const made = this.#make.frame(seen.type, seen.object);
    event.frames.set(key, made);
    return made;
  }

  #bookmark(revision: number, initialEventsEnd: boolean): Uint8Array {
    const { kind } = this.#operation;
    const object: JsonObject = {
      kind: kind.api.kind, apiVersion: apiVersionOf(kind.api),
      metadata: { resourceVersion: String(revision), creationTimestamp: null, ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}) },
    };
    return this.#make.bookmark(object);
  }

  of(item: WatcherItem): Uint8Array | undefined {
    const frame = item.kind === 'event' ? this.#event(item.event) : this.#bookmark(item.revision, item.initialEventsEnd);
    if (frame !== undefined) this.#told(frame.length);
    return frame;
  }

  error(error: StatusError): Uint8Array {
    return this.#make.error(error);
  }
}

/** The body of a watch: pushed where the wire can take it, else taken in turns. */
class WatchBody implements PushSource {
  readonly #watcher: Watcher;
  readonly #schedule: Schedule;
  readonly #frames: Frames;
  #sink: ByteSink | undefined;
  #full = false;

  constructor(watcher: Watcher, schedule: Schedule, frames: Frames) {
    this.#watcher = watcher;
    this.#schedule = schedule;
    this.#frames = frames;
  }

  start(sink: ByteSink): void {
    this.#sink = sink;
    this.#watcher.read({ wire: sink.wire, ready: () => { this.#pump(); } });
  }

  drained(): void {
    this.#full = false;
    this.#pump();
  }

  stop(): void {
    this.#sink = undefined;
    this.#schedule.cancel();
    this.#watcher.close();
  }

  /** What the sink does not take waits in the watcher, which is dropped when it is too much. */
  #pump(): void {
    while (!this.#full && this.#sink !== undefined) {
      const item = this.#watcher.next();
      if (item === undefined) {
        if (this.#watcher.closed) this.#end(this.#sink);
        return;
      }
      const frame = this.#frames.of(item);
      if (frame !== undefined) this.#full = !this.#sink.write(frame);
    }
  }

  #end(sink: ByteSink): void {
    this.stop();
    sink.end();
  }

  /** Many frames together, but never so many that one piece is large. */
  *#parts(items: readonly WatcherItem[]): Generator<Uint8Array, void, undefined> {
    let parts: Uint8Array[] = [];
    let sizeBytes = 0;
    for (const item of items) {
      const frame = this.#frames.of(item);
      if (frame === undefined) continue;
      parts.push(frame);
      sizeBytes += frame.length;
      if (sizeBytes < pieceBytes) continue;
      yield concatBytes(parts);
      parts = [];
      sizeBytes = 0;
    }
    if (sizeBytes > 0) yield concatBytes(parts);
  }

  /** One at a time, for wires that keep them apart. */
  async *frames(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let items = await this.#watcher.take(); items !== undefined; items = await this.#watcher.take()) {
        for (const item of items) {
          const frame = this.#frames.of(item);
          if (frame !== undefined) yield frame;
        }
      }
    } finally {
      this.stop();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let items = await this.#watcher.take(); items !== undefined; items = await this.#watcher.take()) yield* this.#parts(items);
    } finally {
      this.stop();
    }
  }
}

function bodyOf(operation: Operation, watcher: Watcher, schedule: Schedule, frames: Frames): WatchBody {
  const body = new WatchBody(watcher, schedule, frames);
  const { signal } = operation.http;
  signal.addEventListener('abort', () => { body.stop(); }, { once: true });
  // The client left while the cache was being filled.
  if (signal.aborted) body.stop();
  return body;
}

async function* only(frame: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield frame;
}

/** What a watch says, and how that is stopped. */
interface Telling {
  readonly body: ByteSource;
  frames(): ByteSource;
  stop(): void;
}

function onlyError(frame: Uint8Array): Telling {
  return { body: only(frame), frames: () => only(frame), stop: () => undefined };
}

async function tell(operation: Operation, options: ListOptions, selection: Selection, frames: Frames): Promise<Telling> {
  try {
    const watcher = await openWatcher(operation, options, selection.trigger);
    const body = bodyOf(operation, watcher, new Schedule(operation, watcher, options), frames);
    return { body, frames: () => body.frames(), stop: () => body.stop() };
  } catch (error) {
    // A version that is yet to come is told in the stream, as upstream's cache tells it.
    if (error instanceof StatusError && error.code === 504) return onlyError(frames.error(error));
    if (error instanceof TooOld) return onlyError(frames.error(new StatusError('Expired', error.message)));
    throw error;
  }
}

/** Messages have a length of their own. */
async function* withoutLength(frames: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const frame of frames) yield frame.subarray(watchFrameLengthBytes);
}

export async function watchObjects(operation: Operation, negotiated: Negotiated): Promise<HttpResponse> {
  const { host } = operation.context;
  const options = readListOptions(operation.info.query, true);
  const selection = selectionOf(operation.kind, options, operation.info.name);
  const handshake = watchHandshake(operation.http, host.crypto);
  if (handshake.kind === 'refused') return handshake.response;
  const telling = await tell(operation, options, selection, new Frames(operation, negotiated, selection));
  const json = negotiated.mediaType === 'json';
  if (handshake.kind === 'plain') return { status: 200, headers: { 'content-type': json ? contentTypeOf.json : `${contentTypeOf[negotiated.mediaType]};stream=watch` }, body: telling.body };
  const messages = json ? telling.frames() : withoutLength(telling.frames());
  return webSocketWatch(handshake.headers, messages, json ? 'text' : 'binary', host.timers, () => telling.stop());
}
