import { assert, type Host, type TimerHandle } from '@coxswain/host';
import { EtcdError, statusText } from '../client/errors.ts';
import { keyRange } from '../mvcc/key-text.ts';
import type { AbsentKeyValue } from '../mvcc/version.ts';
import { absentInEvents, withoutGone } from '../storage/index.ts';
import type { Taken, Watcher, WatchHub } from '../watch/hub.ts';
import { grpcMessage } from '../wire/grpc.ts';
import type { EventMessage, ResponseHeader, WatchCreateRequest, WatchRequest, WatchResponse } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { splitEvents } from './fragment.ts';
import type { StreamContext } from './methods.ts';
import type { WatchFrames } from './watch-frames.ts';
import { WatchOutput } from './watch-output.ts';

export interface WatchStreamOptions {
  readonly host: Host;
  readonly hub: WatchHub;
  readonly progressNotifyMs: number;
  readonly maxFragmentBytes: number;
  /** Fetches what is not in memory; see `Applier.load`. */
  load(absent: readonly AbsentKeyValue[]): Promise<void>;
  header(revision?: number): ResponseHeader;
  readonly frames: WatchFrames;
  /** Throws if who opened the stream may not read that. Asked once, when a watch is created. */
  permit(key: Uint8Array, rangeEnd: Uint8Array): Promise<void>;
}

interface StreamWatch {
  readonly id: number;
  readonly watcher: Watcher;
  /** 0: those after its creation. */
  readonly startRevision: number;
  readonly progressNotify: boolean;
  readonly fragment: boolean;
  /** Something was sent since the last round of progress notices. */
  active: boolean;
  wantsProgress: boolean;
  /** Its next events wait for values from files; until then nothing more is taken for it. */
  fetching: boolean;
}

/** As much as is gathered before it is handed to the wire. */
const gatherBytes = 64 * 1024;
/** Revisions looked through in one turn, for all watches of a stream together. */
const maxScanned = 8192;
const noKey = Uint8Array.of(0);
/** Answers to requests that wait for the wire; beyond that no more requests are read. */
const maxControlFrames = 1000;

/** All watches of one gRPC stream. Events are pulled from the hub only as fast as the client takes them. */
export class WatchStream {
  readonly #options: WatchStreamOptions;
  readonly #watches = new Map<number, StreamWatch>();
  /** Watches that have something to say, first come first served. */
  readonly #ready = new Set<StreamWatch>();
  #control: Uint8Array[] = [];
  #progressRequested = false;
  #eventsHeader: ResponseHeader | undefined;
  /** Watches that wait for values. */
  #fetching = 0;
  #nextId = 0;
  /** A long stretch of history was looked through: others first. */
  #needsTurn = false;
  #ended = false;
  #error: unknown;
  #wake: (() => void) | undefined;
  #roomForAnswers: (() => void) | undefined;
  #progressTimer: TimerHandle | undefined;

  constructor(options: WatchStreamOptions) {
    this.#options = options;
  }

