import { append } from '@coxswain/host';
import type { Steps } from '../../apply/steps.ts';
import type { FieldError } from '../../field-error.ts';
import { isObject } from '../../patch/values.ts';
import type { JsonObject } from '../../resource.ts';
import { bool, entries, get, has, list, obj, objects, str, strings } from '../../validation/access.ts';
import { forbiddenField, goStrings, invalidValue, notSupported, required } from '../../validation/errors.ts';
import { envelopeFields } from '../structural.ts';
import { validFieldPath } from './field-path.ts';

/** Which versions' rules are compiled, and what of it is refused; made anew for each schema. */
export interface RuleChecker {
  /** The rules at one place of the schema. `uncorrelated`: the highest place whose old and new values nobody can match. */
  check(schema: JsonObject, place: RulePlace, field: string, uncorrelated: string | undefined): FieldError[];
  /** What all rules together cost, when all of the schema was looked at. */
  finish(field: string): FieldError[];
}

/** A place in the schema as rules see it: how often a value may stand there in one object. */
export interface RulePlace {
  readonly parent: RulePlace | undefined;
  readonly schema: JsonObject;
  readonly step: 'root' | 'property' | 'items' | 'additional';
}

interface Scope {
  readonly allowDefaults: boolean;
  readonly why: string;
  readonly insideMeta: boolean;
  /** The highest place whose old and new values nobody can match. */
  readonly uncorrelated: string | undefined;
}

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

interface Found {
  readonly schema: FieldError[];
  readonly rules: FieldError[];
}

/** So many places of a schema are looked at in one step; one with rules counts for ten. */
const placesAStep = 500;

/** The rules of a schema as OpenAPI and Kubernetes restrict it. */
export class OpenApiSchemaValidator {
  readonly #rules: RuleChecker | undefined;
  #places = 0;

  constructor(rules: RuleChecker | undefined) {
    this.#rules = rules;
  }

  *validate(schema: JsonObject, field: string): Steps<FieldError[]> {
    const place: RulePlace | undefined = this.#rules === undefined ? undefined : { parent: undefined, schema, step: 'root' };
    const found = yield* this.#visit(schema, field, { allowDefaults: true, why: '', insideMeta: false, uncorrelated: undefined }, true, place);
    return [...found.schema, ...found.rules];
  }

