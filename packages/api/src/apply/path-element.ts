import type { Json, JsonObject } from '../resource.ts';
import { isObject } from '../patch/values.ts';

/**
 * A step of a path as fieldsV1 writes it: `f:name`, `k:{"name":"c"}`, `v:"x"` or `i:0`.
 * Kept as that text, with the keys of `k:` sorted, so that equal steps are equal strings.
 */
export type PathElement = string;

export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

/** Steps as they came, made canonical, and what the values of steps are: the same few come again with every object of a kind. */
const canonical = new Map<string, PathElement>();
const values = new Map<PathElement, Json>();
const rememberedMax = 2000;
const rememberedLength = 100;

function remember<V>(known: Map<string, V>, text: string, value: V): V {
  if (text.length > rememberedLength) return value;
  if (known.size >= rememberedMax) known.clear();
  known.set(text, value);
  return value;
}

/** What a `k:`, `v:` or `i:` says. Nobody may change it. */
function valueOf(element: PathElement): Json {
  return values.get(element) ?? remember(values, element, JSON.parse(element.slice(2)) as Json);
}

function jsonText(value: Json): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? Number(item) : item));
}

export function keyElement(key: JsonObject): PathElement {
  return `k:{${Object.keys(key).toSorted().map((name) => `${jsonText(name)}:${jsonText(key[name] as Json)}`).join(',')}}`;
}

export function valueElement(value: Json): PathElement {
  return `v:${jsonText(value)}`;
}

/** What a client may have written otherwise, made canonical; undefined if it is no step. */
export function parseElement(text: string): PathElement | undefined {
  if (text.startsWith('f:')) return text;
  if (/^i:[0-9]+$/.test(text)) return text;
  if (!text.startsWith('k:') && !text.startsWith('v:')) return undefined;
  const known = canonical.get(text);
  if (known !== undefined) return known;
  try {
    const value = JSON.parse(text.slice(2)) as Json;
    if (text.startsWith('v:')) return remember(canonical, text, valueElement(value));
    return isObject(value) ? remember(canonical, text, keyElement(value)) : undefined;
  } catch {
    return undefined;
  }
}

const kindOrder = 'fkvi';

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function compareValues(a: Json, b: Json): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === typeof b) return compareText(String(a as string), String(b as string));
  return compareText(typeof a, typeof b);
}

function compareKeys(a: JsonObject, b: JsonObject): number {
  const names = Object.keys(a);
  const others = Object.keys(b);
  for (const [index, name] of names.entries()) {
    const other = others[index];
    if (other === undefined) return 1;
    const order = compareText(name, other) || compareValues(a[name] as Json, b[other] as Json);
    if (order !== 0) return order;
  }
  return names.length - others.length;
}

/** Fields by name, then keys, values and indices. */
export function compareElements(a: PathElement, b: PathElement): number {
  if (a.startsWith('f:') && b.startsWith('f:')) return compareText(a, b);
  const kind = a[0] as string;
  const order = kindOrder.indexOf(kind) - kindOrder.indexOf(b[0] as string);
  if (order !== 0) return order;
  switch (kind) {
    case 'k': return compareKeys(valueOf(a) as JsonObject, valueOf(b) as JsonObject);
    default: return compareValues(valueOf(a), valueOf(b));
  }
}

/** As conflicts name it: `.spec.containers[name="c"].image`. */
export function pathText(path: readonly PathElement[]): string {
  return path.map((element) => {
    const rest = element.slice(2);
    switch (element[0]) {
      case 'f': return `.${rest}`;
      case 'k': {
        const key = valueOf(element) as JsonObject;
        return `[${Object.keys(key).map((name) => `${name}=${jsonText(key[name] as Json)}`).join(',')}]`;
      }
      case 'v': return `[=${rest}]`;
      default: return `[${rest}]`;
    }
  }).join('');
}
