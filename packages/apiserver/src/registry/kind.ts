import type { ApiDescription, ApiResource, CustomColumn, CustomScale, FieldError, FieldSet, JsonObject, ScannedJson, SelectableFields, Strategy } from '@coxswain/api';
import type { Clock, Timers } from '@coxswain/host';
import type { MediaType } from '../negotiation/accept.ts';
import type { StorageCodec } from '../storage/codec.ts';
import type { ResourceStore } from '../storage/store.ts';
import type { WatchCache } from '../watch-cache/cache.ts';
import type { FieldValidation } from './options.ts';

export interface Decoded {
  /** Of the right types, with defaults filled in. */
  readonly object: JsonObject;
  /** Unknown and duplicate fields, as Warning texts. */
  readonly warnings: readonly string[];
}

/** Bytes and objects of one kind in one version. Throws StatusError with upstream's texts. */
export interface KindCodec {
  /** `scan`: its text has been read already. What it gives may be changed. */
  decode(body: Uint8Array, mediaType: MediaType, validation: FieldValidation, scan?: () => ScannedJson): Decoded;
  /** The body of a server-side apply: YAML or JSON, types checked, no defaults. */
  decodeApply(body: Uint8Array, validation: FieldValidation, scan?: () => ScannedJson): Decoded;
  /** Checks the types of a value that was made by a patch and fills defaults. `known`: decoded before; members that are the very same have the right types. */
  convert(value: JsonObject, validation: FieldValidation, known?: JsonObject): Decoded;
  /** Keys in upstream's order, with kind and apiVersion. */
  encode(object: JsonObject): string;
  /** With the `k8s\0` envelope. undefined: the kind has no protobuf form. */
  readonly encodeProtobuf: ((object: JsonObject) => Uint8Array) | undefined;
}

export interface MetadataRules {
  validate(object: JsonObject): FieldError[];
  validateUpdate(object: JsonObject, old: JsonObject, subresource: string): FieldError[];
}

/** What is stored once, whichever group and version it is served under. */
export interface Hub {
  /** In the storage version. */
  readonly api: ApiResource;
  readonly codec: StorageCodec;
  readonly store: ResourceStore;
  readonly cache: WatchCache;
  readonly strategy: Strategy;
  readonly metadata: MetadataRules;
  readonly custom: boolean;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** What a CustomResourceDefinition says of one version of its kind, beside the schema. */
export interface CustomServing {
  readonly description: ApiDescription;
  resetFields(subresource: string): FieldSet;
  readonly selectable: SelectableFields;
  readonly columns: readonly CustomColumn[];
  readonly scale: CustomScale | undefined;
  /** Said with every request. */
  readonly warnings: readonly string[];
  /** Nothing new is made while the definition goes. */
  isTerminating(): boolean;
  /** Holds the kind's store and cache until the answer is called; a definition that changes or goes waits for it. */
  enter(): () => void;
}

export interface ServedKind {
  /** Of custom kinds only. */
  readonly custom?: CustomServing;
  readonly api: ApiResource;
  readonly hub: Hub;
  readonly codec: KindCodec;
  /** May answer its argument: never call it with a shared object that is then changed. */
  toHub(object: JsonObject): JsonObject;
  fromHub(object: JsonObject): JsonObject;
  /** True if stored text can be served as it is. */
  readonly isHub: boolean;
}

/** The kind that refusals name: what is stored of one that two groups serve; of a custom resource what it calls itself, wrong or right. */
export function shownKind(kind: ServedKind, object: JsonObject): { readonly group: string; readonly kind: string } {
  const named = object['kind'];
  return kind.custom === undefined || typeof named !== 'string' ? kind.hub.api : { group: kind.api.group, kind: named };
}

export function apiVersionOf(api: { readonly group: string; readonly version: string }): string {
  return api.group === '' ? api.version : `${api.group}/${api.version}`;
}
