import { append } from '@coxswain/host';
import {
  apiVersionOf, customStrategy, invalidValue, qualifiedNameProblems, uncheckedRules, validateEmbedded, validateLists, validateMetadata, validateMetadataUpdate, validateScale, validateValue,
  type ApiResource, type CustomVersion, type FieldError, type JsonObject, type Strategy, type Structural,
} from '@coxswain/api';
import { SchemaRules } from './rules/evaluate.ts';
import type { CelTimes } from './rules/times.ts';
import { finalizersOf } from '../registry/metadata.ts';
import { isObject, meta, text } from '../registry/object.ts';
import type { MetadataRules } from '../registry/kind.ts';

/** The strategy does it, in upstream's order. */
export const noMetadataRules: MetadataRules = { validate: () => [], validateUpdate: () => [] };

const standardFinalizers = ['orphan', 'foregroundDeletion', 'kubernetes'];

function finalizerWarnings(name: string): string[] {
  const warnings = qualifiedNameProblems(name).map((problem) => `metadata.finalizers: ${JSON.stringify(name)}: ${problem}`);
  if (name.includes('/') || standardFinalizers.includes(name)) return warnings;
  const path = name.includes('.') ? ' including a path (/)' : '';
  return [...warnings, `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`];
}

/** Validation of the objects of one version of a definition. */
class CustomValidation {
  readonly #api: ApiResource;
  readonly #version: CustomVersion;
  readonly #schema: Structural;
  readonly #rules: SchemaRules;

  constructor(api: ApiResource, version: CustomVersion, schema: Structural, times: CelTimes) {
    this.#api = api;
    this.#version = version;
    this.#schema = schema;
    this.#rules = new SchemaRules(schema, true, times);
  }

  #type(object: JsonObject): FieldError[] {
    const { kind } = this.#api;
    const apiVersion = apiVersionOf(this.#api);
    return [
      ...(text(object, 'kind') === kind ? [] : [invalidValue('kind', text(object, 'kind'), `must be ${kind}`)]),
      ...(text(object, 'apiVersion') === apiVersion ? [] : [invalidValue('apiVersion', text(object, 'apiVersion'), `must be ${apiVersion}`)]),
    ];
  }

  #withRules(errors: FieldError[], object: JsonObject, old: JsonObject | undefined, ratchet: boolean, warn?: (text: string) => void): FieldError[] {
    if (this.#rules.isEmpty) return errors;
    const unchecked = uncheckedRules(errors);
    if (unchecked !== undefined) return [...errors, unchecked];
    const found = this.#rules.check(object, '', old, ratchet);
    found.ratcheted.forEach((warning) => warn?.(warning));
    return [...errors, ...found.errors];
  }

  create(object: JsonObject): FieldError[] {
    const wrongType = this.#type(object);
    if (wrongType.length > 0) return wrongType;
    const errors = [
      ...validateMetadata(meta(object), { namespaced: this.#api.namespaced, custom: true }),
      ...validateValue(object, this.#schema), ...validateScale(object, this.#version.scale, 'all'),
      ...validateEmbedded(object, this.#schema), ...validateLists(object, this.#schema),
    ];
    return this.#withRules(errors, object, undefined, false);
  }

  update(object: JsonObject, old: JsonObject, warn?: (text: string) => void): FieldError[] {
    const wrongType = this.#type(object);
    if (wrongType.length > 0) return wrongType;
    const errors = [
      ...validateMetadataUpdate(meta(object), meta(old), { namespaced: this.#api.namespaced, custom: true }),
      ...validateValue(object, this.#schema, '', old), ...validateScale(object, this.#version.scale, 'all'),
      ...validateEmbedded(object, this.#schema),
      // Doubles that were there before may stay.
      ...(validateLists(old, this.#schema).length > 0 ? [] : validateLists(object, this.#schema)),
    ];
    return this.#withRules(errors, object, old, true, warn);
  }

  updateStatus(object: JsonObject, old: JsonObject): FieldError[] {
    const wrongType = this.#type(object);
    if (wrongType.length > 0) return wrongType;
    const schema = this.#schema.properties.get('status');
    const { status } = object;
    const errors = [...validateMetadataUpdate(meta(object), meta(old), { namespaced: this.#api.namespaced, custom: true })];
    if (status !== undefined && schema !== undefined) append(errors, validateValue(status, schema, 'status'));
    append(errors, validateScale(object, this.#version.scale, 'status'));
    if (validateLists(old, this.#schema).length === 0) append(errors, validateLists(object, this.#schema));
    return this.#withRules(errors, object, old, false);
  }
}

export function strategyOf(api: ApiResource, version: CustomVersion, schema: Structural, times: CelTimes): Strategy {
  const validation = new CustomValidation(api, version, schema, times);
  return {
    ...customStrategy(version.hasStatus),
    validate: (object) => validation.create(object),
    validateUpdate: (object, old, context) => (context.subresource === 'status' ? validation.updateStatus(object, old) : validation.update(object, old, context.warn)),
    warnings: (object, old) => {
      const before = isObject(old) ? finalizersOf(old) : [];
      return finalizersOf(object).filter((name) => !before.includes(name)).toSorted().flatMap(finalizerWarnings);
    },
  };
}
