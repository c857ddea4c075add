import type { JsonObject } from '../../resource.ts';
import { entries, get, obj } from '../../validation/access.ts';
import { isObject } from '../../patch/values.ts';

export interface FieldPath {
  /** As errors name the field: `spec.map[a]`. */
  readonly text: string;
  readonly root: string;
  readonly schema: JsonObject;
}

type Walked = FieldPath | { readonly trouble: string };

const end = { trouble: 'unexpected end of JSON path' };
const nowhere = { trouble: 'does not refer to a valid field' };

/** Delimiters, quoted names and what stands between. */
function tokens(path: string): string[] {
  return path.match(/[.[\]]|'(?:[^'\\]|\\.)*'|[^.[\]]+/g) ?? [];
}

function below(schema: JsonObject, name: string): { readonly schema: JsonObject; readonly key: boolean } | undefined {
  const properties = obj(schema, 'properties');
  if (entries(properties).length > 0) {
    const property = obj(properties, name);
    return property === undefined ? undefined : { schema: property, key: false };
  }
  const additional = get(schema, 'additionalProperties');
  return isObject(additional) ? { schema: additional, key: true } : undefined;
}

/** A simple path (`.spec.color`, `.labels['a.b']`) through what a schema declares. */
export function validFieldPath(path: string, schema: JsonObject, options: { readonly brackets?: boolean } = {}): Walked {
  const rest = tokens(path);
  let at = { schema, text: '' };
  let root = '';
  while (rest.length > 0) {
    const delimiter = rest.shift() as string;
    if (delimiter === '[' && options.brackets === false) return { trouble: 'array notation is not allowed' };
    if (delimiter !== '.' && delimiter !== '[') return { trouble: `expected [ or . but got: ${delimiter}` };
    const token = rest.shift();
    if (token === undefined) return end;
    if (delimiter === '[' && !/^'.*'$/s.test(token)) return { trouble: `expected single quoted string but got ${token}` };
    const name = delimiter === '[' ? token.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : token;
    const found = below(at.schema, name);
    if (found === undefined) return nowhere;
    if (delimiter === '[') {
      const close = rest.shift();
      if (close === undefined) return end;
      if (close !== ']') return { trouble: `expected ] but got ${close}` };
    }
    if (at.text === '') root = name;
    at = { schema: found.schema, text: found.key ? `${at.text}[${name}]` : at.text === '' ? name : `${at.text}.${name}` };
  }
  return at.text === '' ? end : { text: at.text, root, schema: at.schema };
}
