import { builtinResources, compareVersions, knownResources, strategyFor, type ApiResource, type CustomSchema, type JsonObject, type Strategy } from '@coxswain/api';
import type { EtcdClient } from '@coxswain/etcd-lite/client';
import { assert, type Host } from '@coxswain/host';
import { transformedClient } from '../encryption/client.ts';
import type { ValueTransformer } from '../encryption/transformer.ts';
import type { MeasuredStore } from '../storage/measured.ts';
import { resourcePrefix } from '../storage/keys.ts';
import { EventLeases } from '../storage/leases.ts';
import { storeKeyOf, type StoresByResource } from '../storage/stores.ts';
import { ResourceStore } from '../storage/store.ts';
import { WatchCache } from '../watch-cache/cache.ts';
import type { MetersOf } from '../watch-cache/meters.ts';
import type { Watcher } from '../watch-cache/watcher.ts';
import { withRules } from '../crd/rules/definition.ts';
import { noCelTimes, type CelTimes } from '../crd/rules/times.ts';
import { builtinCodec, builtinStorageCodec, metadataRules } from './bindings.ts';
import { conversionOf } from './conversions/index.ts';
import type { Decoded, Hub, KindCodec, ServedKind } from './kind.ts';

/** Under which (group, version) a resource is stored when it is served under several. */
const storedUnder: Readonly<Record<string, string>> = {
  'events.k8s.io/v1/events': '/v1/events',
  'autoscaling/v1/horizontalpodautoscalers': 'autoscaling/v2/horizontalpodautoscalers',
  ...Object.fromEntries(['deviceclasses', 'resourceclaims', 'resourceclaimtemplates', 'resourceslices'].map((name) => [`resource.k8s.io/v1alpha3/${name}`, `resource.k8s.io/v1beta1/${name}`])),
  'admissionregistration.k8s.io/v1beta1/validatingadmissionpolicies': 'admissionregistration.k8s.io/v1/validatingadmissionpolicies',
  'admissionregistration.k8s.io/v1beta1/validatingadmissionpolicybindings': 'admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
};

function idOf(group: string, version: string, resource: string): string {
  return `${group}/${version}/${resource}`;
}

/** What the storage version adds by default is seen in the others too. */
function throughHub(codec: KindCodec, settle: (object: JsonObject) => JsonObject): KindCodec {
  const settled = ({ object, warnings }: Decoded): Decoded => ({ object: settle(object), warnings });
  return {
    ...codec,
    decode: (body, mediaType, validation, scan) => settled(codec.decode(body, mediaType, validation, scan)),
    convert: (value, validation, known) => settled(codec.convert(value, validation, known)),
  };
}

/** Rules of definitions are in a language that the description of the API does not know. */
function strategyOf(api: ApiResource, times: CelTimes): Strategy {
  const strategy = strategyFor(api.group, api.resource);
  return api.group === 'apiextensions.k8s.io' && api.resource === 'customresourcedefinitions' ? withRules(strategy, times) : strategy;
}

export interface RegistryOptions {
  readonly client: EtcdClient;
  readonly host: Host;
  readonly keyRoot: string;
  readonly eventTtlSeconds: number;
  readonly metersOf?: MetersOf | undefined;
  readonly historyEvents?: number | undefined;
  /** How long events share a lease. */
  readonly leaseReuseSeconds?: number | undefined;
  /** What is not kept in `client`. */
  readonly otherStores?: StoresByResource | undefined;
  /** Absent: nobody looks at how long the store takes. */
  readonly measured?: MeasuredStore | undefined;
  /** Absent: nobody looks at how long rules take. */
  readonly celTimes?: CelTimes | undefined;
  /** --runtime-config. Absent: what a default server serves. */
  readonly isServed?: ((group: string, version: string) => boolean) | undefined;
  /** Encryption at rest: what a resource's values pass on their way, asked for at each use. Absent: they are stored in the clear. */
  readonly transformerFor?: ((group: string, resource: string) => ValueTransformer) | undefined;
}

