import type { ApiResource } from '@coxswain/api';
import type { Client } from '@coxswain/client';
import { utf8, type Host, type HttpHandler } from '@coxswain/host';
import { noMetrics, queueMeters, type Metrics } from '@coxswain/service';
import { withPolicy } from './serving/http-policy.ts';
import { Protection } from './protection.ts';
import { defaultVersion, type ApiServerConfig } from './config.ts';
import { Aggregator } from './aggregation/aggregator.ts';
import { anonymousName } from './authn/users.ts';
import { componentStatuses } from './component-status/component-status.ts';
import { createCallouts, serverResolver } from './callouts/callouts.ts';
import { addOpenApi } from './discovery/openapi.ts';
import { addDiscovery } from './discovery/endpoints.ts';
import { FlowControl } from './flow-control/flow-control.ts';
import { SchemaConditions } from './flow-control/schema-conditions.ts';
import { callerOf } from './fast-path/inner.ts';
import { fastPath, isFastPath } from './fast-path/service.ts';
import { LeaseGuards } from './registry/lease-guards.ts';
import { cacheReader, objectMutator, rawStore } from './registry/access.ts';
import { liveLookup } from './live-lookup.ts';
import type { RegistryContext } from './registry/context.ts';
import { builtinManagedFields } from './registry/managed-fields.ts';
import { Registry } from './registry/registry.ts';
import { noSuchResource } from './registry/errors.ts';
import { serveResource } from './registry/serve.ts';
import { serveCustom } from './crd/serve.ts';
import { Definitions } from './crd/definitions.ts';
import { celTimes } from './crd/rules/times.ts';
import { pollStorage } from './storage/polled-metrics.ts';
import { allStores } from './storage/stores.ts';
import { runCompactor } from './storage/compactor.ts';
import { createHandler } from './transport/handler.ts';
import { addHealth, HookStates, type HealthParts } from './transport/health.ts';
import { Loopback, loopbackUser } from './transport/loopback.ts';
import { answerWhy } from './why/answer.ts';
import { measuredStores } from './storage/measured.ts';
import { cacheMeters } from './watch-cache/meters.ts';
import { requestMetrics } from './transport/metrics.ts';
import { tracedAdmission } from './tracing/request-trace.ts';
import { getOnly, PathTable } from './transport/paths.ts';
import { readableResponse } from './transport/responses.ts';
import { assembleParts, externalAddress, identityOf, type PartsTools } from './parts.ts';
import type { ApiServerParts, CacheReader, RequestNotes } from './types.ts';

export interface ApiServer {
  readonly handle: HttpHandler;
  /** Privileged, in this process. */
  readonly loopbackClient: Client;
  readonly cache: CacheReader;
  /** Fills the caches that authorization needs and runs the post-start hooks; requests are answered meanwhile. */
  start(): Promise<void>;
  /** Not ready any more, but still answers. */
  beginShutdown(): void;
  /** The time to be found elsewhere is over: who still comes is sent away. */
  refuseNew(): void;
  /** Ends the watches one by one, so that their clients do not come all at once to wherever they go. */
  endWatches(overMs: number): Promise<void>;
  /** Ends watches and hooks. */
  stop(): Promise<void>;
}

const defaultBodyLimitBytes = 3 * 1024 * 1024;

function registryContext(config: ApiServerConfig, host: Host, parts: ApiServerParts, registry: Registry, leaseGuards: LeaseGuards): RegistryContext {
  const matches = (api: ApiResource, subresource: string) => (item: { readonly group: string; readonly resource: string; readonly subresource: string }): boolean =>
    item.group === api.group && item.resource === api.resource && item.subresource === subresource;
  const components = componentStatuses({ host, store: config.store });
  return {
    host, leaseGuards, computed: ({ group, resource }) => (group === '' && resource === 'componentstatuses' ? components : undefined), admission: tracedAdmission(parts.admission), managedFields: builtinManagedFields, maxBodyBytes: config.maxRequestBodyBytes ?? defaultBodyLimitBytes, minWatchSeconds: config.minRequestTimeoutSeconds ?? 1800,
    allowPrivileged: config.allowPrivileged ?? true, features: config.parts.features, deleteCollectionWorkers: config.deleteCollectionWorkers ?? 1,
    equivalents: (kind) => registry.equivalents(kind),
    hooksOf: (kind) => parts.writeHooks.filter((hook) => hook.group === kind.hub.api.group && hook.resource === kind.hub.api.resource),
    createHandler: (api, subresource) => parts.createHandlers.find(matches(api, subresource)),
    subresourceHandler: (api, subresource) => parts.subresources.find(matches(api, subresource)),
  };
}

/** The parts are made after the server's own halves that they stand on, and are reached through this. */
class Late<T> {
  #value: T | undefined;

  set(value: T): void {
    this.#value = value;
  }

