import type { ApiDescription } from '../description.ts';
import type { Json, JsonObject } from '../resource.ts';
import { badRequest } from '../status-error.ts';
import { directivePrefixes, noMergeKey, patchErrors, unknownPatchType } from './strategic-errors.ts';
import { mergeOrdered } from './strategic-order.ts';
import { itemSchema, ruleOf, type FieldRule, type PatchSchema } from './strategic-schema.ts';
import { cloneJson, identityText, isObject, jsonKind, own, setOwn } from './values.ts';

/** Drops directives, and nulls that would delete what is not there. */
function asPlainValue(value: Json): Json {
  if (Array.isArray(value)) return value.filter((item) => !isDirectiveItem(item)).map(asPlainValue);
  if (!isObject(value)) return value;
  const plain: JsonObject = {};
  for (const key of Object.keys(value)) {
    const inner = value[key] as Json;
    if (inner !== null && !isDirectiveKey(key)) setOwn(plain, key, asPlainValue(inner));
  }
  return plain;
}

function isDirectiveKey(key: string): boolean {
  return key === '$patch' || key === '$retainKeys' || key.startsWith(directivePrefixes.order) || key.startsWith(directivePrefixes.deletion);
}

function isDirectiveItem(item: Json): boolean {
  return isObject(item) && (own(item, '$patch') === 'delete' || own(item, '$patch') === 'replace');
}

function retainKeys(original: JsonObject, patch: JsonObject): void {
  const retained = own(patch, '$retainKeys');
  if (retained === undefined) return;
  if (!Array.isArray(retained)) throw badRequest(patchErrors.retainKeys);
  const kept = new Set(retained);
  for (const key of Object.keys(patch)) {
    if (patch[key] !== null && !isDirectiveKey(key) && !kept.has(key)) throw badRequest(patchErrors.retainKeys);
  }
  for (const key of Object.keys(original)) {
    if (!kept.has(key)) delete original[key];
  }
}

/** Neither argument is changed; what the patch does not touch is the original's. */
function mergeObject(live: JsonObject, patch: JsonObject, schema: PatchSchema): JsonObject {
  const directive = own(patch, '$patch');
  if (directive === 'replace') {
    const { $patch: _directive, ...rest } = patch;
    return asPlainValue(rest) as JsonObject;
  }
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw unknownPatchType(directive, patch);
  const original = { ...live };
  retainKeys(original, patch);
  const handled = mergeOrderedLists(original, patch, schema);
  for (const key of Object.keys(patch)) {
    if (!handled.has(key)) mergeField(original, key, patch[key] as Json, schema);
  }
  return original;
}

/** Lists that come with a `$setElementOrder`; answers the keys that are dealt with. */
function mergeOrderedLists(original: JsonObject, patch: JsonObject, schema: PatchSchema): Set<string> {
  const handled = new Set(['$patch', '$retainKeys']);
  for (const orderKey of Object.keys(patch)) {
    if (!orderKey.startsWith(directivePrefixes.order)) continue;
    handled.add(orderKey);
    const key = orderKey.slice(directivePrefixes.order.length);
    const order = patch[orderKey];
    const live = own(original, key);
    const change = own(patch, key);
    if (!Array.isArray(order)) throw badRequest(patchErrors.elementOrder);
    if (change !== undefined && !Array.isArray(change)) {
      if (change === null) continue;
      throw badRequest(patchErrors.elementOrder);
    }
    handled.add(key);
    const liveItems = Array.isArray(live) ? live : [];
    if (!Array.isArray(live) && change === undefined) continue;
    const rule = ruleOf(schema, key);
    const merged = change === undefined ? liveItems : mergeList(liveItems, change, rule);
    setOwn(original, key, mergeOrdered({ merged, order, live: liveItems, change: change ?? [], mergeKey: rule.mergeKey }));
  }
  return handled;
}

function mergeField(original: JsonObject, key: string, change: Json, schema: PatchSchema): void {
  if (key.startsWith(directivePrefixes.deletion)) {
    deleteFromPrimitiveList(original, key.slice(directivePrefixes.deletion.length), change);
    return;
  }
  if (change === null) {
    delete original[key];
    return;
  }
  const live = own(original, key);
  const rule = ruleOf(schema, key);
  if (isObject(change) && isObject(live) && !rule.strategies.includes('replace')) setOwn(original, key, mergeObject(live, change, rule.schema));
  else if (Array.isArray(change) && Array.isArray(live) && rule.strategies.includes('merge')) setOwn(original, key, patchFirst(mergeList(live, change, rule), live, change, rule));
  else setOwn(original, key, asPlainValue(change));
}

