import type { ApiResource, OpenApiDocument } from '@coxswain/api';
import type { Client } from '@coxswain/client';
import { header, type Host, type HttpRequest, type HttpResponse } from '@coxswain/host';
import type { QueueMeter } from '@coxswain/service';
import type { ServiceResolver } from '../callouts/service-resolver.ts';
import type { Lookup } from '../live-lookup.ts';
import { describeError } from '../transport/describe-error.ts';
import type { CacheReader, PostStartHook, RequestInfo, RequestNotes, UserInfo } from '../types.ts';
import { apiServiceOf, apiServices, type ApiService } from './api-service.ts';
import { AutoRegistration } from './auto-register.ts';
import { settleAvailability } from './availability.ts';
import { isRemote, type OtherDocuments, type OtherGroups } from './merged-discovery.ts';
import { plainError, proxyToService } from './proxy.ts';
import { fetchResources, findOpenApi, type RemoteDocument, type RemoteVersion } from './remote-discovery.ts';
import { RemoteOpenApi } from './remote-openapi.ts';
import { Upstream, type ProxyIdentity } from './upstream.ts';

export interface AggregatorParts {
  readonly host: Pick<Host, 'network' | 'timers' | 'clock' | 'log' | 'crypto'>;
  readonly client: Client;
  readonly cache: CacheReader;
  readonly lookup: Lookup;
  readonly services: ServiceResolver;
  readonly identity: () => ProxyIdentity | undefined;
  readonly rejectRedirects: boolean;
  /** Of the looks whether others are there. */
  readonly queue: QueueMeter;
  readonly stop: AbortSignal;
  readonly resourcesNow: () => readonly ApiResource[];
  /** Told after kinds came or went. */
  readonly onKindsChanged: (listener: () => void) => void;
}

const resyncMs = 30_000;
const firstRetryMs = 5;
const longestRetryMs = 30_000;
const documentTimeoutMs = 10_000;

/** The APIs of other servers under this one's address. */
export class Aggregator {
  readonly upstream: Upstream;
  readonly #parts: AggregatorParts;
  readonly #registration: AutoRegistration;
  /** By APIService name: those that others serve. */
  readonly #remote = new Map<string, ApiService>();
  readonly #openApi: RemoteOpenApi;
  readonly #heard = new Map<string, RemoteVersion>();
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #planned = new Set<string>();
  #watchingServices = false;
  #registering: Promise<void> = Promise.resolve();

  constructor(parts: AggregatorParts) {
    this.#parts = parts;
    this.#registration = new AutoRegistration(parts);
    this.upstream = new Upstream(parts.host, parts.services, parts.identity);
    this.#openApi = new RemoteOpenApi({ host: parts.host, upstream: this.upstream });
  }

  /** The caches that it needs are filled. */
  start(): void {
    const { cache, stop, onKindsChanged } = this.#parts;
    const end = cache.onChange(apiServices.group, apiServices.resource, ({ type, object }) => this.#take(apiServiceOf(object), type === 'DELETED'));
    stop.addEventListener('abort', end, { once: true });
    for (const object of cache.list(apiServices.group, apiServices.resource)) this.#take(apiServiceOf(object), false);
    onKindsChanged(() => this.#registerOrWarn());
    void this.#resync();
  }

  /** Shown in /readyz; resolves when what this server serves is registered. */
  get hook(): PostStartHook {
    return { name: 'apiservice-registration-controller', run: () => this.#register() };
  }

  /** One pass after the other. */
  #register(): Promise<void> {
    const pass = this.#registering.catch(() => undefined).then(() => (this.#parts.stop.aborted ? undefined : this.#registration.pass()));
    this.#registering = pass;
    return pass;
  }

  #registerOrWarn(): void {
    this.#register().catch((error: unknown) => this.#parts.host.log.warn('APIServices of what is served here were not registered', { error: describeError(error) }));
  }

  #take(service: ApiService, gone: boolean): void {
    const name = service.metadata?.name ?? '';
    if (gone || !isRemote(service)) {
      this.#remote.delete(name);
      this.#heard.delete(name);
      this.#openApi.drop(name);
      this.#failures.delete(name);
      if (gone && service.spec?.service === undefined) this.#registerOrWarn();
      return;
    }
    const before = this.#remote.get(name);
    this.#remote.set(name, service);
    this.#watchServices();
    // Its status is written by us: that is no reason to look again.
    if (before === undefined || JSON.stringify(before.spec) !== JSON.stringify(service.spec) || service.status?.conditions === undefined) this.#check(name);
  }

  /** Caches that are needed only where there are remote APIs. */
  #watchServices(): void {
    if (this.#watchingServices) return;
    this.#watchingServices = true;
    const { cache, stop } = this.#parts;
    for (const resource of ['services', 'endpoints']) {
      const end = cache.onChange('', resource, ({ object }) => {
        const { metadata } = apiServiceOf(object);
        for (const [name, { spec }] of this.#remote) if (spec?.service?.name === metadata?.name && spec?.service?.namespace === metadata?.namespace) this.#check(name);
      });
      stop.addEventListener('abort', end, { once: true });
    }
  }

  async #resync(): Promise<void> {
    const { host, stop } = this.#parts;
    while (!stop.aborted) {
      await host.timers.sleep(resyncMs, stop);
      if (!stop.aborted) for (const name of this.#remote.keys()) this.#check(name);
    }
  }

  /** One look at a time for each; what changes meanwhile is looked at after. */
  #check(name: string): void {
    const { queue } = this.#parts;
    if (this.#again.has(name)) return;
    queue.added(name);
    if (this.#running.has(name)) { this.#again.add(name); return; }
    this.#begin(name);
  }

  #begin(name: string): void {
    const { queue } = this.#parts;
    this.#running.add(name);
    queue.taken(name);
    void this.#look(name).finally(() => {
      this.#running.delete(name);
      queue.done(name);
      if (this.#again.delete(name)) this.#begin(name);
    });
  }

