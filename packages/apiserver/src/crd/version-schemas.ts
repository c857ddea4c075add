import { coerceEmbedded, coerceMetadata, dropNulls, fillDefaults, pruneUnknown, structuralOf, type Definition, type JsonObject, type Structural } from '@coxswain/api';
import { isObject } from '../registry/object.ts';

export interface CoerceOptions {
  /** Metadata that does not fit is dropped: the object comes from the store, where it was put before anybody looked. */
  readonly stored: boolean;
}

const unknownVersion: JsonObject = {};

/** The structural schemas of a definition, by version, and what they do to objects. Knows nothing of requests. */
export class VersionSchemas {
  readonly group: string;
  readonly kind: string;
  readonly #versions: ReadonlyMap<string, JsonObject>;
  readonly #preserve: boolean;

  constructor(definition: Definition) {
    this.group = definition.group;
    this.kind = definition.acceptedNames.kind;
    this.#preserve = definition.preserveUnknownFields;
    this.#versions = new Map(definition.versions.map((version) => [version.name, version.schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }]));
  }

  /** Made when it is first asked for: definitions come in the middle of something else, and may be large. */
  of(version: string): Structural {
    return structuralOf(this.#versions.get(version) ?? unknownVersion);
  }

  has(version: string): boolean {
    return this.#versions.has(version);
  }

  /** Whether the object is of this kind, in whichever version; answers that version. */
  versionOf(object: JsonObject): string | undefined {
    const { apiVersion, kind } = object;
    if (typeof apiVersion !== 'string' || kind !== this.kind || !apiVersion.startsWith(`${this.group}/`)) return undefined;
    return apiVersion.slice(this.group.length + 1);
  }

  /**
   * What decoding does for types that Go knows: metadata is typed, unknown fields and forbidden nulls go. Changes `object`; answers the paths
   * of the unknown fields in upstream's order. Throws DecodeError unless `stored`.
   */
  coerce(object: JsonObject, options: CoerceOptions): string[] {
    const metadata = Object.hasOwn(object, 'metadata') ? coerceMetadata(object['metadata'] ?? null, options.stored) : undefined;
    const unknown = (metadata?.unknownFields ?? []).map((field) => `metadata.${field}`);
    const version = this.versionOf(object);
    if (version !== undefined) {
      const schema = this.of(version);
      const { apiVersion, kind } = object;
      if (!this.#preserve) {
        // One by one: there may be more than a call takes arguments.
        for (const path of pruneUnknown(object, schema)) unknown.push(path);
        dropNulls(object, schema);
      }
      for (const path of coerceEmbedded(object, schema, options.stored)) unknown.push(path);
      object['apiVersion'] = apiVersion as string;
      object['kind'] = kind as string;
    }
    if (metadata !== undefined) object['metadata'] = metadata.metadata;
    return unknown;
  }

  fillDefaults(object: JsonObject): void {
    const version = this.versionOf(object);
    if (version !== undefined) fillDefaults(object, this.of(version));
  }
}

/** Very old objects were stored without one. */
export function repairGeneration(object: JsonObject): void {
  const { metadata } = object;
  if (isObject(metadata) && (metadata['generation'] === undefined || metadata['generation'] === 0)) metadata['generation'] = 1;
}
