import { equalJson, isObject, setOwn } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { definitionPrefix, parameterPrefix, usedDefinitions, withReferences } from './references.ts';

const kindsKey = 'x-kubernetes-group-version-kind';

function section(document: JsonObject, name: 'paths' | 'definitions' | 'parameters'): JsonObject {
  const found = document[name];
  return isObject(found) ? found : {};
}

/** The paths that are kept, and not those definitions that only the others led to. What nothing ever led to stays. */
export function keepV2Paths(document: JsonObject, keep: (path: string) => boolean): JsonObject {
  const [paths, definitions] = [section(document, 'paths'), section(document, 'definitions')];
  const kept: JsonObject = Object.fromEntries(Object.entries(paths).filter(([path]) => keep(path)));
  const [before, after] = [paths, kept].map((some) => usedDefinitions(some, document['parameters'], definitions)) as [ReadonlySet<string>, ReadonlySet<string>];
  return { ...document, paths: kept, definitions: Object.fromEntries(Object.entries(definitions).filter(([name]) => after.has(name) || !before.has(name))) };
}

type Same = (a: Json, b: Json) => boolean;

/** Kinds aside: one type serves several versions, and each document knows only its own. */
function sameSchema(a: Json, b: Json): boolean {
  if (!isObject(a) || !isObject(b)) return equalJson(a, b);
  const { [kindsKey]: _ofA, ...left } = a;
  const { [kindsKey]: _ofB, ...right } = b;
  return equalJson(left, right);
}

/** New names for what is called the same here and there and is not the same. */
function conflicts(here: JsonObject, there: JsonObject, same: Same): ReadonlyMap<string, string> {
  const renames = new Map<string, string>();
  const taken = new Set(Object.keys(here));
  for (const [name, value] of Object.entries(there)) {
    const clashes = (candidate: string): boolean => Object.hasOwn(here, candidate) && !same(here[candidate] as Json, value);
    if (!clashes(name)) continue;
    let count = 2;
    while (clashes(`${name}_v${count}`)) count += 1;
    // What was renamed for a former document and is the same is used again; else a name that nobody has.
    if (!Object.hasOwn(here, `${name}_v${count}`)) while (taken.has(`${name}_v${count}`) || Object.hasOwn(there, `${name}_v${count}`)) count += 1;
    renames.set(name, `${name}_v${count}`);
    taken.add(`${name}_v${count}`);
  }
  return renames;
}

function renamed(values: JsonObject, names: ReadonlyMap<string, string>, references: ReadonlyMap<string, string>): JsonObject {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [names.get(name) ?? name, withReferences(value, references)]));
}

function kindText(value: Json): string {
  if (!isObject(value)) return '';
  const [group, version, kind] = ['group', 'version', 'kind'].map((name) => (typeof value[name] === 'string' ? value[name] : ''));
  return `${group}/${version}.${kind}`;
}

/** The schema that is here, with the kinds that it has there too. */
function withKindsOf(here: Json, there: Json): Json {
  if (!isObject(here) || !isObject(there)) return here;
  const [known, more] = [here[kindsKey], there[kindsKey]];
  if (!Array.isArray(more)) return here;
  if (!Array.isArray(known)) return { ...here, [kindsKey]: more };
  const names = new Set(known.map(kindText));
  const added = more.filter((kind) => !names.has(kindText(kind)));
  if (added.length === 0) return here;
  return { ...here, [kindsKey]: [...known, ...added].map((kind) => [kindText(kind), kind] as const).sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kind]) => kind) };
}

/** Adds a document; what is there already stays as it is. */
function merge(into: JsonObject, document: JsonObject): JsonObject {
  const paths = section(into, 'paths');
  const fresh = keepV2Paths(document, (path) => !Object.hasOwn(paths, path));
  if (Object.keys(section(fresh, 'paths')).length === 0) return into;
  const [definitions, parameters] = [section(into, 'definitions'), section(into, 'parameters')];
  const ofDefinitions = conflicts(definitions, section(fresh, 'definitions'), sameSchema);
  const ofParameters = conflicts(parameters, section(fresh, 'parameters'), equalJson);
  const references = new Map([
    ...[...ofDefinitions].map(([from, to]) => [definitionPrefix + from, definitionPrefix + to] as const), ...[...ofParameters].map(([from, to]) => [parameterPrefix + from, parameterPrefix + to] as const),
  ]);
  const merged = { ...definitions };
  for (const [name, schema] of Object.entries(renamed(section(fresh, 'definitions'), ofDefinitions, references))) setOwn(merged, name, Object.hasOwn(merged, name) ? withKindsOf(merged[name] as Json, schema) : schema);
  const allParameters = { ...renamed(section(fresh, 'parameters'), ofParameters, references), ...parameters };
  return {
    ...into, paths: { ...paths, ...(withReferences(section(fresh, 'paths'), references) as JsonObject) }, definitions: merged, ...(Object.keys(allParameters).length === 0 ? {} : { parameters: allParameters }),
  };
}

function sorted(values: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One document of OpenAPI 2 from several, the first of which counts most. Its title and the like are the first's. */
export function mergeV2(first: JsonObject, others: readonly JsonObject[]): JsonObject {
  if (others.length === 0) return first;
  const merged = others.reduce(merge, first);
  return { ...merged, paths: sorted(section(merged, 'paths')), definitions: sorted(section(merged, 'definitions')), ...(isObject(merged['parameters']) ? { parameters: sorted(merged['parameters']) } : {}) };
}
