import type { Json, JsonObject } from '../resource.ts';

/** The values of one row; an object per column only in custom resources. */
export type Cells = readonly Json[];
export type CellsOf = (object: JsonObject, nowMs: number) => Cells;

const nothing: JsonObject = {};

export function object(parent: JsonObject | undefined, ...path: readonly string[]): JsonObject {
  let at: Json | undefined = parent;
  for (const key of path) at = at !== null && typeof at === 'object' && !Array.isArray(at) ? at[key] : undefined;
  return at !== null && typeof at === 'object' && !Array.isArray(at) ? at : nothing;
}

export function text(parent: JsonObject | undefined, key: string, otherwise = ''): string {
  const value = parent?.[key];
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : otherwise;
}

export function number(parent: JsonObject | undefined, key: string): number {
  const value = parent?.[key];
  return typeof value === 'number' ? value : 0;
}

export function objects(parent: JsonObject | undefined, key: string): readonly JsonObject[] {
  const value = parent?.[key];
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}

export function texts(parent: JsonObject | undefined, key: string): readonly string[] {
  const value = parent?.[key];
  return Array.isArray(value) ? (value as string[]) : [];
}

export function has(parent: JsonObject | undefined, key: string): boolean {
  const value = parent?.[key];
  return value !== undefined && value !== null;
}

export function nameOf(item: JsonObject): string {
  return text(object(item, 'metadata'), 'name');
}

export function createdAt(item: JsonObject): Json {
  return object(item, 'metadata')['creationTimestamp'] ?? null;
}

/** `a=b,c=d` in order of the keys. */
export function formatLabels(labels: JsonObject): string {
  const pairs = Object.keys(labels).sort().map((key) => `${key}=${text(labels, key)}`);
  return pairs.length === 0 ? '<none>' : pairs.join(',');
}

/** Names and images of a template's containers. */
export function containersAndImages(podSpec: JsonObject): [string, string] {
  const containers = objects(podSpec, 'containers');
  return [containers.map((container) => text(container, 'name')).join(','), containers.map((container) => text(container, 'image')).join(',')];
}

export function condition(status: JsonObject, type: string): JsonObject | undefined {
  return objects(status, 'conditions').find((entry) => entry['type'] === type);
}

/** The first three, and how many more. */
export function firstThree(items: readonly string[], none: string): string {
  if (items.length === 0) return none;
  const shown = items.slice(0, 3).join(',');
  return items.length > 3 ? `${shown} + ${items.length - 3} more...` : shown;
}