/** The kinds of one CustomResourceDefinition. */
export interface CustomKinds {
  /** For discovery; empty until it is established. */
  readonly resources: readonly ApiResource[];
  /** For OpenAPI, one a resource. The same objects while nothing changes. */
  readonly schemas: readonly CustomSchema[];
  /** undefined where the version is not served (now). */
  kind(version: string): ServedKind | undefined;
  /** In the storage version, served or not. */
  stored(): ServedKind | undefined;
  /** Ends its watches and caches once the requests that hold it are answered. */
  retire(): void;
}

/**
 * Every kind that is served, each with its store and cache; those of one storage share one hub. Custom kinds come and go: ask again
 * rather than keep a list. Who holds a kind may use it to the end of its request.
 */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #hubs = new Map<string, Hub>();
  readonly #kinds = new Map<string, ServedKind>();
  /** Built-in kinds by resource and group, as they are stored. */
  readonly #stored = new Map<string, ServedKind>();
  readonly #resources = new Map<string, ApiResource>();
  readonly #leases: EventLeases;
  /** By the definition's name: plural.group */
  readonly #custom = new Map<string, CustomKinds>();
  #all: readonly ApiResource[] | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#leases = new EventLeases(this.#keeperOf('', 'events'), options.host.clock, options.eventTtlSeconds, options.leaseReuseSeconds);
    const { isServed } = options;
    for (const api of isServed === undefined ? builtinResources : knownResources.filter((one) => isServed(one.group, one.version))) this.#resources.set(idOf(api.group, api.version, api.resource), api);
  }

  /** Custom ones last, groups by name and versions as clients prefer them. The same list until something changes. */
  get resources(): readonly ApiResource[] {
    const byPreference = (a: ApiResource, b: ApiResource): number => (a.group === b.group ? compareVersions(a.version, b.version) || (a.resource < b.resource ? -1 : 1) : a.group < b.group ? -1 : 1);
    this.#all ??= [...this.#resources.values(), ...[...this.#custom.values()].flatMap((kinds) => kinds.resources).sort(byPreference)];
    return this.#all;
  }

  /** Replaces the kinds of a definition (undefined: it is gone); the old ones are retired by the caller. */
  setCustom(name: string, kinds: CustomKinds | undefined): void {
    if (kinds === undefined) this.#custom.delete(name);
    else this.#custom.set(name, kinds);
    this.#all = undefined;
  }

  get customSchemas(): readonly CustomSchema[] {
    return [...this.#custom.values()].flatMap((kinds) => kinds.schemas);
  }

  custom(group: string, resource: string): CustomKinds | undefined {
    return this.#custom.get(`${resource}.${group}`);
  }

  /** Made when first asked for. */
  kind(group: string, version: string, resource: string): ServedKind | undefined {
    const id = idOf(group, version, resource);
    const known = this.#kinds.get(id);
    if (known !== undefined) return known;
    const api = this.#resources.get(id);
    if (api === undefined) return this.custom(group, resource)?.kind(version);
    const made = this.#make(id, api);
    this.#kinds.set(id, made);
    return made;
  }

  /** The kind in its storage version, by resource alone. */
  storedKind(group: string, resource: string): ServedKind | undefined {
    const name = `${resource}.${group}`;
    const custom = this.#custom.get(name);
    if (custom !== undefined) return custom.stored();
    const known = this.#stored.get(name);
    if (known !== undefined) return known;
    const made = this.#findStored(group, resource);
    if (made !== undefined) this.#stored.set(name, made);
    return made;
  }

  #findStored(group: string, resource: string): ServedKind | undefined {
    for (const api of this.#resources.values()) {
      if (api.group !== group || api.resource !== resource) continue;
      const stored = storedUnder[idOf(api.group, api.version, api.resource)] ?? idOf(api.group, api.version, api.resource);
      const [hubGroup, hubVersion, hubResource] = stored.split('/') as [string, string, string];
      return this.kind(hubGroup, hubVersion, hubResource) ?? this.kind(api.group, api.version, api.resource);
    }
    return undefined;
  }

  /** What else is served from the same storage, now. */
  equivalents(kind: ServedKind): readonly ServedKind[] {
    const same = this.resources.filter((api) => api.resource === kind.api.resource && api !== kind.api);
    return same.map((api) => this.kind(api.group, api.version, api.resource)).filter((other) => other !== undefined && (other.hub === kind.hub || (kind.custom !== undefined && other.api.group === kind.api.group))).filter((other) => other !== undefined);
  }

  /** Whether a built-in kind is served there. */
  hasVersion(group: string, version: string): boolean {
    for (const api of this.#resources.values()) if (api.group === group && api.version === version) return true;
    return false;
  }

  #make(id: string, api: ApiResource): ServedKind {
    const hubId = storedUnder[id] ?? id;
    const hub = this.#hub(hubId);
    const { toHub, fromHub } = conversionOf(api, hub.api);
    const codec = builtinCodec(api);
    return {
      api, hub, isHub: hub.api === api, toHub: (object) => toHub(object), fromHub: (object) => fromHub(object),
      codec: hub.api === api ? codec : throughHub(codec, (object) => fromHub(toHub(object))),
    };
  }

  #hub(id: string): Hub {
    const known = this.#hubs.get(id);
    if (known !== undefined) return known;
    // Objects may be stored in a version that is not served.
    const api = this.#resources.get(id) ?? knownResources.find(({ group, version, resource }) => idOf(group, version, resource) === id);
    assert(api !== undefined, 'no resource of that storage version', { id });
    const codec = builtinStorageCodec(api);
    const { host, keyRoot } = this.#options;
    const client = this.storeOf(api.group, api.resource);
    const leases = api.group === '' && api.resource === 'events' ? this.#leases : undefined;
    const store = new ResourceStore(client, host.timers, resourcePrefix(keyRoot, api), codec, leases);
    const hub: Hub = { api, codec, store, cache: this.cacheOf(store, api.group, api.resource), strategy: strategyOf(api, this.#options.celTimes ?? noCelTimes), metadata: metadataRules(api), custom: false, clock: host.clock, timers: host.timers };
    this.#hubs.set(id, hub);
    return hub;
  }

  /** A new one, counted as all are. */
  cacheOf(store: ResourceStore, group: string, resource: string): WatchCache {
    const { host, metersOf, historyEvents } = this.#options;
    return new WatchCache(store, host, { meters: metersOf?.(group, resource, store.prefix), historyEvents });
  }

  #keeperOf(group: string, resource: string): EtcdClient {
    return this.#options.otherStores?.get(storeKeyOf(group, resource)) ?? this.#options.client;
  }

  /** The store as the values of one resource look in the clear. */
  storeOf(group: string, resource: string): EtcdClient {
    const { transformerFor, measured } = this.#options;
    const keeper = this.#keeperOf(group, resource);
    const client = measured === undefined ? keeper : measured(keeper, group, resource);
    return transformerFor === undefined ? client : transformedClient(client, () => transformerFor(group, resource));
  }

  /** A store has forgotten what was before this revision. */
  compacted(keeper: EtcdClient, revision: number): void {
    const custom = [...this.#custom.values()].map((kinds) => kinds.stored()?.hub).filter((hub) => hub !== undefined);
    for (const { api, cache } of [...this.#hubs.values(), ...custom]) if (this.#keeperOf(api.group, api.resource) === keeper) cache.compacted(revision);
  }

  /** Who watches anything, now. */
  watchers(): Watcher[] {
    const custom = [...this.#custom.values()].flatMap((kinds) => kinds.stored()?.hub ?? []);
    return [...this.#hubs.values(), ...custom].flatMap(({ cache }) => cache.watchers());
  }

  stop(): void {
    for (const hub of this.#hubs.values()) hub.cache.stop();
    for (const kinds of this.#custom.values()) kinds.retire();
  }
}

