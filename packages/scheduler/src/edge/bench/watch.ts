import { connectAll, type Connection, type Endpoint } from '@coxswain/apiserver/bench';
import type { ClientRequest, Head, StreamHandler } from '@coxswain/http2';
import type { HeaderMap } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import { setTimeout } from 'node:timers/promises';
import { readWhole } from './requests.ts';

const newline = 10;

type SeenPod = Pod & { readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion: string } };

type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: SeenPod }
  | { readonly type: 'ERROR'; readonly object: { readonly code?: number; readonly message?: string } };

/** How a watch ended: `gone`, what it would go on from is not kept any more; `lost`, its connection is of no use. */
type WatchEnd = 'closed' | 'gone' | 'lost';

/** The lines of one watch, as objects. */
class Lines implements StreamHandler {
  request: ClientRequest | undefined;
  readonly #opened: () => void;
  readonly #told: (event: WatchEvent) => void;
  readonly #ended: (end: WatchEnd) => void;
  #rest: Uint8Array[] = [];

  constructor(opened: () => void, told: (event: WatchEvent) => void, ended: (end: WatchEnd) => void) {
    this.#opened = opened;
    this.#told = told;
    this.#ended = ended;
  }

  head(head: Head, ended: boolean): void {
    if (head.status === 200 && !ended) this.#opened();
    else this.#ended(head.status === 410 ? 'gone' : 'closed');
  }

  data(data: Uint8Array, ended: boolean): void {
    let from = 0;
    for (let at = data.indexOf(newline); at >= 0; at = data.indexOf(newline, from)) {
      this.#told(JSON.parse(Buffer.concat([...this.#rest, data.subarray(from, at)]).toString()) as WatchEvent);
      this.#rest = [];
      from = at + 1;
    }
    if (from < data.length) this.#rest.push(data.slice(from));
    if (ended) this.#ended('closed');
    else this.request?.stream?.consumed(data.length);
  }

  trailers(_headers: HeaderMap): void {
    this.#ended('closed');
  }

  reset(): void {
    this.#ended('lost');
  }

  drained(): void {}
}

export interface PodsListener {
  /** As it is now; of each change at least the last one. */
  seen(key: string, pod: Pod): void;
  deleted(key: string): void;
  /** Of all that are known to be bound; what a list has not is gone. */
  known(): Iterable<string>;
}

const path = '/api/v1/pods';
/** Of a list. */
const pageSize = 500;
/** Endings one after the other without an event between them, after which nobody is waited for. */
const maxIdleEnds = 10;
const pauseMs = 100;

const keyOf = ({ metadata }: SeenPod): string => `${metadata.namespace}/${metadata.name}`;

/**
 * Pods, as long as the server lives: a watch that it ends (kube-apiserver does when it has been silent or slow for long) is opened again
 * from where it was, or after a new list if the server has forgotten that place.
 */
export class PodsWatch {
  readonly #endpoint: Endpoint;
  readonly #fields: string;
  readonly #listener: PodsListener;
  #connection: Connection | undefined;
  #version = '';
  #idleEnds = 0;
  #closed = false;
  /** How often it went on after an end. */
  reopened = 0;

  constructor(endpoint: Endpoint, which: 'all' | 'bound', listener: PodsListener) {
    this.#endpoint = endpoint;
    this.#fields = which === 'all' ? '' : `&fieldSelector=${encodeURIComponent('spec.nodeName!=')}`;
    this.#listener = listener;
  }

  /** Resolves once it watches; `failed` is told when it cannot go on. */
  async start(failed: (error: Error) => void): Promise<void> {
    await this.#list();
    await new Promise<void>((resolve, reject) => {
      this.#follow(resolve).catch((error: unknown) => {
        reject(error as Error);
        if (!this.#closed) failed(error as Error);
      });
    });
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
  }

  async #connected(): Promise<Connection> {
    this.#connection ??= (await connectAll(this.#endpoint, 1))[0] as Connection;
    return this.#connection;
  }

  async #list(): Promise<void> {
    const present = new Set<string>();
    let next = '';
    do {
      const { status, body } = await readWhole(await this.#connected(), { method: 'GET', path: `${path}?limit=${pageSize}${this.#fields}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}` });
      if (status !== 200) throw new Error(`the list of pods was answered with ${status} ${body.slice(0, 1000)}`);
      const { items, metadata } = JSON.parse(body) as { readonly items: readonly SeenPod[]; readonly metadata: { readonly resourceVersion: string; readonly continue?: string } };
      for (const pod of items) {
        present.add(keyOf(pod));
        this.#listener.seen(keyOf(pod), pod);
      }
      [this.#version, next] = [metadata.resourceVersion, metadata.continue ?? ''];
    } while (next !== '');
    for (const key of this.#listener.known()) if (!present.has(key)) this.#listener.deleted(key);
  }

  async #follow(opened: () => void): Promise<void> {
    for (;;) {
      let end = await this.#watch(opened);
      if (this.#closed) return;
      this.reopened += 1;
      this.#idleEnds += 1;
      if (this.#idleEnds > maxIdleEnds) throw new Error(`the watch of pods ended ${this.#idleEnds} times without an event`);
      if (this.#idleEnds > 1) await setTimeout(pauseMs);
      if (end === 'lost') this.#leave();
      try {
        if (end === 'gone') await this.#list();
      } catch (error) {
        if (this.#closed) return;
        if (this.#idleEnds === maxIdleEnds) throw error;
        end = 'lost';
        this.#leave();
      }
    }
  }

  #leave(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #watch(opened: () => void): Promise<WatchEnd> {
    let connection: Connection;
    try {
      connection = await this.#connected();
    } catch {
      return 'lost';
    }
    return new Promise((resolve) => {
      let gone = false;
      const handler = new Lines(opened, (event) => { gone = this.#tell(event) || gone; }, (end) => { resolve(gone ? 'gone' : end); });
      handler.request = connection.start({ method: 'GET', path: `${path}?watch=true&allowWatchBookmarks=true&resourceVersion=${this.#version}${this.#fields}` }, handler);
    });
  }

  /** Whether the server has said that it does not keep what was asked for. */
  #tell(event: WatchEvent): boolean {
    if (event.type === 'ERROR') return event.object.code === 410;
    this.#idleEnds = 0;
    this.#version = event.object.metadata.resourceVersion;
    if (event.type === 'DELETED') this.#listener.deleted(keyOf(event.object));
    else if (event.type !== 'BOOKMARK') this.#listener.seen(keyOf(event.object), event.object);
    return false;
  }
}
