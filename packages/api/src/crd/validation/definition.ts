import { append } from '@coxswain/host';
import { allSteps, type Steps } from '../../apply/steps.ts';
import type { FieldError } from '../../field-error.ts';
import { equalJson } from '../../patch/values.ts';
import type { Json, JsonObject } from '../../resource.ts';
import { bool, get, has, list, obj, objects, str, strings } from '../../validation/access.ts';
import { immutableText } from '../../validation/common.ts';
import { dns1035Label, dns1123Subdomain } from '../../validation/formats.ts';
import { badValue, duplicate, forbiddenField, goStrings, goText, invalidValue, notSupported, quote, required } from '../../validation/errors.ts';
import { approvalOf, isProtectedGroup } from '../conditions.ts';
import { isConditionTrue } from '../definition.ts';
import { structuralOf } from '../structural.ts';
import { isCertificateBundle, knowsReviewVersion, validateConversion } from './conversion.ts';
import { validateDefaults, type CheckRules } from './defaults.ts';
import { validFieldPath } from './field-path.ts';
import { OpenApiSchemaValidator, type RuleChecker } from './open-api.ts';
import { validateStructural } from './structural.ts';

/** The rules' language, from where it is built in. */
export interface DefinitionRules {
  /** `unchanged`: the schema was stored before, so that a rule too expensive by itself stays; `stored`: rules that stood in any version before. */
  checker(schema: JsonObject, options: { readonly unchanged: boolean; readonly stored: ReadonlySet<string> }): RuleChecker;
  readonly checkDefault: CheckRules;
}

