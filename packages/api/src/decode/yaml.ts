import { parseDocument, visit, type Document, type Pair, type Scalar } from 'yaml';
import type { ScannedJson, DuplicateKey } from '../json/scan.ts';
import { JsonSyntaxError } from '../json/syntax-error.ts';
import type { Json, JsonObject } from '../resource.ts';

/** What YAML 1.1 knows beyond what Kubernetes' YAML library takes: times stay text, and so does `22:22`. */
const leftOut = new Set(['tag:yaml.org,2002:timestamp', 'tag:yaml.org,2002:binary', 'tag:yaml.org,2002:omap', 'tag:yaml.org,2002:pairs', 'tag:yaml.org,2002:set']);
const utf8 = new TextDecoder('utf-8');

function parse(text: string): Document {
  return parseDocument(text, {
    version: '1.1', merge: true, uniqueKeys: false, intAsBigInt: true, prettyErrors: true, logLevel: 'error',
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || (!leftOut.has(tag.tag) && tag.format !== 'TIME')),
  });
}

/** Keys of JSON are text: YAML's numbers and booleans as keys become what JSON would print. */
function toJson(value: unknown): Json {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Map) {
    const object: JsonObject = {};
    for (const [key, member] of value) Object.defineProperty(object, keyText(key), { value: toJson(member), writable: true, enumerable: true, configurable: true });
    return object;
  }
  switch (typeof value) {
    case 'string': case 'boolean': return value;
    case 'number': return Number.isFinite(value) ? value : null;
    default: return null;
  }
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return key;
  return key === null ? 'null' : typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean' ? String(key) : JSON.stringify(key);
}

function duplicateKeys(document: Document): string[] {
  const found: string[] = [];
  visit(document, {
    Map(_key, node) {
      const seen = new Set<string>();
      for (const pair of node.items as Pair<Scalar>[]) {
        const key = keyText(pair.key?.value);
        if (seen.has(key)) found.push(key);
        seen.add(key);
      }
    },
  });
  return found;
}

/**
 * Reads one YAML document (of which JSON is a part) as Kubernetes does: YAML 1.1, merge keys, whole numbers exact. Throws JsonSyntaxError.
 */
export function scanYaml(source: string | Uint8Array): ScannedJson {
  const document = parse(typeof source === 'string' ? source : utf8.decode(source));
  const error = document.errors[0];
  if (error !== undefined) throw new JsonSyntaxError(`error converting YAML to JSON: yaml: line ${error.linePos?.[0].line ?? 1}: ${error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? ''}`, error.pos[0]);
  const value = toJson(document.toJS({ mapAsMap: true }));
  const duplicates: DuplicateKey[] = typeof value === 'object' && value !== null && !Array.isArray(value)
    ? duplicateKeys(document).map((key) => ({ parent: value, key, path: key })) : [];
  return { value, duplicates, wholeFloats: new Map() };
}
