import { AsyncQueue, assert, emptyBytes } from '@coxswain/host';
import type { WatchRequest, WatchResponse } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import type { Channel } from './channel.ts';
import { watchEvent } from './convert.ts';
import type { WatchBatch, WatchOptions } from './types.ts';

const path = '/etcdserverpb.Watch/Watch';

/** Watches over gRPC, each on a stream of its own (HTTP/2 carries them over one connection). */
export class GrpcWatches {
  readonly #channel: Channel;
  readonly #open = new Set<AsyncQueue<Uint8Array>>();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  requestProgress(): void {
    for (const requests of this.#open) requests.push(codecs.watchRequest.encode({ progressRequest: {} }));
  }

  /** Before the watch stands every endpoint is tried once; after that a failure is the caller's, who knows where to go on. */
  async *watch(options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    for (let attempt = 1; ; attempt += 1) {
      let stands = false;
      try {
        for await (const batch of this.#once(options)) {
          stands = true;
          yield batch;
        }
        return;
      } catch (error) {
        if (stands || attempt >= this.#channel.endpointCount) throw error;
      }
    }
  }

  async *#once(options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    const requests = new AsyncQueue<Uint8Array>();
    requests.push(codecs.watchRequest.encode(createRequest(options)));
    this.#open.add(requests);
    try {
      for await (const data of this.#channel.stream(path, requests, options.signal)) {
        const response = codecs.watchResponse.decode(data);
        yield batchOf(response);
        if (response.canceled === true) return;
      }
    } finally {
      this.#open.delete(requests);
    }
  }
}

function createRequest(options: WatchOptions): WatchRequest {
  const filters = (options.filters ?? []).map((filter) => (filter === 'no-put' ? 0 : 1));
  return {
    createRequest: {
      key: options.key, rangeEnd: options.rangeEnd ?? emptyBytes, startRevision: options.startRevision ?? 0, progressNotify: options.progressNotify ?? false,
      filters, prevKv: options.prevKv ?? false, watchId: 0, fragment: false,
    },
  };
}

/** A real etcd may be ahead of what it has sent when it sends it: events tell how far a batch really goes. */
function batchOf(response: WatchResponse): WatchBatch {
  const revision = response.events[response.events.length - 1]?.kv.modRevision ?? response.header?.revision ?? 0;
  assert(Number.isSafeInteger(revision), 'a revision must be below 2^53', { revision });
  const events = response.events.map(watchEvent);
  if (response.canceled === true) {
    return { revision, events, canceled: true, ...(response.compactRevision === 0 || response.compactRevision === undefined ? {} : { compactRevision: response.compactRevision }) };
  }
  if (response.created === true) return { revision, events, created: true };
  return events.length > 0 ? { revision, events } : { revision, events, progressNotify: true };
}
