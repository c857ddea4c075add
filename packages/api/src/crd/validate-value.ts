import { RE2JS } from 're2js';
import { equalJson, isObject, own } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { quote } from '../validation/errors.ts';
import { bool, get, list, objects, obj, optionalNumber, str, strings } from '../validation/access.ts';
import { correlatedItem, correlatedMember, type Correlation } from './correlation.ts';
import { checkedFormat, matchesFormat } from './formats.ts';
import { goFloat, goValue } from './go-value.ts';
import { SchemaResult, type SchemaError } from './result.ts';

const patterns = new Map<string, RE2JS | string>();
const maxPatterns = 5000;

/** Compiled, or what is wrong with it. */
export function compilePattern(pattern: string): RE2JS | string {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  let made: RE2JS | string;
  try {
    made = RE2JS.compile(pattern);
  } catch (error) {
    made = error instanceof Error ? error.message : String(error);
  }
  if (patterns.size >= maxPatterns) patterns.clear();
  patterns.set(pattern, made);
  return made;
}

interface Spot {
  readonly schema: JsonObject;
  /** `.spec.size`, `spec.tags[0]`; '' at the root. */
  readonly path: string;
  readonly old: Correlation | undefined;
}

/** What Go's type of the value is called in a schema, and by its format. */
function typeNames(value: Json): readonly [string, string] {
  if (value === null) return ['null', ''];
  if (Array.isArray(value)) return ['array', ''];
  switch (typeof value) {
    case 'boolean': return ['boolean', ''];
    case 'string': return ['string', ''];
    case 'object': return ['object', ''];
    case 'bigint': return ['integer', 'int64'];
    // What no int64 held, or was written with a fraction.
    default: return Number.isSafeInteger(value) ? ['integer', 'int64'] : ['number', 'float64'];
  }
}

function shown(value: Json): string {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : goFloat(value);
  return goValue(value);
}

function invalid(path: string, value: Json | undefined, text: string): SchemaError {
  return { name: path, type: 'Invalid', message: `Invalid value: ${value === undefined ? '""' : shown(value)}: ${text}`, text };
}

function typeError(path: string, expected: string, found: string): SchemaError {
  const text = `${path} in body must be of type ${expected}: ${quote(found)}`;
  return { name: path, type: 'TypeInvalid', message: `Invalid value: ${quote(found)}: ${text}`, text };
}

function expectedTypes(schema: JsonObject): readonly string[] {
  if (bool(schema, 'x-kubernetes-int-or-string')) return ['integer', 'string'];
  const type = str(schema, 'type');
  return type === '' ? [] : [type];
}

function checkType({ schema, path }: Spot, value: Json): SchemaError | undefined {
  const types = expectedTypes(schema);
  const format = checkedFormat(str(schema, 'format'));
  if (types.length === 0 && format === '') return undefined;
  const [found, foundFormat] = typeNames(value);
  if (value === null) return types.length > 0 && !bool(schema, 'nullable') ? typeError(path, types.join(','), 'null') : undefined;
  const fits = types.includes(found) || (found === 'integer' && types.includes('number'));
  const isText = typeof value === 'string' || Array.isArray(value);
  if (!isText && format !== '' && !(fits || foundFormat === format)) return typeError(path, format, foundFormat);
  if (isText && format !== '' && !types.includes('number') && !types.includes('integer')) return undefined;
  return fits ? undefined : typeError(path, types.join(','), found);
}

function checkString({ schema, path }: Spot, value: string): SchemaError | undefined {
  const length = Array.from(value).length;
  const max = optionalNumber(schema, 'maxLength');
  if (max !== undefined && length > max) {
    return { name: path, type: 'TooLong', message: `Too long: may not be more than ${max} bytes`, text: `${path} in body should be at most ${max} chars long` };
  }
  const min = optionalNumber(schema, 'minLength');
  if (min !== undefined && length < min) return invalid(path, value, `${path} in body should be at least ${min} chars long`);
  const pattern = str(schema, 'pattern');
  if (pattern === '') return undefined;
  const compiled = compilePattern(pattern);
  if (typeof compiled === 'string') return invalid(path, value, `${path} in body should match '${pattern}, but pattern is invalid: ${compiled}'`);
  return compiled.matcher(value).find() ? undefined : invalid(path, value, `${path} in body should match '${pattern}'`);
}

/** A limit as it is compared with this value: integers are compared with integers. */
function limitFor(value: number | bigint, limit: number): { readonly limit: number; readonly text: string } {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return { limit: Math.trunc(limit), text: String(Math.trunc(limit)) };
  return { limit, text: goFloat(limit) };
}

