import type { Json } from '../resource.ts';
import { badRequest } from '../status-error.ts';
import { patchErrors } from './strategic-errors.ts';
import { equalJson, isObject, own } from './values.ts';

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

function place(list: readonly Json[], item: Json, mergeKey: string): number {
  const wanted = identity(item, mergeKey);
  return list.findIndex((other) => equalJson(identity(other, mergeKey), wanted));
}

function inOrderOf(items: readonly Json[], order: readonly Json[], mergeKey: string): Json[] {
  return items.toSorted((a, b) => place(order, a, mergeKey) - place(order, b, mergeKey));
}

/** Every item that the patch brings must be in its order list, and in that order. */
function checkOrder({ change, order, mergeKey }: OrderedMerge): void {
  let last = -1;
  for (const item of change) {
    if (isObject(item) && own(item, '$patch') !== undefined) continue;
    const index = place(order, item, mergeKey);
    if (index < 0 || index < last) throw badRequest(patchErrors.elementOrder);
    last = index;
  }
}

/**
 * Items that the order names follow it; what only the server has keeps its place between its live neighbours
 * where both are known, and otherwise comes later.
 */
export function mergeOrdered(input: OrderedMerge): Json[] {
  checkOrder(input);
  const { merged, order, live, mergeKey } = input;
  const named = inOrderOf(merged.filter((item) => place(order, item, mergeKey) >= 0), order, mergeKey);
  const others = inOrderOf(merged.filter((item) => place(order, item, mergeKey) < 0), live, mergeKey);
  const result: Json[] = [];
  let next = 0;
  for (const item of named) {
    const at = place(live, item, mergeKey);
    while (next < others.length && at >= 0 && isBefore(place(live, others[next] as Json, mergeKey), at)) {
      result.push(others[next] as Json);
      next += 1;
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}

function isBefore(other: number, at: number): boolean {
  return other >= 0 && other < at;
}
