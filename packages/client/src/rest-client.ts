import { fromUtf8, header, readAll, utf8, type IncomingResponse, type Timers } from '@coxswain/host';
import { ApiError, apiErrorOf } from './api-error.ts';
import { jsonLines } from './json-lines.ts';
import { objectKey } from './key.ts';
import { listQuery, queryText, watchQuery, writeQuery } from './query.ts';
import { apiVersionOf, partsOf, pathOf } from './resource.ts';
import type { Transport } from './transport.ts';
import type {
  Client, DeleteOptions, KubeObject, ListOptions, ObjectKey, ObjectList, PatchType, ResourceType, WatchEvent, WatchOptions, WriteOptions,
} from './types.ts';

const patchMediaType: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json', merge: 'application/merge-patch+json', strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

const maxReadAttempts = 10;

interface Call {
  readonly method: string;
  readonly target: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RestClientOptions {
  readonly transport: Transport;
  readonly userAgent: string;
  /** Whose decision the writes carry out; `cox why` tells it. */
  readonly decision?: string | undefined;
  /** For Retry-After; without it nothing is retried. */
  readonly timers?: Timers | undefined;
}

/** `Accept` for one object or for a list of a metadata-only type. */
function acceptOf(type: ResourceType, form: '' | 'List'): string {
  return type.metadataOnly === true ? `application/json;as=PartialObjectMetadata${form};g=meta.k8s.io;v=v1` : 'application/json';
}

/** Items of a list carry no apiVersion and kind; references and events need them. */
function withType<T extends KubeObject>(type: ResourceType<T>, item: T): T {
  if (type.metadataOnly !== true) {
    item.apiVersion ??= apiVersionOf(type);
    item.kind ??= type.kind;
  }
  return item;
}

export class RestClient implements Client {
  readonly #transport: Transport;
  readonly #userAgent: string;
  readonly #decision: string | undefined;
  readonly #timers: Timers | undefined;

  constructor(options: RestClientOptions) {
    this.#transport = options.transport;
    this.#userAgent = options.userAgent;
    this.#decision = options.decision;
    this.#timers = options.timers;
  }

  async #send(call: Call): Promise<IncomingResponse> {
    const headers: Record<string, string> = { accept: call.accept ?? 'application/json', 'user-agent': this.#userAgent, ...call.headers };
    if (this.#decision !== undefined && call.method !== 'GET') headers['x-coxswain-decision'] = this.#decision;
    if (call.body !== undefined) headers['content-type'] = call.contentType ?? 'application/json';
    const response = await this.#transport({
      method: call.method, target: call.target, headers,
      ...(call.body === undefined ? {} : { body: utf8(JSON.stringify(call.body)) }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    if (response.status >= 200 && response.status < 300) return response;
    throw apiErrorOf(response.status, fromUtf8(await readAll(response.body)), header(response.headers, 'retry-after'));
  }

  async #json(call: Call): Promise<unknown> {
    const response = await this.#send(call);
    const text = fromUtf8(await readAll(response.body));
    return text === '' ? undefined : JSON.parse(text);
  }

  /** A read that the server was too busy for is asked again when it says. */
  async #read(call: Call): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#json(call);
      } catch (error) {
        const again = error instanceof ApiError && (error.code === 429 || error.code === 503) && error.retryAfterSeconds !== undefined;
        if (!again || this.#timers === undefined || attempt >= maxReadAttempts) throw error;
        await this.#timers.sleep((error.retryAfterSeconds ?? 1) * 1000, call.signal);
        if (call.signal?.aborted === true) throw error;
      }
    }
  }

  async get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T> {
    return await this.#read({ method: 'GET', target: pathOf(type, partsOf(key)), accept: acceptOf(type, '') }) as T;
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const target = pathOf(type, { namespace: options.namespace }) + queryText(listQuery(options));
    const list = await this.#read({ method: 'GET', target, accept: acceptOf(type, 'List'), signal: options.signal }) as ObjectList<T>;
    // Go writes an empty list as null.
    list.items = ((list.items as T[] | null) ?? []).map((item) => withType(type, item));
    return list;
  }

  async *watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions = {}): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const target = pathOf(type, { namespace: options.namespace }) + queryText(watchQuery(options));
    try {
      const response = await this.#send({ method: 'GET', target, accept: acceptOf(type, ''), signal: options.signal });
      for await (const event of jsonLines(response.body) as AsyncGenerator<WatchEvent<T>>) {
        if (options.signal?.aborted === true) return;
        yield event;
        if (event.type === 'ERROR') return;
      }
    } catch (error) {
      if (options.signal?.aborted === true) return;
      throw error;
    }
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const target = pathOf(type, { namespace: object.metadata?.namespace }) + queryText(writeQuery(options));
    return await this.#json({ method: 'POST', target, body: withType(type, { ...object }) }) as T;
  }

  async update<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const target = pathOf(type, partsOf(objectKey(object), options.subresource)) + queryText(writeQuery(options));
    return await this.#json({ method: 'PUT', target, body: withType(type, { ...object }) }) as T;
  }

  updateStatus<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.update(type, object, { ...options, subresource: 'status' });
  }

  async patch<T extends KubeObject>(
    type: ResourceType<T>, key: ObjectKey, patchType: PatchType, body: unknown, options: WriteOptions & { readonly force?: boolean } = {}, headers?: Readonly<Record<string, string>>,
  ): Promise<T> {
    const target = pathOf(type, partsOf(key, options.subresource)) + queryText(writeQuery(options));
    return await this.#json({ method: 'PATCH', target, body, contentType: patchMediaType[patchType], headers }) as T;
  }

  async delete(type: ResourceType, key: ObjectKey, options: DeleteOptions = {}, headers?: Readonly<Record<string, string>>): Promise<void> {
    await this.#json({ method: 'DELETE', target: pathOf(type, partsOf(key)), body: deleteBody(options), headers });
  }

  async deleteCollection(type: ResourceType, options: ListOptions, deleteOptions: DeleteOptions = {}): Promise<void> {
    const target = pathOf(type, { namespace: options.namespace }) + queryText(listQuery(options));
    await this.#json({ method: 'DELETE', target, body: deleteBody(deleteOptions), signal: options.signal });
  }

  createSubresource(type: ResourceType, key: ObjectKey, subresource: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<unknown> {
    return this.#json({ method: 'POST', target: pathOf(type, partsOf(key, subresource)), body, headers });
  }

  async raw(request: Parameters<Client['raw']>[0]): ReturnType<Client['raw']> {
    const response = await this.#transport({
      method: request.method, target: request.target, headers: { 'user-agent': this.#userAgent, ...request.headers },
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    return { status: response.status, body: await readAll(response.body) };
  }
}

function deleteBody(options: DeleteOptions): Record<string, unknown> {
  const { dryRun, ...rest } = options;
  return { kind: 'DeleteOptions', apiVersion: 'v1', ...rest, ...(dryRun === true ? { dryRun: ['All'] } : {}) };
}