function isMultiple(value: number, factor: number): boolean {
  if (!Number.isSafeInteger(Math.trunc(value))) return false;
  const quotient = factor < 1 ? (1 / factor) * value : value / factor;
  const nearest = Math.round(quotient);
  return Math.abs(quotient - nearest) < 1e-9 * Math.max(1, Math.abs(quotient));
}

function checkNumber({ schema, path }: Spot, value: number | bigint): SchemaError[] {
  const errors: SchemaError[] = [];
  const factor = optionalNumber(schema, 'multipleOf');
  if (factor !== undefined) {
    const { limit, text } = limitFor(value, factor);
    if (limit <= 0) errors.push(invalid(path, value, `factor MultipleOf declared for ${path} must be positive: ${text}`));
    else if (!isMultiple(Number(value), limit)) errors.push(invalid(path, value, `${path} in body should be a multiple of ${text}`));
  }
  const min = optionalNumber(schema, 'minimum');
  if (min !== undefined) {
    const { limit, text } = limitFor(value, min);
    const exclusive = bool(schema, 'exclusiveMinimum');
    if (value < limit || (exclusive && Number(value) === limit)) errors.push(invalid(path, value, `${path} in body should be greater than ${exclusive ? '' : 'or equal to '}${text}`));
  }
  const max = optionalNumber(schema, 'maximum');
  if (max !== undefined) {
    const { limit, text } = limitFor(value, max);
    const exclusive = bool(schema, 'exclusiveMaximum');
    if (value > limit || (exclusive && Number(value) === limit)) errors.push(invalid(path, value, `${path} in body should be less than ${exclusive ? '' : 'or equal to '}${text}`));
  }
  return errors;
}

function checkEnum({ schema, path }: Spot, value: Json): SchemaError | undefined {
  const choices = list(schema, 'enum');
  if (choices.length === 0 || choices.some((choice) => equalJson(choice, value))) return undefined;
  const supported = choices.map((choice) => quote(typeof choice === 'string' ? choice : JSON.stringify(choice))).join(', ');
  return { name: path, type: 'NotSupported', message: `Unsupported value: ${value === null ? '"null"' : shown(value)}: supported values: ${supported}`, text: `${path} in body should be one of ${supported}` };
}

function tooMany(path: string, count: number, max: number, what: string): SchemaError {
  return { name: path, type: 'TooMany', message: `Too many: ${count}: must have at most ${max} items`, text: `${path} in body should have at most ${max} ${what}` };
}

function hasDoubles(items: readonly Json[]): boolean {
  return items.some((item, index) => items.slice(0, index).some((other) => equalJson(item, other)));
}

/** Go's validator of a value against one schema, with its errors, their order (members by name) and its ratcheting. */
export class ValueValidator {
  validate(value: Json, spot: Spot): SchemaResult {
    const result = this.#whole(value, spot);
    // What was wrong before and has not changed may stay.
    return !result.isValid && spot.old !== undefined && equalJson(spot.old.value, value) ? new SchemaResult() : result;
  }