  async *run({ requests, signal }: StreamContext): AsyncGenerator<Uint8Array, void, undefined> {
    void this.#readRequests(requests);
    const abort = (): void => { this.end(); };
    signal.addEventListener('abort', abort);
    try {
      while (!this.#ended) {
        const out = this.#gather();
        if (out !== undefined) yield out;
        if (this.#needsTurn) await this.#options.host.timers.sleep(0);
        else if (out === undefined) await new Promise<void>((resolve) => { this.#wake = resolve; });
      }
      if (this.#error !== undefined) throw this.#error;
    } finally {
      signal.removeEventListener('abort', abort);
      this.end();
      this.#progressTimer?.cancel();
      for (const { watcher } of this.#watches.values()) this.#options.hub.remove(watcher);
      this.#watches.clear();
    }
  }

  /** Also from outside: the member stops, or it has lost its leader. */
  end(error?: unknown): void {
    this.#error ??= error;
    this.#ended = true;
    this.#readOn();
    this.#signal();
  }

  #readOn(): void {
    const readOn = this.#roomForAnswers;
    this.#roomForAnswers = undefined;
    readOn?.();
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async #readRequests(requests: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const data of requests) {
        // A client that asks and never reads must not gather answers here.
        while (this.#control.length >= maxControlFrames && !this.#ended) await new Promise<void>((resolve) => { this.#roomForAnswers = resolve; });
        if (this.#ended) return;
        await this.#request(codecs.watchRequest.decode(data));
      }
      // The client has nothing more to ask but goes on listening if it has watches.
      if (this.#watches.size === 0) this.end();
    } catch (error) {
      this.end(error);
    }
  }

  async #request(request: WatchRequest): Promise<void> {
    if (request.createRequest !== undefined) await this.#createIfPermitted(request.createRequest);
    else if (request.cancelRequest !== undefined) this.#cancel(request.cancelRequest.watchId);
    else if (request.progressRequest !== undefined) this.#progressRequested = true;
    this.#signal();
  }

  async #createIfPermitted(request: WatchCreateRequest): Promise<void> {
    try {
      await this.#options.permit(request.key.length === 0 ? noKey : request.key, request.rangeEnd);
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      this.#refuse(-1, statusText(error));
      return;
    }
    if (!this.#ended) this.#create(request);
  }

  #create(request: WatchCreateRequest): void {
    if (request.startRevision < 0) {
      this.#refuse(-1, 'etcdserver: mvcc: required revision has been compacted');
      return;
    }
    const key = request.key.length === 0 ? noKey : request.key;
    const range = keyRange(key, request.rangeEnd);
    if (range.end !== undefined && !range.single && range.start >= range.end) {
      this.#refuse(-1, 'mvcc: watcher range is empty');
      return;
    }
    const id = this.#chooseId(request.watchId);
    if (id === undefined) {
      this.#refuse(-1, 'mvcc: duplicate watch ID provided on the WatchStream');
      return;
    }
    const watcher = this.#options.hub.add({
      range, startRevision: request.startRevision, prevKv: request.prevKv, noPut: request.filters.includes(0), noDelete: request.filters.includes(1),
      wake: () => { this.#woken(id); },
    });
    const watch: StreamWatch = { id, watcher, startRevision: request.startRevision, progressNotify: request.progressNotify, fragment: request.fragment, active: true, wantsProgress: false, fetching: false };
    this.#watches.set(id, watch);
    this.#ready.add(watch);
    this.#control.push(this.#frame({ watchId: id, created: true, events: [] }));
    if (watch.progressNotify) this.#notifyLater();
  }

  #chooseId(asked: number): number | undefined {
    if (asked !== 0) return this.#watches.has(asked) ? undefined : asked;
    while (this.#watches.has(this.#nextId)) this.#nextId += 1;
    this.#nextId += 1;
    return this.#nextId - 1;
  }

  #refuse(watchId: number, cancelReason: string): void {
    this.#control.push(this.#frame({ watchId, created: true, canceled: true, cancelReason, events: [] }));
  }

  #woken(id: number): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.#isReady(watch);
    this.#signal();
  }