  *#visit(schema: JsonObject | undefined, field: string, scope: Scope, isRoot: boolean, place: RulePlace | undefined): Steps<Found> {
    const found: Found = { schema: [], rules: [] };
    if (schema === undefined) return found;
    this.#places += has(schema, 'x-kubernetes-validations') ? 10 : 1;
    if (this.#places > placesAStep) {
      this.#places = 0;
      yield;
    }
    const take = (below: Found): void => {
      append(found.schema, below.schema);
      append(found.rules, below.rules);
    };
    append(found.schema, standard(schema, field, scope));
    if (bool(schema, 'uniqueItems')) found.schema.push(forbiddenField(`${field}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'));
    yield* this.#objects(schema, field, scope, isRoot, place, take, found);
    yield* this.#logic(schema, field, scope, take);
    yield* this.#items(schema, field, scope, place, take);
    append(found.schema, [...mapsAndLists(schema, field), ...ruleTexts(schema, field)]);
    if (found.schema.length === 0 && place !== undefined && list(schema, 'x-kubernetes-validations').length > 0) append(found.rules, (this.#rules?.check(schema, place, field, scope.uncorrelated) ?? []));
    return found;
  }

  *#objects(schema: JsonObject, field: string, scope: Scope, isRoot: boolean, place: RulePlace | undefined, take: (below: Found) => void, found: Found): Steps {
    const additional = get(schema, 'additionalProperties');
    const properties = entries(obj(schema, 'properties'));
    if (additional !== undefined) {
      if (properties.length > 0 && (additional === false || isObject(additional))) found.schema.push(forbiddenField(`${field}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
      const below = scope.insideMeta ? { ...scope, allowDefaults: false, why: 'inside additionalProperties applying to object metadata' } : scope;
      if (isObject(additional)) take(yield* this.#visit(additional, `${field}.additionalProperties`, below, false, child(place, additional, 'additional')));
    }
    for (const [name, property] of properties.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const correlated = ['', 'granular', 'atomic'].includes(str(schema, 'x-kubernetes-map-type'));
      let below: Scope = correlated ? scope : { ...scope, uncorrelated: scope.uncorrelated ?? field };
      if ((isRoot || bool(schema, 'x-kubernetes-embedded-resource')) && envelopeFields.has(name)) {
        below = { ...below, insideMeta: true, ...(isRoot ? { allowDefaults: false, why: `in top-level ${name}` } : {}) };
      }
      if (isObject(property)) take(yield* this.#visit(property, `${field}.properties[${name}]`, below, false, child(place, property, 'property')));
    }
  }

  *#logic(schema: JsonObject, field: string, scope: Scope, take: (below: Found) => void): Steps {
    take(yield* this.#visit(obj(schema, 'not'), `${field}.not`, scope, false, undefined));
    for (const key of ['allOf', 'oneOf', 'anyOf']) {
      for (const [index, nested] of objects(schema, key).entries()) take(yield* this.#visit(nested, `${field}.${key}[${index}]`, scope, false, undefined));
    }
    for (const [name, nested] of entries(obj(schema, 'definitions'))) if (isObject(nested)) take(yield* this.#visit(nested, `${field}.definitions[${name}]`, scope, false, undefined));
  }

  *#items(schema: JsonObject, field: string, scope: Scope, place: RulePlace | undefined, take: (below: Found) => void): Steps {
    const below: Scope = str(schema, 'x-kubernetes-list-type') === 'map' ? scope : { ...scope, uncorrelated: scope.uncorrelated ?? field };
    const items = obj(schema, 'items');
    if (items !== undefined) take(yield* this.#visit(items, `${field}.items`, below, false, child(place, items, 'items')));
    for (const [index, nested] of objects(schema, 'items').entries()) take(yield* this.#visit(nested, `${field}.items[${index}]`, below, false, child(place, nested, 'items')));
  }
}

function child(place: RulePlace | undefined, schema: JsonObject, step: RulePlace['step']): RulePlace | undefined {
  return place === undefined ? undefined : { parent: place, schema, step };
}

const unsupported = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'];

function standard(schema: JsonObject, field: string, scope: Scope): FieldError[] {
  const errors: FieldError[] = [];
  const type = str(schema, 'type');
  if (type !== '' && !types.includes(type)) errors.push(notSupported(`${field}.type`, type, types));
  if (has(schema, 'default') && !scope.allowDefaults) errors.push(forbiddenField(`${field}.default`, `must not be set${scope.why === '' ? '' : ` ${scope.why}`}`));
  for (const key of unsupported) {
    const value = get(schema, key);
    if (value !== undefined && value !== '' && !(isObject(value) && ['patternProperties', 'definitions'].includes(key) && Object.keys(value).length === 0)) errors.push(forbiddenField(`${field}.${key}`, `${key} is not supported`));
  }
  if (type === 'null') errors.push(forbiddenField(`${field}.type`, 'type cannot be set to null, use nullable as an alternative'));
  if (list(schema, 'items').length > 0) errors.push(forbiddenField(`${field}.items`, 'items must be a schema object and not an array'));
  if (scope.insideMeta && bool(schema, 'x-kubernetes-embedded-resource')) errors.push(forbiddenField(`${field}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'));
  return errors;
}

function mapsAndLists(schema: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const type = str(schema, 'type');
  const wrongType = (expected: string, key: string): FieldError => {
    const why = `must be ${expected} if ${key} is specified`;
    return type === '' ? required(`${field}.type`, why) : invalidValue(`${field}.type`, type, why);
  };
  if (get(schema, 'x-kubernetes-preserve-unknown-fields') === false) errors.push(invalidValue(`${field}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  const mapType = get(schema, 'x-kubernetes-map-type');
  if (typeof mapType === 'string') {
    if (type !== 'object') errors.push(wrongType('object', 'x-kubernetes-map-type'));
    if (mapType !== 'atomic' && mapType !== 'granular') errors.push(notSupported(`${field}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
  }
  const listType = get(schema, 'x-kubernetes-list-type');
  if (typeof listType === 'string') {
    if (type !== 'array') errors.push(wrongType('array', 'x-kubernetes-list-type'));
    else if (listType === 'set') append(errors, setItems(schema, field));
    if (!['atomic', 'set', 'map'].includes(listType)) errors.push(notSupported(`${field}.x-kubernetes-list-type`, listType, ['atomic', 'set', 'map']));
  }
  return [...errors, ...listKeys(schema, listType, field), ...keyedItems(schema, field)];
}

function setItems(schema: JsonObject, field: string): FieldError[] {
  const items = obj(schema, 'items');
  const listType = get(items, 'x-kubernetes-list-type');
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  if (str(items, 'type') === 'array' && listType !== undefined && listType !== 'atomic') return [invalidValue(`${field}.items.x-kubernetes-list-type`, listType as string, why)];
  if (str(items, 'type') === 'object' && str(items, 'x-kubernetes-map-type') !== 'atomic') return [invalidValue(`${field}.items.x-kubernetes-map-type`, listType as string | undefined, why)];
  return [];
}

function listKeys(schema: JsonObject, listType: unknown, field: string): FieldError[] {
  const keys = strings(schema, 'x-kubernetes-list-map-keys');
  const errors: FieldError[] = [];
  const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
  if (keys.length > 0 && listType === undefined) errors.push(required(`${field}.x-kubernetes-list-type`, why));
  else if (keys.length > 0 && listType !== 'map') errors.push(invalidValue(`${field}.x-kubernetes-list-type`, listType as string, why));
  if (listType !== 'map') return errors;
  if (keys.length === 0) errors.push(required(`${field}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'));
  const items = obj(schema, 'items');
  if (items === undefined) {
    if (!has(schema, 'items')) errors.push(required(`${field}.items`, 'must have a schema if x-kubernetes-list-type is map'));
    return errors;
  }
  if (str(items, 'type') !== 'object') return [...errors, invalidValue(`${field}.items.type`, str(items, 'type'), "must be object if parent array's x-kubernetes-list-type is map")];
  const shown = goStrings('[]string', keys);
  for (const [index, key] of keys.entries()) {
    const property = obj(obj(items, 'properties'), key);
    if (property === undefined) errors.push(invalidValue(`${field}.x-kubernetes-list-map-keys`, shown, 'entries must all be names of item properties'));
    else if (['array', 'object'].includes(str(property, 'type'))) errors.push(invalidValue(`${field}.items.properties[${key}].type`, 'object', "must be a scalar type if parent array's x-kubernetes-list-type is map"));
    if (keys.indexOf(key) < index) errors.push(invalidValue(`${field}.x-kubernetes-list-map-keys`, shown, 'must not contain duplicate entries'));
  }
  return errors;
}

function keyedItems(schema: JsonObject, field: string): FieldError[] {
  const items = obj(schema, 'items');
  const listType = str(schema, 'x-kubernetes-list-type');
  if (items === undefined || (listType !== 'set' && listType !== 'map')) return [];
  const errors = bool(items, 'nullable') ? [forbiddenField(`${field}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`)] : [];
  if (listType === 'set') return errors;
  for (const key of strings(schema, 'x-kubernetes-list-map-keys')) {
    const property = obj(obj(items, 'properties'), key);
    if (property === undefined) continue;
    const at = `${field}.items.properties[${key}]`;
    if (!strings(items, 'required').includes(key) && !has(property, 'default')) errors.push(required(`${at}.default`, 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'));
    if (bool(property, 'nullable')) errors.push(forbiddenField(`${at}.nullable`, 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'));
  }
  return errors;
}

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const newline = /[\n\r]/;

function ruleTexts(schema: JsonObject, field: string): FieldError[] {
  return objects(schema, 'x-kubernetes-validations').flatMap((rule, index) => {
    const at = `${field}.x-kubernetes-validations[${index}]`;
    const [text, message, expression, path] = ['rule', 'message', 'messageExpression', 'fieldPath'].map((key) => str(rule, key)) as [string, string, string, string];
    const errors: FieldError[] = [];
    if (text.trim() === '') errors.push(required(`${at}.rule`, 'rule is not specified'));
    else if (message !== '' && message.trim() === '') errors.push(invalidValue(`${at}.message`, message, 'message must be non-empty if specified'));
    else if (newline.test(message.trim())) errors.push(invalidValue(`${at}.message`, message, 'message must not contain line breaks'));
    else if (newline.test(text.trim()) && message.trim() === '') errors.push(required(`${at}.message`, 'message must be specified if rule contains line breaks'));
    if (expression !== '' && expression.trim() === '') errors.push(required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'));
    const reason = get(rule, 'reason');
    if (typeof reason === 'string' && !reasons.includes(reason)) errors.push(notSupported(`${at}.reason`, reason, reasons));
    if (path !== '' && path.trim() === '') errors.push(invalidValue(`${at}.fieldPath`, path, 'fieldPath must be non-empty if specified'));
    if (newline.test(path)) errors.push(invalidValue(`${at}.fieldPath`, path, 'fieldPath must not contain line breaks'));
    if (path !== '' && 'trouble' in validFieldPath(path, schema)) errors.push(invalidValue(`${at}.fieldPath`, path, 'fieldPath must be a valid path'));
    return errors;
  });
}
