import {
  compareVersions, customDescription, customResetFields, customResource, customSelectableFields, equalJson, isConditionTrue, type ApiResource, type CustomSchema, type CustomVersion, type Definition, type JsonObject,
} from '@coxswain/api';
import type { EtcdClient } from '@coxswain/etcd-lite/client';
import { utf8, type Host } from '@coxswain/host';
import { apiVersionOf, type CustomServing, type Hub, type ServedKind } from '../registry/kind.ts';
import { at } from '../registry/object.ts';
import type { CustomKinds } from '../registry/registry.ts';
import { resourcePrefix } from '../storage/keys.ts';
import { ResourceStore } from '../storage/store.ts';
import type { WatchCache } from '../watch-cache/cache.ts';
import { transformedClient } from '../encryption/client.ts';
import type { Callouts } from '../callouts/types.ts';
import type { StorageCodec } from '../storage/codec.ts';
import { conversionTransformer, WebhookConverter } from './conversion/converter.ts';
import { convertedStorageCodec, CustomCodec, customStorageCodec } from './codec.ts';
import type { CelTimes } from './rules/times.ts';
import { noMetadataRules, strategyOf } from './strategy.ts';
import { VersionSchemas } from './version-schemas.ts';

export interface KindTools {
  readonly host: Host;
  /** The store as the values of one resource look in the clear. */
  storeOf(group: string, resource: string): EtcdClient;
  cacheOf(store: ResourceStore, group: string, resource: string): WatchCache;
  readonly keyRoot: string;
  readonly callouts: Callouts;
  readonly celTimes: CelTimes;
}

const hashBytes = 8;

/** Of the version that objects are stored in, if that is served. */
function storageHash(definition: Definition, host: Host): string {
  const stored = definition.versions.find((version) => version.storage && version.served);
  if (stored === undefined) return '';
  return host.crypto.hash('sha256', utf8(`${definition.group}/${stored.name}/${definition.wantedNames.kind}`)).subarray(0, hashBytes).toBase64();
}

/** As upstream words it; the newest version that is not deprecated is named, if there is one. */
function deprecationWarnings(definition: Definition, version: CustomVersion): string[] {
  if (!version.deprecated) return [];
  if (version.deprecationWarning !== '') return [version.deprecationWarning];
  const { group, acceptedNames: { kind } } = definition;
  const rank = (name: string): string | undefined => definition.versions.filter((other) => other.served && !other.deprecated).map((other) => other.name).toSorted(compareVersions).find((other) => compareVersions(other, name) < 0);
  const better = rank(version.name);
  return [`${group}/${version.name} ${kind} is deprecated${better === undefined ? '' : `; use ${group}/${better} ${kind}`}`];
}

/** The kinds of one definition as it was at one time; another spec makes another one. */
export class DefinitionKinds implements CustomKinds {
  #definition: Definition;
  readonly #tools: KindTools;
  readonly #schemas: VersionSchemas;
  readonly #converter: WebhookConverter | undefined;
  readonly #kinds = new Map<string, ServedKind>();
  #users = 0;
  #retired = false;
  #resources: readonly ApiResource[] | undefined;
  #customSchemas: readonly CustomSchema[] | undefined;

  constructor(definition: Definition, tools: KindTools) {
    this.#definition = definition;
    this.#tools = tools;
    this.#schemas = new VersionSchemas(definition);
    this.#converter = definition.conversionWebhook === undefined ? undefined : new WebhookConverter(definition, tools.callouts, tools.host);
  }

  get definition(): Definition {
    return this.#definition;
  }

