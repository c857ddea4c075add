import type { JsonObject } from '@coxswain/api';
import { goTypeOf } from '../negotiation/respond.ts';
import type { StoredObject } from '../storage/codec.ts';
import { resourcePrefix } from '../storage/keys.ts';
import type { ListPage, PageOptions, PutOptions, ResourceStore, WriteResult } from '../storage/store.ts';
import { traced, type StepKind } from '../tracing/request-trace.ts';
import type { RequestInfo, RequestNotes } from '../types.ts';
import type { ServedKind } from './kind.ts';

interface Asking {
  readonly kind: ServedKind;
  readonly notes: RequestNotes | undefined;
}

/**
 * The store, each of whose calls is a step of the request that makes it: under the names and attributes of upstream's spans where its
 * storage has one (it has none of its own for reading one object and for deleting), else under those of its gRPC client.
 */
export class TracedStore {
  readonly #store: ResourceStore;
  readonly #asking: Asking;

  constructor(asking: Asking) {
    this.#store = asking.kind.hub.store;
    this.#asking = asking;
  }

  get(key: string): Promise<StoredObject | undefined> {
    return this.#call('Range', () => this.#store.get(key));
  }

  put(key: string, object: JsonObject, expectedRevision: number, options?: PutOptions): Promise<WriteResult> {
    const { notes, kind } = this.#asking;
    const { group, resource } = kind.hub.api;
    const step: StepKind = {
      span: 'internal',
      attributes: () => ({ 'audit-id': notes?.auditId ?? '', key: this.#rootless(key), type: goTypeOf(kind), resource: group === '' ? resource : `${resource}.${group}` }),
    };
    return traced(notes?.trace, expectedRevision === 0 ? 'Create etcd3' : 'GuaranteedUpdate etcd3', () => this.#store.put(key, object, expectedRevision, options), step);
  }

  remove(last: StoredObject, options?: Pick<PutOptions, 'shared' | 'guard'>): Promise<WriteResult> {
    return this.#call('Txn', () => this.#store.remove(last, options));
  }

  page(options: PageOptions, { query }: Pick<RequestInfo, 'query'>): Promise<ListPage> {
    const { notes } = this.#asking;
    const asked = (name: string): string => query.get(name) ?? '';
    const step: StepKind = {
      span: 'internal',
      attributes: () => ({ 'audit-id': notes?.auditId ?? '', key: this.#rootless(options.prefix).replace(/\/$/, ''), resourceVersion: asked('resourceVersion'), resourceVersionMatch: asked('resourceVersionMatch'), limit: options.limit ?? 0, continue: asked('continue') }),
    };
    return traced(notes?.trace, `List(recursive=${options.prefix.endsWith('/')}) etcd3`, () => this.#store.page(options), step);
  }

  /** As upstream's storage is asked, whatever the root of its keys is. */
  #rootless(key: string): string {
    const { hub } = this.#asking.kind;
    return resourcePrefix('', hub.api, hub.custom) + key.slice(hub.store.prefix.length);
  }

  #call<T>(method: 'Range' | 'Txn', work: () => Promise<T>): Promise<T> {
    return traced(this.#asking.notes?.trace, `etcdserverpb.KV/${method}`, work, calls[method]);
  }
}

const calls: Readonly<Record<'Range' | 'Txn', StepKind>> = { Range: callOf('Range'), Txn: callOf('Txn') };

function callOf(method: string): StepKind {
  const attributes = { 'rpc.system': 'grpc', 'rpc.service': 'etcdserverpb.KV', 'rpc.method': method };
  return { span: 'client', attributes: () => attributes };
}

export function storeFor(asking: Asking): TracedStore {
  return new TracedStore(asking);
}