  get(): T {
    if (this.#value === undefined) throw new Error('the server is not assembled yet');
    return this.#value;
  }
}

export interface ApiServerOptions {
  readonly metrics?: Metrics;
  /** For tests of single stages. */
  readonly assemble?: AssembleParts;
}

export type AssembleParts = (tools: PartsTools) => ApiServerParts;

/** Throws UsageError if the configuration cannot be used. Requests are answered at once; `start` makes what a new cluster has. */
export function createApiServer(config: ApiServerConfig, host: Host, options: ApiServerOptions = {}): Promise<ApiServer> {
  return Promise.resolve(assembleServer(config, host, options.assemble ?? ((tools) => assembleParts(config.parts, tools)), options.metrics ?? noMetrics));
}

function assembleServer(config: ApiServerConfig, host: Host, assemble: AssembleParts, metrics: Metrics): ApiServer {
  const protection = new Protection(config, host, metrics, identityOf(config.parts));
  const keyRoot = config.keyRoot ?? '/registry';
  const times = celTimes(metrics, host.clock);
  const meters = queueMeters(metrics, host.clock);
  const registry = new Registry({ celTimes: times, transformerFor: protection.transformerFor, isServed: config.isServed, measured: metrics === noMetrics ? undefined : measuredStores(metrics, host.clock), metersOf: metrics === noMetrics ? undefined : cacheMeters(metrics, keyRoot), historyEvents: config.historyEvents, client: config.store, host, keyRoot, eventTtlSeconds: config.eventTtlSeconds ?? 3600, otherStores: config.otherStores, leaseReuseSeconds: config.storageTimes?.leaseReuseSeconds });
  const handler = new Late<HttpHandler>();
  const rest: HttpHandler = (request) => handler.get()(request);
  const grpc = fastPath(rest, (call) => parts.authenticate(call).then((user) => (user.name === anonymousName ? undefined : user), () => undefined));
  const handle: HttpHandler = (request) => (isFastPath(request) ? grpc(request) : rest(request));
  const loopback = new Loopback(handle, host);
  const cache = cacheReader(registry);
  const lookup = liveLookup(cache, loopback.client);
  const services = serverResolver(host, lookup, config.enableAggregatorRouting ?? false);
  const callouts = createCallouts({ host, own: { client: loopback.client, isAggregated: (path) => aggregator.serves(path) }, services });
  const leaseGuards = new LeaseGuards(registry, metrics);
  const parts = assemble({ host, metrics, cache, client: loopback.client, admittedClient: loopback.admittedClient, objects: objectMutator(registry, leaseGuards), store: rawStore(config.store, keyRoot), callouts, resourcesNow: () => registry.resources });
  const context = registryContext(config, host, parts, registry, leaseGuards);
  const belowAdmission = { ...context, admission: { admit: () => Promise.resolve(), validate: () => Promise.resolve() } };
  const background = new AbortController();
  const kindsChanged = new Set<() => void>();
  const aggregator = new Aggregator({
    host, client: loopback.client, cache, lookup, services, identity: config.proxyClient ?? (() => undefined), rejectRedirects: config.rejectForwardingRedirects ?? true, queue: meters('RemoteAvailabilityController'), stop: background.signal,
    resourcesNow: () => registry.resources, onKindsChanged: (listener) => kindsChanged.add(listener),
  });
  const hooks = new HookStates([...parts.postStartHooks, aggregator.hook], host);
  const paths = pathsOf(config, registry, aggregator, parts, { hooks, checks: protection.checks }, metrics, host);
  const admittance = protection.admittance((group, resource) => countOf(registry, group, resource));
  protection.addDebugPaths(paths, admittance);
  const serving = createHandler({
    tracer: protection.tracer, history: protection.history, why: (flight) => answerWhy(protection.history, flight, config.parts.hostname, ({ group, version, resource }) => registry.kind(group, version, resource) !== undefined),
    host, paths, audit: protection.audit, gzip: config.gzip, metrics: requestMetrics(metrics), logRequests: config.logRequests, requestTimeoutMs: config.requestTimeoutMs ?? 60_000, admittance, watches: admittance instanceof FlowControl ? admittance.watches : undefined,
    parts: passingOurselves(parts, loopback),
    aggregated: (request, info, user, notes) => aggregator.serve(request, info, user, notes),
    serveResource: async (http, info, user, notes) => {
      const kind = registry.kind(info.group, info.version, info.resource);
      if (kind?.custom !== undefined) return serveCustom({ context, kind, http, info, user, notes });
      if (kind !== undefined) return serveResource({ context: loopback.isAdmitted(http) ? belowAdmission : context, kind, http, info, user, notes });
      if (registry.hasVersion(info.group, info.version)) throw noSuchResource();
      return undefined;
    },
  });
  const { httpPolicy } = config;
  handler.set(httpPolicy === undefined ? serving : withPolicy(serving, httpPolicy, host, () => hooks.closing, (request) => loopback.isOwn(request)));
  return {
    handle, loopbackClient: loopback.client, cache,
    start: async () => {
      await protection.start();
      tendStores(config, host, metrics, registry, keyRoot, background.signal);
      if (admittance instanceof FlowControl) admittance.start(cache, background.signal);
      new SchemaConditions(host, loopback.client, cache, background.signal).start();
      parts.follow?.(background.signal);
      const definitions = new Definitions({ host, client: loopback.client, cache, registry, storeOf: (group, resource) => registry.storeOf(group, resource), cacheOf: (store, group, resource) => registry.cacheOf(store, group, resource), keyRoot, callouts, celTimes: times, queue: meters('crd_naming_condition_controller'), stop: background.signal });
      await cache.whenReady();
      definitions.onChange(() => kindsChanged.forEach((listener) => listener()));
      definitions.start();
      aggregator.start();
      await hooks.run();
    },
    beginShutdown: () => hooks.stop(),
    refuseNew: () => hooks.close(),
    endWatches: (overMs) => endOneByOne(registry, host, overMs),
    stop: async () => {
      background.abort();
      hooks.stop();
      registry.stop();
      await protection.stop();
    },
  };
}

const longestStepMs = 50;

async function endOneByOne(registry: Registry, { timers }: Host, overMs: number): Promise<void> {
  const all = registry.watchers();
  const steps = Math.max(1, Math.min(all.length, Math.ceil(overMs / longestStepMs)));
  for (let step = 0; step < steps && all.length > 0; step += 1) {
    for (const watcher of all.splice(0, Math.ceil(all.length / (steps - step)))) watcher.close();
    if (all.length > 0) await timers.sleep(overMs / steps);
  }
}

/** Each store forgets its older history, and is counted. */
function tendStores(config: ApiServerConfig, host: Host, metrics: Metrics, registry: Registry, keyRoot: string, stop: AbortSignal): void {
  const { compactionIntervalMs: intervalMs = 300_000, storageTimes = {} } = config;
  const stores = allStores(config.store, config.otherStores);
  if (intervalMs > 0) for (const store of stores) void runCompactor(store, host, { intervalMs, compacted: (revision) => registry.compacted(store, revision) }, stop);
  if (metrics !== noMetrics) pollStorage(host, metrics, { stores, keyRoot, resourcesNow: () => registry.resources, storeOf: (group, resource) => registry.storeOf(group, resource) }, storageTimes, stop);
}

/** The server's own requests are known and allowed. */
function passingOurselves(parts: ApiServerParts, loopback: Loopback): Pick<ApiServerParts, 'authenticate' | 'impersonate' | 'authorize'> {
  return {
    authenticate: (request) => {
      const known = loopback.isOwn(request) ? loopbackUser : callerOf(request);
      return known === undefined ? parts.authenticate(request) : Promise.resolve(known);
    },
    impersonate: (request, user) => parts.impersonate(request, user),
    authorize: (info, user, notes) => (user === loopbackUser ? allowedToOurselves(notes) : parts.authorize(info, user, notes)),
  };
}

function countOf(registry: Registry, group: string, resource: string): number | undefined {
  const cache = registry.storedKind(group, resource)?.hub.cache;
  return cache?.ready === true ? cache.size : undefined;
}

function allowedToOurselves(notes: RequestNotes | undefined): Promise<void> {
  notes?.annotate('authorization.k8s.io/decision', 'allow');
  notes?.annotate('authorization.k8s.io/reason', '');
  return Promise.resolve();
}

function pathsOf(config: ApiServerConfig, registry: Registry, aggregator: Aggregator, parts: ApiServerParts, health: Pick<HealthParts, 'hooks' | 'checks'>, metrics: Metrics, host: Host): PathTable {
  const paths = new PathTable();
  const version = config.version ?? defaultVersion;
  // Clients made from the OpenAPI description ask for it with the slash.
  for (const path of ['/version', '/version/']) paths.exact(path, getOnly(() => Promise.resolve(readableResponse(200, version))), { listed: path === '/version' });
  addHealth(paths, { store: config.store, times: config.storageTimes, livezGraceMs: config.livezGraceMs ?? 0, ...health, metrics, host });
  addDiscovery(paths, { hash: (text) => host.crypto.hash('sha512', utf8(text)).toHex().toUpperCase(), resources: () => registry.resources, others: aggregator.otherGroups, serverAddress: externalAddress(config.parts) });
  addOpenApi(paths, host, version.gitVersion, () => registry.customSchemas, config.fieldTexts, aggregator.otherDocuments, config.isServed);
  for (const handler of parts.pathHandlers) paths.exact(handler.path, (request, _info, user) => handler.handle(request, user));
  return paths;
}