  /** False: the definition has changed in what is served, so other kinds have to be made. */
  follow(next: Definition): boolean {
    const served = (object: JsonObject): JsonObject => ({ spec: object['spec'] ?? null, names: at(object, 'status', 'acceptedNames') ?? null });
    if (next.uid !== this.#definition.uid || !equalJson(served(next.object), served(this.#definition.object))) return false;
    const shown = (object: JsonObject): string => `${isConditionTrue(object, 'Established')} ${isConditionTrue(object, 'Terminating')}`;
    if (shown(next.object) !== shown(this.#definition.object)) {
      this.#resources = undefined;
      this.#customSchemas = undefined;
    }
    this.#definition = next;
    return true;
  }

  get resources(): readonly ApiResource[] {
    const definition = this.#definition;
    if (!isConditionTrue(definition.object, 'Established')) return [];
    this.#resources ??= definition.versions.filter((version) => version.served).map((version) => customResource(definition, version, storageHash(definition, this.#tools.host)));
    return this.#resources;
  }

  get schemas(): readonly CustomSchema[] {
    const { preserveUnknownFields, versions } = this.#definition;
    this.#customSchemas ??= this.resources.map((resource) => {
      const version = versions.find((one) => one.name === resource.version);
      return { resource, schema: version?.schema, preserveUnknownFields, selectablePaths: version?.selectablePaths ?? [] };
    });
    return this.#customSchemas;
  }

  kind(version: string): ServedKind | undefined {
    const { object, versions } = this.#definition;
    if (!isConditionTrue(object, 'NamesAccepted') && !isConditionTrue(object, 'Established')) return undefined;
    const found = versions.find((one) => one.name === version);
    return found?.served === true ? this.#kept(found) : undefined;
  }

  stored(): ServedKind | undefined {
    const found = this.#definition.versions.find((version) => version.storage);
    return found === undefined ? undefined : this.#kept(found);
  }

  #kept(version: CustomVersion): ServedKind {
    const known = this.#kinds.get(version.name);
    if (known !== undefined) return known;
    const made = this.#make(version);
    this.#kinds.set(version.name, made);
    return made;
  }

  #make(version: CustomVersion): ServedKind {
    const definition = this.#definition;
    const { host, keyRoot } = this.#tools;
    // Requests may do what discovery no longer offers.
    const api = { ...customResource(definition, version, ''), verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] };
    const { codec, client } = this.#storage(api);
    const prefix = resourcePrefix(keyRoot, { group: api.group, resource: definition.wantedNames.plural }, true);
    const store = new ResourceStore(client, host.timers, prefix, codec);
    const hub: Hub = { api, codec, store, cache: this.#tools.cacheOf(store, api.group, api.resource), strategy: strategyOf(api, version, this.#schemas.of(version.name), this.#tools.celTimes), metadata: noMetadataRules, custom: true, clock: host.clock, timers: host.timers };
    return { api, hub, isHub: true, codec: new CustomCodec(api, this.#schemas), toHub: (object) => object, fromHub: (object) => object, custom: this.#serving(api, version) };
  }

  /** Versions are told apart by apiVersion alone, or a webhook stands between them and the store. */
  #storage(api: ApiResource): { readonly codec: StorageCodec; readonly client: EtcdClient } {
    const definition = this.#definition;
    const client = this.#tools.storeOf(api.group, definition.wantedNames.plural);
    if (this.#converter === undefined) return { codec: customStorageCodec(api, definition.storageVersion, this.#schemas), client };
    const transformer = conversionTransformer(this.#converter, this.#schemas, apiVersionOf(api), apiVersionOf({ group: api.group, version: definition.storageVersion }));
    return { codec: convertedStorageCodec(this.#schemas), client: transformedClient(client, () => transformer) };
  }

  #serving(api: ApiResource, version: CustomVersion): CustomServing {
    return {
      description: customDescription(api.typeName, this.#schemas.of(version.name)),
      resetFields: (subresource) => customResetFields(version.hasStatus, subresource),
      selectable: customSelectableFields(version.selectablePaths), columns: version.columns, scale: version.scale, warnings: deprecationWarnings(this.#definition, version),
      isTerminating: () => isConditionTrue(this.#definition.object, 'Terminating'),
      enter: () => this.#enter(),
    };
  }

  #enter(): () => void {
    this.#users += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#users -= 1;
      this.#stopIfUnused();
    };
  }

  retire(): void {
    this.#retired = true;
    this.#stopIfUnused();
  }

  #stopIfUnused(): void {
    if (!this.#retired || this.#users > 0) return;
    for (const { hub } of this.#kinds.values()) hub.cache.stop();
  }
}
