import { isObject } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { goValue } from './go-value.ts';
import { envelopeFields, memberOf, type Structural } from './structural.ts';

function goKind(value: Json): string {
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'string': return 'string';
    case 'boolean': return 'bool';
    case 'object': return 'map[string]interface {}';
    default: return typeof value === 'number' && !Number.isSafeInteger(value) ? 'float64' : 'int64';
  }
}

/** Why a value is no scalar of this type, as upstream's structured merge says it. */
export function scalarProblem(value: Json, type: string): string | undefined {
  if (value === null) return undefined;
  switch (type) {
    case 'string': return typeof value === 'string' ? undefined : `expected string, got &value.valueUnstructured{Value:${goValue(value)}}`;
    case 'boolean': return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goShown(value)}}`;
    case 'integer': case 'number': return typeof value === 'number' || typeof value === 'bigint' ? undefined : `expected numeric (int or float), got ${goKind(value)}`;
    default: return undefined;
  }
}

/** As Go's %v shows it. */
export function goShown(value: Json): string {
  if (isObject(value)) return `map[${Object.keys(value).toSorted().map((key) => `${key}:${goShown(value[key] as Json)}`).join(' ')}]`;
  if (Array.isArray(value)) return `[${value.map(goShown).join(' ')}]`;
  return value === null ? '<nil>' : String(value);
}

class TypeCheck {
  readonly problems: string[] = [];

  visit(value: Json, schema: Structural | undefined, path: string): void {
    if (schema === undefined || value === null) return;
    if (schema.type === 'object') this.#object(value, schema, path);
    else if (schema.type === 'array') this.#array(value, schema, path);
    else if (!schema.intOrString) {
      const problem = scalarProblem(value, schema.type);
      if (problem !== undefined) this.problems.push(`${path}: ${problem}`);
    }
  }

  #array(value: Json, schema: Structural, path: string): void {
    if (!Array.isArray(value)) {
      this.problems.push(`${path}: expected list, got &{${goShown(value)}}`);
      return;
    }
    for (const [index, item] of value.entries()) this.visit(item, schema.items, itemPath(item, schema, path, index));
  }

  #object(value: Json, schema: Structural, path: string): void {
    if (!isObject(value)) {
      this.problems.push(`${path}: expected map, got &{${goShown(value)}}`);
      return;
    }
    const free = schema.preserveUnknownFields || (schema.properties.size === 0 && schema.additional === undefined);
    for (const key of Object.keys(value).toSorted()) {
      if ((path === '' || schema.embeddedResource) && envelopeFields.has(key)) continue;
      const member = memberOf(schema, key);
      if (member === 'undeclared') {
        if (!free) this.problems.push(`${path}.${key}: field not declared in schema`);
      } else this.visit(value[key] as Json, member, `${path}.${key}`);
    }
  }
}

function itemPath(item: Json, schema: Structural, path: string, index: number): string {
  if (schema.listType === 'map' && isObject(item)) return `${path}[${schema.listMapKeys.map((key) => `${key}=${JSON.stringify(item[key] ?? null)}`).join(',')}]`;
  return schema.listType === 'set' ? `${path}[=${JSON.stringify(item)}]` : `${path}[${index}]`;
}

/** Why an applied object does not fit its type, as server-side apply says it. Values are validated later. */
export function typedProblems(object: JsonObject, schema: Structural): string[] {
  const check = new TypeCheck();
  check.visit(object, { ...schema, type: 'object' }, '');
  return check.problems;
}