function deleteFromPrimitiveList(original: JsonObject, key: string, removed: Json): void {
  if (!Array.isArray(removed)) throw badRequest(patchErrors.primitiveList);
  const live = own(original, key);
  if (!Array.isArray(live)) return;
  const gone = new Set(removed.map(identityText));
  setOwn(original, key, live.filter((item) => !gone.has(identityText(item))));
}

/** What the patch brings anew stands before what only the server has. */
function patchFirst(merged: Json[], live: Json[], change: Json[], rule: FieldRule): Json[] {
  const isDirective = (item: Json): boolean => isObject(item) && own(item, '$patch') !== undefined;
  if (change.some((item) => isObject(item) && own(item, '$patch') === 'replace')) return merged;
  const order = change.filter((item) => !isDirective(item));
  return mergeOrdered({ merged, order, live, change: order, mergeKey: rule.mergeKey });
}

function mergeList(live: Json[], change: Json[], rule: FieldRule): Json[] {
  if (!rule.strategies.includes('merge')) return asPlainValue(change) as Json[];
  const kinds = new Set([...live, ...change].map(jsonKind));
  if (kinds.size === 0) return live;
  if (kinds.has('list')) throw patchErrors.listOfLists();
  if (kinds.size > 1) throw patchErrors.mixedList();
  if (!kinds.has('object')) return unique([...live, ...change]);
  if (rule.mergeKey === '') throw patchErrors.noKeyDeclared();
  return mergeKeyedList(live as JsonObject[], change as JsonObject[], rule);
}

function unique(items: readonly Json[]): Json[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const name = identityText(item);
    return !seen.has(name) && seen.add(name);
  });
}

function keyValue(item: JsonObject, mergeKey: string): Json {
  const value = own(item, mergeKey);
  if (value === undefined) throw noMergeKey(item, mergeKey);
  return value;
}

interface KeyedChange { readonly additions: readonly JsonObject[]; readonly gone: ReadonlySet<string>; readonly replace: boolean }

function readKeyedChange(change: readonly JsonObject[], mergeKey: string): KeyedChange {
  const additions: JsonObject[] = [];
  const gone = new Set<string>();
  let replace = false;
  for (const item of change) {
    const directive = own(item, '$patch');
    if (directive === undefined) additions.push(item);
    else if (directive === 'replace') replace = true;
    else if (directive === 'delete') gone.add(identityText(keyValue(item, mergeKey)));
    else if (directive === 'merge') throw patchErrors.mergeDirectiveInList();
    else throw unknownPatchType(directive, item);
  }
  return { additions, gone, replace };
}

function mergeKeyedList(live: readonly JsonObject[], change: readonly JsonObject[], { mergeKey, schema: listSchema }: FieldRule): JsonObject[] {
  const { additions, gone, replace } = readKeyedChange(change, mergeKey);
  if (replace) return asPlainValue(additions as JsonObject[]) as JsonObject[];
  // What has no key is nobody's.
  const nameOf = (item: JsonObject): string | undefined => { const key = own(item, mergeKey); return key === undefined ? undefined : identityText(key); };
  const merged = gone.size === 0 ? [...live] : live.filter((item) => !gone.has(nameOf(item) ?? ''));
  const places = new Map<string | undefined, number>();
  for (const [index, item] of merged.entries()) if (!places.has(nameOf(item))) places.set(nameOf(item), index);
  const schema = itemSchema(listSchema);
  for (const item of additions) {
    const wanted = identityText(keyValue(item, mergeKey));
    const index = places.get(wanted);
    if (index === undefined) places.set(wanted, merged.push(asPlainValue(item) as JsonObject) - 1);
    else merged[index] = mergeObject(merged[index] as JsonObject, item, schema);
  }
  return merged;
}

/** Kubernetes' strategic merge, with every directive. Neither argument is changed; the result shares with the document what the patch does not touch. */
export function applyStrategicMergePatch(description: ApiDescription, typeName: string, document: JsonObject, patch: Json): JsonObject {
  if (!isObject(patch)) throw badRequest(patchErrors.badDocument);
  return mergeObject(document, cloneJson(patch), { description, shape: { kind: 'object', type: typeName } });
}
