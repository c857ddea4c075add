import type { KubeObject } from '@coxswain/client';
import { parseRfc3339 } from '@coxswain/host';

export function nameOf(object: KubeObject): string { return object.metadata?.name ?? ''; }
export function namespaceOf(object: KubeObject): string { return object.metadata?.namespace ?? ''; }
export function uidOf(object: KubeObject): string { return object.metadata?.uid ?? ''; }
export function isDeleting(object: KubeObject): boolean { return object.metadata?.deletionTimestamp !== undefined; }
export function generationOf(object: KubeObject): number { return object.metadata?.generation ?? 0; }
export function createdMs(object: KubeObject): number { return parseRfc3339(object.metadata?.creationTimestamp ?? ''); }

/** Older first; names decide between equals, so that the order is total. */
export function byCreation(a: KubeObject, b: KubeObject): number {
  return createdMs(a) - createdMs(b) || (nameOf(a) < nameOf(b) ? -1 : 1);
}

export function sum<T>(items: Iterable<T>, of: (item: T) => number | undefined): number {
  let total = 0;
  for (const item of items) total += of(item) ?? 0;
  return total;
}

/** The same, every object's fields in the order in which Go writes a map. Undefined fields are left out, nulls stay. */
export function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, sortedKeys(field)]));
}

/** JSON with sorted keys and without nulls: equal texts mean equal objects. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).filter(([, field]) => field !== null && field !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

export function deepEqual(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : JSON.stringify(error);
}