  #isReady(watch: StreamWatch): void {
    if (!watch.fetching) this.#ready.add(watch);
  }

  #cancel(id: number): void {
    if (!this.#watches.has(id)) return;
    this.#remove(id);
    this.#control.push(this.#frame({ watchId: id, canceled: true, events: [] }));
  }

  #remove(id: number): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.#watches.delete(id);
    this.#ready.delete(watch);
    this.#options.hub.remove(watch.watcher);
  }

  #frame(response: WatchResponse, revision?: number): Uint8Array {
    return grpcMessage(codecs.watchResponse, { header: this.#options.header(revision), ...response });
  }

  /** Frames for the wire: answers to requests first, then events, a slice of each watch in turn. */
  #gather(): Uint8Array | undefined {
    const out = new WatchOutput();
    for (const frame of this.#control.splice(0)) out.frame(frame);
    this.#readOn();
    const startBytes = out.sizeBytes;
    let scanned = 0;
    this.#eventsHeader = undefined;
    // What is made ready meanwhile comes up again in the same loop.
    for (const watch of this.#ready) {
      const taken = watch.watcher.take();
      this.#ready.delete(watch);
      this.#write(out, watch, taken);
      if (taken.kind === 'events') {
        if (watch.wantsProgress || !watch.watcher.rest()) this.#isReady(watch);
        scanned += taken.scanned;
      }
      if (out.sizeBytes - startBytes > gatherBytes || scanned > maxScanned) break;
    }
    this.#needsTurn = scanned > maxScanned;
    if (this.#ready.size === 0 && this.#fetching === 0 && this.#progressRequested) this.#answerProgress(out);
    return out.count > 0 ? out.finish() : undefined;
  }

  /**
   * All that happened up to the header's revision has been sent to every watch of this stream. As in etcd no answer comes while
   * a watch starts later than that (its client would take the revision for one it has seen), nor without any watch.
   */
  #answerProgress(out: WatchOutput): void {
    this.#progressRequested = false;
    const { revision } = this.#options.header();
    const later = this.#watches.values().some(({ startRevision }) => startRevision > revision);
    if (this.#watches.size > 0 && !later) out.frame(this.#frame({ watchId: -1, events: [] }, revision));
  }

  #write(out: WatchOutput, watch: StreamWatch, taken: Taken): void {
    switch (taken.kind) {
      case 'events':
        this.#writeEvents(out, watch, taken.revision, taken.events);
        return;
      case 'compacted':
        this.#remove(watch.id);
        out.frame(this.#frame({ watchId: watch.id, canceled: true, compactRevision: taken.compactRevision, events: [] }));
        return;
      case 'synced':
        if (!watch.wantsProgress || watch.startRevision > taken.revision) return;
        watch.wantsProgress = false;
        out.frame(this.#frame({ watchId: watch.id, events: [] }, taken.revision));
    }
  }

  /** One for all watches that are told of the same revision in one go. */
  #headerAt(revision: number): ResponseHeader {
    if (this.#eventsHeader?.revision !== revision) this.#eventsHeader = this.#options.header(revision);
    return this.#eventsHeader;
  }

  #writeEvents(out: WatchOutput, watch: StreamWatch, revision: number, events: readonly EventMessage[]): void {
    if (events.length === 0) return;
    watch.active = true;
    const absent = absentInEvents(events);
    if (absent !== undefined) {
      void this.#fetch(watch, revision, events, absent);
      return;
    }
    const parts = watch.fragment ? splitEvents(events, this.#options.maxFragmentBytes) : [events];
    if (parts.length === 1 && watch.id >= 0) this.#options.frames.write(out, this.#headerAt(revision), watch.id, events);
    else for (const [at, part] of parts.entries()) out.frame(this.#frame({ watchId: watch.id, events: part, fragment: at < parts.length - 1 }, revision));
  }

  /** Other watches of the stream go on meanwhile. */
  async #fetch(watch: StreamWatch, revision: number, events: readonly EventMessage[], absent: readonly AbsentKeyValue[]): Promise<void> {
    watch.fetching = true;
    this.#fetching += 1;
    try {
      await this.#options.load(absent);
      watch.fetching = false;
      this.#fetching -= 1;
      if (this.#watches.get(watch.id) === watch) {
        const whole = withoutGone(events);
        assert(absentInEvents(whole) === undefined, 'an event must have its value', { revision });
        const out = new WatchOutput();
        this.#eventsHeader = undefined;
        this.#writeEvents(out, watch, revision, whole);
        if (out.count > 0) this.#control.push(out.finish());
        this.#isReady(watch);
      }
      this.#signal();
    } catch (error) {
      this.end(error);
    }
  }

  /** Watches that asked for it hear of the revision when nothing else was sent to them for a while. */
  #notifyLater(): void {
    this.#progressTimer ??= this.#options.host.timers.after(this.#options.progressNotifyMs, () => {
      this.#progressTimer = undefined;
      let any = false;
      for (const watch of this.#watches.values()) {
        if (!watch.progressNotify) continue;
        any = true;
        if (!watch.active) {
          watch.wantsProgress = true;
          this.#isReady(watch);
        }
        watch.active = false;
      }
      if (any && !this.#ended) this.#notifyLater();
      this.#signal();
    });
  }
}