  #whole(value: Json, spot: Spot): SchemaResult {
    const result = new SchemaResult();
    const check = (found: SchemaError | undefined): void => {
      if (found === undefined) result.count();
      else result.add(found);
    };
    if (expectedTypes(spot.schema).length > 0 || checkedFormat(str(spot.schema, 'format')) !== '') check(checkType(spot, value));
    if (value === null) {
      check(checkEnum(spot, value));
      return result;
    }
    result.merge(this.#alternatives(value, spot));
    if (typeof value === 'string') {
      check(checkString(spot, value));
      const format = checkedFormat(str(spot.schema, 'format'));
      if (format !== '' && !matchesFormat(format, value)) result.add(typeError(spot.path, format, value));
    } else if (typeof value === 'number' || typeof value === 'bigint') {
      const errors = checkNumber(spot, value);
      errors.forEach((error) => result.add(error));
      result.count();
    } else if (Array.isArray(value)) result.merge(this.#array(value, spot));
    check(checkEnum(spot, value));
    if (isObject(value)) result.merge(this.#object(value, spot));
    result.count();
    return result;
  }

  #array(value: readonly Json[], { schema, path, old }: Spot): SchemaResult {
    const result = new SchemaResult();
    const items = obj(schema, 'items');
    if (items !== undefined) {
      for (const [index, item] of value.entries()) result.merge(this.validate(item, { schema: items, path: `${path}[${index}]`, old: correlatedItem(old, value, index) }));
    }
    const min = optionalNumber(schema, 'minItems');
    if (min !== undefined && value.length < min) result.add(invalid(path, value.length, `${path} in body should have at least ${min} items`));
    const max = optionalNumber(schema, 'maxItems');
    if (max !== undefined && value.length > max) result.add(tooMany(path, value.length, max, 'items'));
    if (bool(schema, 'uniqueItems') && hasDoubles(value)) result.add(invalid(path, undefined, `${path} in body shouldn't contain duplicates`));
    result.count();
    return result;
  }

  #object(value: JsonObject, { schema, path, old }: Spot): SchemaResult {
    const result = new SchemaResult();
    const keys = Object.keys(value);
    const min = optionalNumber(schema, 'minProperties');
    if (min !== undefined && keys.length < min) result.add(invalid(path, keys.length, `${path} in body should have at least ${min} properties`));
    const max = optionalNumber(schema, 'maxProperties');
    if (max !== undefined && keys.length > max) result.add(tooMany(path, keys.length, max, 'properties'));
    const properties = obj(schema, 'properties') ?? {};
    const others = get(schema, 'additionalProperties');
    for (const key of keys.toSorted()) {
      if (Object.hasOwn(properties, key)) continue;
      if (others === false) result.add(invalid(path, undefined, `${path}.${key} in body is a forbidden property`));
      else if (isObject(others)) result.merge(this.validate(value[key] as Json, { schema: others, path: `${path}.${key}`, old: correlatedMember(old, path, key) }));
    }
    for (const key of Object.keys(properties).toSorted()) {
      const property = own(properties, key);
      if (!isObject(property) || !Object.hasOwn(value, key)) continue;
      result.merge(this.validate(value[key] as Json, { schema: property, path: path === '' ? key : `${path}.${key}`, old: correlatedMember(old, path, key) }));
    }
    for (const key of strings(schema, 'required')) {
      if (!Object.hasOwn(value, key)) result.add({ name: `${path}.${key}`, type: 'Required', message: 'Required value', text: `${path}.${key} in body is required` });
    }
    return result;
  }

  #alternatives(value: Json, spot: Spot): SchemaResult {
    const result = new SchemaResult();
    this.#anyOf(value, spot, result);
    this.#oneOf(value, spot, result);
    this.#allOf(value, spot, result);
    const not = obj(spot.schema, 'not');
    if (not !== undefined && this.#whole(value, { ...spot, schema: not }).isValid) this.#refuse(result, `${quote(spot.path)} must not validate the schema (not)`);
    result.count();
    return result;
  }

  #refuse(result: SchemaResult, text: string): void {
    result.add({ name: undefined, type: 'Invalid', message: `Invalid value: "": ${text}`, text });
  }

  #anyOf(value: Json, spot: Spot, result: SchemaResult): void {
    const schemas = objects(spot.schema, 'anyOf');
    if (schemas.length === 0) return;
    let best: SchemaResult | undefined;
    for (const schema of schemas) {
      const tried = this.#whole(value, { ...spot, schema });
      if (tried.isValid) {
        result.merge(tried);
        return;
      }
      if (best === undefined || tried.matches > best.matches) best = tried;
    }
    this.#refuse(result, `${quote(spot.path)} must validate at least one schema (anyOf)`);
    if (best !== undefined) result.merge(best);
  }

  #oneOf(value: Json, spot: Spot, result: SchemaResult): void {
    const schemas = objects(spot.schema, 'oneOf');
    if (schemas.length === 0) return;
    let best: SchemaResult | undefined;
    let first: SchemaResult | undefined;
    let valid = 0;
    for (const schema of schemas) {
      const tried = this.#whole(value, { ...spot, schema });
      if (tried.isValid) {
        valid += 1;
        first ??= tried;
        best = undefined;
      } else if (valid === 0 && (best === undefined || tried.matches > best.matches)) best = tried;
    }
    if (valid === 1 && first !== undefined) result.merge(first);
    else {
      this.#refuse(result, `${quote(spot.path)} must validate one and only one schema (oneOf). ${valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`}`);
      if (best !== undefined) result.merge(best);
    }
  }

  #allOf(value: Json, spot: Spot, result: SchemaResult): void {
    const schemas = objects(spot.schema, 'allOf');
    const tried = schemas.map((schema) => this.#whole(value, { ...spot, schema }));
    for (const one of tried) result.merge(one);
    const valid = tried.filter((one) => one.isValid).length;
    if (valid !== schemas.length) this.#refuse(result, `${quote(spot.path)} must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`);
  }
}