interface Options {
  readonly rules: DefinitionRules | undefined;
  readonly old: JsonObject | undefined;
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const maxSelectableFields = 8;

function join(problems: readonly string[]): string {
  return problems.join(',');
}

function simplePath(path: string, field: string): FieldError[] {
  return path.startsWith('.') ? [] : [invalidValue(field, path, 'must be a simple json path starting with .')];
}

function validateColumn(column: JsonObject, field: string): FieldError[] {
  const type = str(column, 'type');
  const format = str(column, 'format');
  const path = str(column, 'jsonPath');
  const wrongType = `must be one of ${columnTypes.join(',')}`;
  return [
    ...(str(column, 'name') === '' ? [required(`${field}.name`)] : []),
    ...(type === '' ? [required(`${field}.type`, wrongType)] : columnTypes.includes(type) ? [] : [invalidValue(`${field}.type`, type, wrongType)]),
    ...(format === '' || columnFormats.includes(format) ? [] : [invalidValue(`${field}.format`, format, `must be one of ${columnFormats.join(',')}`)]),
    ...(path === '' ? [required(`${field}.JSONPath`)] : simplePath(path, `${field}.JSONPath`)),
  ];
}

function scalePath(scale: JsonObject, key: string, under: readonly string[], why: string, field: string): FieldError[] {
  const path = str(scale, key);
  if (path === '') return key === 'labelSelectorPath' ? [] : [required(field)];
  const errors = simplePath(path, field);
  return errors.length > 0 || under.some((prefix) => path.startsWith(prefix)) ? errors : [invalidValue(field, path, why)];
}

function validateSubresources(subresources: JsonObject | undefined, field: string): FieldError[] {
  const scale = obj(subresources, 'scale');
  if (scale === undefined) return [];
  return [
    ...scalePath(scale, 'specReplicasPath', ['.spec.'], 'should be a json path under .spec', `${field}.scale.specReplicasPath`),
    ...scalePath(scale, 'statusReplicasPath', ['.status.'], 'should be a json path under .status', `${field}.scale.statusReplicasPath`),
    ...scalePath(scale, 'labelSelectorPath', ['.spec.', '.status.'], 'should be a json path under either .spec or .status', `${field}.scale.labelSelectorPath`),
  ];
}

function validateSelectable(fields: readonly JsonObject[], schema: JsonObject, field: string): FieldError[] {
  const seen = new Set<string>();
  const errors = fields.flatMap((selectable, index): FieldError[] => {
    const at = `${field}[${index}].jsonPath`;
    const path = str(selectable, 'jsonPath');
    if (path === '') return [required(at)];
    const found = validFieldPath(path, schema, { brackets: false });
    if ('trouble' in found) return [invalidValue(at, path, `is an invalid path: ${found.trouble}`)];
    const problems: FieldError[] = [];
    if (found.root === 'metadata') problems.push(invalidValue(at, path, 'must not point to fields in metadata'));
    if (!['string', 'boolean', 'integer'].includes(str(found.schema, 'type'))) problems.push(invalidValue(at, path, 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.'));
    if (seen.has(found.text)) problems.push(duplicate(at, path));
    seen.add(found.text);
    return problems;
  });
  if (seen.size > maxSelectableFields) errors.push({ type: 'TooMany', field, message: `Too many: ${seen.size}: must have at most ${maxSelectableFields} items` });
  return errors;
}

const besideStatus = new Set([
  'description', 'type', 'format', 'title', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum', 'maxLength', 'minLength', 'pattern', 'maxItems', 'minItems', 'uniqueItems', 'multipleOf', 'required', 'items',
  'properties', 'externalDocs', 'example', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-validations',
]);
const besideStatusText = '[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]';

function withStatus(schema: JsonObject, field: string): FieldError[] {
  const set = Object.keys(schema).filter((key) => has(schema, key) && get(schema, key) !== false);
  if (str(schema, 'type') !== '' && str(schema, 'type') !== 'object') return [invalidValue(`${field}.type`, str(schema, 'type'), 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled')];
  if (set.every((key) => besideStatus.has(key))) return [];
  return [invalidValue(field, goText('apiextensions.JSONSchemaProps{…}'), `only ${besideStatusText} fields are allowed at the root of the schema if the status subresource is enabled`)];
}

/** All that is checked of one schema. */
function* validateSchema(schema: JsonObject | undefined, statusEnabled: boolean, field: string, options: Options, checker: RuleChecker | undefined): Steps<FieldError[]> {
  if (schema === undefined) return [];
  const at = `${field}.openAPIV3Schema`;
  const errors = statusEnabled ? withStatus(schema, at) : [];
  if (bool(schema, 'nullable')) errors.push(forbiddenField(`${at}.nullable`, 'nullable cannot be true at the root'));
  const structure = validateStructural(schema, at);
  yield;
  const structural = structure.length > 0 ? undefined : structuralOf(schema);
  yield;
  const defaults = structural === undefined ? [] : validateDefaults(structural, at, options.rules?.checkDefault);
  yield;
  const sound = structure.length === 0 && defaults.length === 0;
  append(errors, [...structure, ...defaults, ...(yield* new OpenApiSchemaValidator(sound ? checker : undefined).validate(schema, at))]);
  if (sound && checker !== undefined) append(errors, checker.finish(at));
  return errors;
}

function deprecation(version: JsonObject, field: string): FieldError[] {
  const warning = get(version, 'deprecationWarning');
  if (typeof warning !== 'string') return [];
  const bad = (why: string): FieldError => invalidValue(`${field}.deprecationWarning`, warning, why);
  if (!bool(version, 'deprecated')) return [bad('can only be set for deprecated versions')];
  const errors: FieldError[] = [];
  if (new TextEncoder().encode(warning).length > 256) errors.push(bad('must be <= 256 characters long'));
  if (warning === '') errors.push(bad('must not be an empty string'));
  const at = warning.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u);
  if (at >= 0) errors.push(bad(`must only contain printable UTF-8 characters; non-printable character found at index ${new TextEncoder().encode(warning.slice(0, at)).length}`));
  return errors;
}

/** Upstream keeps what all versions share once, above them, and its errors name it there. */
interface Shared {
  readonly schema: boolean;
  readonly subresources: boolean;
  readonly columns: boolean;
  readonly selectable: boolean;
}

const sharedKeys = { schema: 'schema', subresources: 'subresources', columns: 'additionalPrinterColumns', selectable: 'selectableFields' } as const;

function sharedParts(versions: readonly JsonObject[]): Shared {
  const same = (key: string): boolean => versions.every((version) => equalJson(get(version, key) ?? null, get(versions[0], key) ?? null));
  return { schema: same(sharedKeys.schema), subresources: same(sharedKeys.subresources), columns: same(sharedKeys.columns), selectable: same(sharedKeys.selectable) };
}

function schemaOf(version: JsonObject | undefined): JsonObject | undefined {
  return obj(obj(version, 'schema'), 'openAPIV3Schema');
}

function hasStatus(version: JsonObject | undefined): boolean {
  return obj(obj(version, 'subresources'), 'status') !== undefined;
}

function rulesIn(schema: JsonObject, into: Set<string>): void {
  const visit = (value: Json): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null) {
      for (const rule of objects(value, 'x-kubernetes-validations')) into.add(str(rule, 'rule')).add(str(rule, 'messageExpression'));
      for (const key of Object.keys(value)) if (key !== 'default' && key !== 'enum') visit(value[key] as Json);
    }
  };
  visit(schema);
}

class VersionsValidator {
  readonly #versions: readonly JsonObject[];
  readonly #shared: Shared;
  readonly #options: Options;
  readonly #oldVersions: readonly JsonObject[];
  readonly #stored = new Set<string>();
  readonly #given: boolean;

  constructor(spec: JsonObject | undefined, options: Options) {
    this.#given = Array.isArray(get(spec, 'versions'));
    this.#versions = objects(spec, 'versions');
    this.#shared = sharedParts(this.#versions);
    this.#options = options;
    this.#oldVersions = objects(obj(options.old, 'spec'), 'versions');
    for (const version of this.#oldVersions) rulesIn(schemaOf(version) ?? {}, this.#stored);
  }

  *#schema(version: JsonObject | undefined, statusEnabled: boolean, field: string): Steps<FieldError[]> {
    const schema = schemaOf(version);
    if (schema === undefined) return [];
    const before = schemaOf(this.#oldVersions.find((old) => str(old, 'name') === str(version, 'name')));
    const checker = this.#options.rules?.checker(schema, { unchanged: before !== undefined && equalJson(before, schema), stored: this.#stored });
    yield;
    return yield* validateSchema(schema, statusEnabled, field, this.#options, checker);
  }

  missingSchemas(): FieldError[] {
    const tightened = this.#options.old === undefined || this.#oldVersions.every((version) => schemaOf(version) !== undefined);
    return this.#versions.flatMap((version, index) => {
      if (schemaOf(version) !== undefined) return [];
      const at = `spec.versions[${index}].schema.openAPIV3Schema`;
      if (tightened) return [required(at, 'schemas are required')];
      return bool(version, 'served') ? [required(at, 'because otherwise all fields are pruned')] : [];
    });
  }

  *each(): Steps<FieldError[]> {
    const errors: FieldError[] = [];
    for (const [index, version] of this.#versions.entries()) append(errors, yield* this.#one(version, `spec.versions[${index}]`));
    return errors;
  }

  *#one(version: JsonObject, at: string): Steps<FieldError[]> {
    const name = str(version, 'name');
    const problems = dns1035Label(name);
    const schema = schemaOf(version);
    return [
      ...(problems.length > 0 ? [invalidValue(`${at}.name`, name, join(problems))] : []),
      ...deprecation(version, at),
      ...(this.#shared.schema ? [] : yield* this.#schema(version, hasStatus(version), `${at}.schema`)),
      ...(this.#shared.subresources ? [] : validateSubresources(obj(version, 'subresources'), `${at}.subresources`)),
      ...(this.#shared.columns ? [] : objects(version, 'additionalPrinterColumns').flatMap((column, place) => validateColumn(column, `${at}.additionalPrinterColumns[${place}]`))),
      ...(this.#shared.selectable || list(version, 'selectableFields').length === 0 ? [] : this.#selectable(version, schema, at)),
    ];
  }

  #selectable(version: JsonObject, schema: JsonObject | undefined, at: string): FieldError[] {
    // Where all versions share the schema, upstream no longer finds it beside the fields of one.
    if (schema === undefined || this.#shared.schema) return [invalidValue(`${at}.selectableFields`, '', 'selectableFields may only be set when version.schema.openAPIV3Schema is not included')];
    return validateSelectable(objects(version, 'selectableFields'), schema, `${at}.selectableFields`);
  }

  together(): FieldError[] {
    const names = this.#versions.map((version) => str(version, 'name'));
    const shown = goText(this.#shown());
    const errors: FieldError[] = [];
    if (new Set(names).size < names.length) errors.push(invalidValue('spec.versions', shown, 'must contain unique version names'));
    if (this.#versions.filter((version) => bool(version, 'storage')).length !== 1) errors.push(invalidValue('spec.versions', shown, 'must have exactly one version marked as storage version'));
    const first = names[0] ?? '';
    const problems = first === '' ? [] : dns1035Label(first);
    if (problems.length > 0) errors.push(invalidValue('spec.version', first, join(problems)));
    return errors;
  }

  /** As Go prints them; where it prints addresses nobody could read them. */
  #shown(): string {
    const type = 'apiextensions.CustomResourceDefinitionVersion';
    if (!this.#given) return `[]${type}(nil)`;
    const part = (shared: boolean, version: JsonObject, key: string, goType: string): string => (shared || !has(version, key) ? `(*${goType})(nil)` : `(*${goType})(…)`);
    const items = (shared: boolean, version: JsonObject, key: string, goType: string): string => `[]${goType}${shared || list(version, key).length === 0 ? '(nil)' : '{…}'}`;
    const shown = this.#versions.map((version) => `${type}{Name:${quote(str(version, 'name'))}, Served:${bool(version, 'served')}, Storage:${bool(version, 'storage')}, Deprecated:${bool(version, 'deprecated')}, `
      + `DeprecationWarning:${part(false, version, 'deprecationWarning', 'string')}, Schema:${part(this.#shared.schema, version, 'schema', 'apiextensions.CustomResourceValidation')}, `
      + `Subresources:${part(this.#shared.subresources, version, 'subresources', 'apiextensions.CustomResourceSubresources')}, `
      + `AdditionalPrinterColumns:${items(this.#shared.columns, version, 'additionalPrinterColumns', 'apiextensions.CustomResourceColumnDefinition')}, `
      + `SelectableFields:${items(this.#shared.selectable, version, 'selectableFields', 'apiextensions.SelectableField')}}`);
    return `[]${type}{${shown.join(', ')}}`;
  }

  *above(): Steps<FieldError[]> {
    const first = this.#versions[0];
    return [
      ...(this.#shared.schema ? yield* this.#schema(first, this.#versions.some(hasStatus), 'spec.validation') : []),
      ...(this.#shared.subresources ? validateSubresources(obj(first, 'subresources'), 'spec.subresources') : []),
      ...(this.#shared.columns ? objects(first, 'additionalPrinterColumns').flatMap((column, place) => validateColumn(column, `spec.additionalPrinterColumns[${place}]`)) : []),
      ...(this.#shared.selectable && list(first, 'selectableFields').length > 0 ? this.#sharedSelectable(first) : []),
    ];
  }

  #sharedSelectable(first: JsonObject | undefined): FieldError[] {
    const schema = schemaOf(first);
    if (!this.#shared.schema || schema === undefined) return [invalidValue('spec.selectableFields', '', 'selectableFields may only be set when validations.schema is included')];
    return validateSelectable(objects(first, 'selectableFields'), schema, 'spec.selectableFields');
  }
}

function validateNames(names: JsonObject | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const key of ['plural', 'singular', 'kind', 'listKind']) {
    const name = str(names, key);
    const mixed = key === 'kind' || key === 'listKind';
    const problems = name === '' ? [] : dns1035Label(mixed ? name.toLowerCase() : name);
    if (problems.length > 0) errors.push(invalidValue(`${field}.${key}`, name, `${mixed ? 'may have mixed case, but should otherwise match: ' : ''}${join(problems)}`));
  }
  const each = (key: string): FieldError[] => strings(names, key).flatMap((name, index) => {
    const problems = dns1035Label(name);
    return problems.length > 0 ? [invalidValue(`${field}.${key}[${index}]`, name, join(problems))] : [];
  });
  append(errors, each('shortNames'));
  if (str(names, 'kind') !== '' && str(names, 'kind') === str(names, 'listKind')) errors.push(invalidValue(`${field}.listKind`, str(names, 'listKind'), 'kind and listKind may not be the same'));
  return [...errors, ...each('categories')];
}

function validateGroup(group: string): FieldError[] {
  if (group === '') return [required('spec.group')];
  const problems = dns1123Subdomain(group);
  if (problems.length > 0) return [invalidValue('spec.group', group, join(problems))];
  return group.includes('.') ? [] : [invalidValue('spec.group', group, 'should be a domain with at least one dot')];
}

function validateScope(scope: string): FieldError[] {
  if (scope === '') return [required('spec.scope')];
  return ['Cluster', 'Namespaced'].includes(scope) ? [] : [notSupported('spec.scope', scope, ['Cluster', 'Namespaced'])];
}

function* validateSpec(object: JsonObject, options: Options): Steps<FieldError[]> {
  const spec = obj(object, 'spec');
  const names = obj(spec, 'names');
  const versions = new VersionsValidator(spec, options);
  const before = obj(obj(options.old, 'spec'), 'conversion');
  const oldBundle = str(obj(obj(before, 'webhook'), 'clientConfig'), 'caBundle');
  const established = options.old !== undefined && isConditionTrue(options.old, 'Established');
  return [
    ...validateGroup(str(spec, 'group')), ...validateScope(str(spec, 'scope')),
    ...versions.missingSchemas(), ...(yield* versions.each()), ...versions.together(),
    ...['plural', 'singular', 'kind', 'listKind'].filter((key) => str(names, key) === '').map((key) => required(`spec.names.${key}`)),
    ...validateNames(names, 'spec.names'), ...(yield* versions.above()),
    ...validateConversion(obj(spec, 'conversion'), {
      knownReviewVersion: options.old === undefined || knowsReviewVersion(before),
      anyBundle: !established || (oldBundle !== '' && !isCertificateBundle(oldBundle)),
    }),
  ];
}

function validateStored(object: JsonObject): FieldError[] {
  const field = 'status.storedVersions';
  const stored = strings(obj(object, 'status'), 'storedVersions');
  const versions = objects(obj(object, 'spec'), 'versions');
  if (stored.length === 0) return [invalidValue(field, goStrings('[]string', undefined), 'must have at least one stored version')];
  const names = versions.map((version) => str(version, 'name'));
  const isMissing = (version: JsonObject, index: number): boolean => bool(version, 'storage') && (!stored.includes(str(version, 'name')) || names.indexOf(str(version, 'name')) < index);
  return [
    ...versions.filter(isMissing).map((version) => invalidValue(field, goStrings('[]string', stored), `must have the storage version ${str(version, 'name')}`)),
    ...stored.flatMap((name, index) => (names.includes(name) ? [] : [invalidValue(`${field}[${index}]`, name, 'must appear in spec.versions')])),
  ];
}

function validateApproval(object: JsonObject, old: JsonObject | undefined): FieldError[] {
  if (!isProtectedGroup(str(obj(object, 'spec'), 'group'))) return [];
  const { state, reason } = approvalOf(obj(object, 'metadata'));
  if (old !== undefined && approvalOf(obj(old, 'metadata')).state === state) return [];
  const field = 'metadata.annotations[api-approved.kubernetes.io]';
  if (state === 'missing') return [required(field, reason)];
  return state === 'invalid' ? [invalidValue(field, str(obj(obj(object, 'metadata'), 'annotations'), 'api-approved.kubernetes.io'), reason)] : [];
}

function validatePreserve(object: JsonObject, old: JsonObject | undefined): FieldError[] {
  if (!bool(obj(object, 'spec'), 'preserveUnknownFields') || bool(obj(old, 'spec'), 'preserveUnknownFields')) return [];
  return [invalidValue('spec.preserveUnknownFields', true, 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead')];
}

function common(object: JsonObject, options: Options): FieldError[] {
  return [
    ...validateNames(obj(obj(object, 'status'), 'acceptedNames'), 'status.acceptedNames'), ...validateStored(object), ...validateApproval(object, options.old), ...validatePreserve(object, options.old),
  ];
}

export function* validateDefinitionInSteps(object: JsonObject, rules?: DefinitionRules): Steps<FieldError[]> {
  const options: Options = { rules, old: undefined };
  return [...(yield* validateSpec(object, options)), ...common(object, options)];
}

export function validateDefinition(object: JsonObject, rules?: DefinitionRules): FieldError[] {
  return allSteps(validateDefinitionInSteps(object, rules));
}

function unchanged(value: string, before: string, field: string): FieldError[] {
  return value === before ? [] : [invalidValue(field, badValue(value), immutableText)];
}

export function* validateDefinitionUpdateInSteps(object: JsonObject, old: JsonObject, rules?: DefinitionRules): Steps<FieldError[]> {
  const spec = obj(object, 'spec');
  const before = obj(old, 'spec');
  const [names, oldNames] = [obj(spec, 'names'), obj(before, 'names')];
  const options: Options = { rules, old };
  return [
    ...(yield* validateSpec(object, options)),
    ...(isConditionTrue(old, 'Established') ? [...unchanged(str(spec, 'scope'), str(before, 'scope'), 'spec.scope'), ...unchanged(str(names, 'kind'), str(oldNames, 'kind'), 'spec.names.kind')] : []),
    ...unchanged(str(spec, 'group'), str(before, 'group'), 'spec.group'), ...unchanged(str(names, 'plural'), str(oldNames, 'plural'), 'spec.names.plural'),
    ...common(object, options),
  ];
}

export function validateDefinitionUpdate(object: JsonObject, old: JsonObject, rules?: DefinitionRules): FieldError[] {
  return allSteps(validateDefinitionUpdateInSteps(object, old, rules));
}

export function validateDefinitionStatus(object: JsonObject): FieldError[] {
  return validateNames(obj(obj(object, 'status'), 'acceptedNames'), 'status.acceptedNames');
}
