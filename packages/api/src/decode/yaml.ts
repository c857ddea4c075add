import { LineCounter, parseDocument, visit, type Document, type Node, type Pair, type Scalar } from 'yaml';
import { scannedValue, type ScannedJson } from '../json/scan.ts';
import { YamlSyntaxError } from '../json/syntax-error.ts';
import type { Json, JsonObject } from '../resource.ts';

/** What YAML 1.1 knows beyond what Kubernetes' YAML library takes: times stay text, and so does `22:22`. */
const leftOut = new Set(['tag:yaml.org,2002:timestamp', 'tag:yaml.org,2002:binary', 'tag:yaml.org,2002:omap', 'tag:yaml.org,2002:pairs', 'tag:yaml.org,2002:set']);
const utf8 = new TextDecoder('utf-8');

function parse(text: string, lineCounter: LineCounter): Document {
  return parseDocument(text, {
    lineCounter, version: '1.1', merge: true, uniqueKeys: false, intAsBigInt: true, prettyErrors: true, logLevel: 'error',
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || (!leftOut.has(tag.tag) && tag.format !== 'TIME')),
  });
}

/** As deep as JSON may be, in the words for what the original allows. */
const maxDepth = 2000;
const tooDeep = 'yaml: exceeded max depth of 10000';

/** Keys of JSON are text: YAML's numbers and booleans as keys become what JSON would print. */
function toJson(value: unknown, depth = 0): Json {
  if (depth > maxDepth) throw new YamlSyntaxError(tooDeep, 0);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map((item) => toJson(item, depth + 1));
  if (value instanceof Map) {
    const object: JsonObject = {};
    // What follows sees the keys as Go's converter to JSON leaves them: sorted.
    const members = [...value].map(([key, member]): [string, unknown] => [keyText(key), member]).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    for (const [key, member] of members) Object.defineProperty(object, key, { value: toJson(member, depth + 1), writable: true, enumerable: true, configurable: true });
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

/** Go's YAML library tells of all duplicate keys at once, by line. */
function duplicateKeys(document: Document, lines: LineCounter): string[] {
  const found: string[] = [];
  visit(document, {
    Map(_key, node) {
      const seen = new Set<string>();
      for (const pair of node.items as Pair<Scalar>[]) {
        const key = keyText(pair.key?.value);
        if (seen.has(key)) found.push(`  line ${lines.linePos(pair.key?.range?.[0] ?? 0).line}: key ${JSON.stringify(key)} already set in map`);
        seen.add(key);
      }
    },
  });
  return found.length === 0 ? [] : [`yaml: unmarshal errors:\n${found.join('\n')}`];
}

/** What stands for nothing, or would have no end as JSON. */
function refuseAliases(document: Document): void {
  const anchors = new Map<string, Node>();
  visit(document, {
    Value(_key, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
    Alias(_key, node, path) {
      const named = anchors.get(node.source);
      if (named === undefined) throw new YamlSyntaxError(`yaml: unknown anchor '${node.source}' referenced`, node.range?.[0] ?? 0);
      if (path.includes(named)) throw new YamlSyntaxError(`yaml: anchor '${node.source}' value contains itself`, node.range?.[0] ?? 0);
    },
  });
}

/** The library says by these what a document must not do: aliases of aliases without end, nesting deeper than its stack, merging what is no map. */
function withinBounds<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ReferenceError) throw new YamlSyntaxError('yaml: document contains excessive aliasing', 0);
    if (error instanceof RangeError) throw new YamlSyntaxError(tooDeep, 0);
    if (error instanceof Error && error.message.startsWith('Merge sources must be maps')) throw new YamlSyntaxError('yaml: map merge requires map or sequence of maps as the value', 0);
    throw error;
  }
}

/**
 * Reads one YAML document (of which JSON is a part) as Kubernetes does: YAML 1.1, merge keys, whole numbers exact. Throws YamlSyntaxError.
 */
export function scanYaml(source: string | Uint8Array): ScannedJson {
  const lines = new LineCounter();
  const document = withinBounds(() => parse(typeof source === 'string' ? source : utf8.decode(source), lines));
  const error = document.errors[0];
  if (error !== undefined) {
    if (error.message.startsWith('Maximum call stack size exceeded')) throw new YamlSyntaxError(tooDeep, error.pos[0]);
    const problem = error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? '';
    throw new YamlSyntaxError(`yaml: line ${error.linePos?.[0].line ?? 1}: ${problem}`, error.pos[0]);
  }
  return withinBounds(() => {
    refuseAliases(document);
    return { ...scannedValue(toJson(document.toJS({ mapAsMap: true }))), strictErrors: duplicateKeys(document, lines) };
  });
}