  async #look(name: string): Promise<void> {
    const { host, client, lookup, stop } = this.#parts;
    const service = this.#remote.get(name);
    if (service === undefined || stop.aborted) return;
    try {
      const available = await settleAvailability({ host, client, lookup, upstream: this.upstream }, service);
      await this.#listen(name, service, available);
      if (available) this.#failures.delete(name);
      else this.#later(name);
    } catch (error) {
      host.log.debug('An APIService was not checked', { name, error: describeError(error) });
      this.#later(name);
    }
  }

  async #listen(name: string, service: ApiService, available: boolean): Promise<void> {
    const before = this.#heard.get(name);
    try {
      if (!available) throw new Error('not available');
      const resources = await fetchResources(this.upstream, service);
      this.#heard.set(name, { resources, fresh: true, openApi: await findOpenApi(this.upstream, service).catch((): RemoteDocument => ({ kind: 'none' })) });
      if (this.#remote.has(name)) void this.#openApi.refresh(name, service);
    } catch (error) {
      this.#openApi.away(name);
      if (before !== undefined) this.#heard.set(name, { ...before, fresh: false });
      this.#parts.host.log.debug('A remote API does not say what it serves', { name, error: describeError(error) });
    }
  }

  /** One look is to come, however often it has failed meanwhile. */
  #later(name: string): void {
    const { host, queue, stop } = this.#parts;
    if (this.#planned.has(name)) return;
    const failures = this.#failures.get(name) ?? 0;
    this.#failures.set(name, failures + 1);
    this.#planned.add(name);
    queue.retried();
    host.timers.after(Math.min(longestRetryMs, firstRetryMs * 2 ** failures), () => {
      this.#planned.delete(name);
      if (!stop.aborted && this.#remote.has(name)) this.#check(name);
    });
  }

  #behind(path: string): ApiService | undefined {
    if (this.#remote.size === 0 || !path.startsWith('/apis/')) return undefined;
    const [, , group = '', version = ''] = path.split('/');
    return version === '' ? undefined : this.#remote.get(`${version}.${group}`);
  }

  /** Whether another server answers there. */
  serves(path: string): boolean {
    return this.#behind(path) !== undefined;
  }

  /** undefined: the request is for this server. */
  serve(request: HttpRequest, info: RequestInfo, user: UserInfo, notes: RequestNotes): Promise<HttpResponse> | undefined {
    const service = this.#behind(info.path);
    if (service === undefined) return undefined;
    const { host, rejectRedirects } = this.#parts;
    return proxyToService({ host, upstream: this.upstream, rejectRedirects }, service, request, user, notes);
  }

  get otherGroups(): OtherGroups {
    const { cache } = this.#parts;
    return {
      services: () => (this.#remote.size === 0 ? [] : cache.list(apiServices.group, apiServices.resource).map(apiServiceOf)),
      resourcesOf: (name) => this.#heard.get(name),
    };
  }

  get otherDocuments(): OtherDocuments {
    return {
      v2: () => this.#openApi.documents,
      index: () => [...this.#remote.values()].flatMap(({ metadata, spec }): [string, string][] => {
        const [name, path] = [metadata?.name ?? '', `apis/${spec?.group ?? ''}/${spec?.version ?? ''}`];
        const heard = this.#heard.get(name)?.openApi;
        if (heard?.kind === 'own') return [[path, heard.url]];
        const made = this.#converted(name);
        return made === undefined ? [] : [[path, `/openapi/v3/${path}?hash=${made.hash}`]];
      }),
      serve: (name, request) => {
        const [, group = '', version = ''] = name.split('/');
        const service = this.#remote.get(`${version}.${group}`);
        return service === undefined ? undefined : this.#converted(`${version}.${group}`) ?? this.#document(service, request);
      },
    };
  }

  #converted(name: string): OpenApiDocument | undefined {
    return this.#heard.get(name)?.openApi.kind === 'converted' ? this.#openApi.converted(name) : undefined;
  }

  async #document(service: ApiService, request: HttpRequest): Promise<HttpResponse> {
    const asked = header(request.headers, 'if-none-match');
    try {
      const { status, contentType, etag, body } = await this.upstream.document(service, request.target, { accept: header(request.headers, 'accept') ?? 'application/json', ...(asked === undefined ? {} : { 'if-none-match': asked }) }, documentTimeoutMs);
      return { status, headers: { ...(contentType === '' ? {} : { 'content-type': contentType }), ...(etag === '' ? {} : { etag }), vary: 'Accept' }, body };
    } catch (error) {
      this.#parts.host.log.debug('A remote document could not be had', { name: service.metadata?.name ?? '', error: describeError(error) });
      return plainError(503, 'service unavailable');
    }
  }
}
