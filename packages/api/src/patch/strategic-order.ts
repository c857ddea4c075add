import type { Json } from '../resource.ts';
import { badRequest } from '../status-error.ts';
import { patchErrors } from './strategic-errors.ts';
import { identityText, isObject, own } from './values.ts';

export interface OrderedMerge {
  readonly merged: readonly Json[];
  readonly order: readonly Json[];
  readonly live: readonly Json[];
  readonly change: readonly Json[];
  readonly mergeKey: string;
}

function identity(item: Json, mergeKey: string): Json {
  return mergeKey !== '' && isObject(item) ? own(item, mergeKey) ?? null : item;
}

/** Where each identity comes first. */
type Places = ReadonlyMap<string, number>;

function placesOf(list: readonly Json[], mergeKey: string): Places {
  const places = new Map<string, number>();
  for (const [index, item] of list.entries()) {
    const name = identityText(identity(item, mergeKey));
    if (!places.has(name)) places.set(name, index);
  }
  return places;
}

/** An item and where the list has it; -1: nowhere. */
interface Placed { readonly item: Json; readonly name: string; readonly at: number }

function placed(items: readonly Json[], places: Places, mergeKey: string): Placed[] {
  return items.map((item) => {
    const name = identityText(identity(item, mergeKey));
    return { item, name, at: places.get(name) ?? -1 };
  });
}

const inOrder = (items: Placed[]): Placed[] => items.sort((a, b) => a.at - b.at);

/** Every item that the patch brings must be in its order list, and in that order. */
function checkOrder(change: readonly Json[], order: Places, mergeKey: string): void {
  let last = -1;
  const items = change.filter((item) => !(isObject(item) && own(item, '$patch') !== undefined));
  for (const { at } of placed(items, order, mergeKey)) {
    if (at < 0 || at < last) throw badRequest(patchErrors.elementOrder);
    last = at;
  }
}

/**
 * Items that the order names follow it; what only the server has keeps its place between its live neighbours
 * where both are known, and otherwise comes later.
 */
export function mergeOrdered({ merged, order, live, change, mergeKey }: OrderedMerge): Json[] {
  const orderPlaces = placesOf(order, mergeKey);
  checkOrder(change, orderPlaces, mergeKey);
  const livePlaces = placesOf(live, mergeKey);
  const all = placed(merged, orderPlaces, mergeKey);
  const named = inOrder(all.filter(({ at }) => at >= 0));
  const others = inOrder(placed(all.filter(({ at }) => at < 0).map(({ item }) => item), livePlaces, mergeKey));
  const result: Json[] = [];
  let next = 0;
  for (const { item, name } of named) {
    const at = livePlaces.get(name) ?? -1;
    for (let other = others[next]; other !== undefined && at >= 0 && isBefore(other.at, at); other = others[next]) {
      result.push(other.item);
      next += 1;
    }
    result.push(item);
  }
  for (const { item } of others.slice(next)) result.push(item);
  return result;
}

function isBefore(other: number, at: number): boolean {
  return other >= 0 && other < at;
}
