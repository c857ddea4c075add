import { planOf, unionOf } from '../description/plan.ts';
import type { Shape } from '../description/raw.ts';
import type { Json, JsonObject } from '../resource.ts';
import { coreDefaults } from './core.ts';
import type { SetDefaults } from './helpers.ts';
import { otherDefaults } from './other.ts';
import { podDefaults } from './pods.ts';
import { workloadDefaults } from './workloads.ts';

export { pullPolicyOf } from './pods.ts';

/** By type, not by kind: a container's defaults are the same wherever a pod template stands. */
const table: Readonly<Record<string, SetDefaults>> = { ...podDefaults, ...coreDefaults, ...workloadDefaults, ...otherDefaults };

type Visit = (value: Json) => void;

interface TypeWalk {
  readonly own: SetDefaults | undefined;
  /** Only fields below which some type has defaults. */
  readonly fields: readonly { readonly name: string; readonly visit: Visit }[];
}

const walks = new Map<string, TypeWalk>();
const reaches = new Map<string, boolean>();

function typeIn(shape: Shape): string | undefined {
  switch (shape.kind) {
    case 'object': return unionOf(shape.type) === undefined ? shape.type : undefined;
    case 'list': case 'map': return typeIn(shape.of);
    default: return undefined;
  }
}

/** Whether defaults stand in this type or below it. Types that contain themselves (schemas) have none. */
function reachesDefaults(typeName: string): boolean {
  const known = reaches.get(typeName);
  if (known !== undefined) return known;
  reaches.set(typeName, false);
  const found = table[typeName] !== undefined || planOf(typeName).fields.some((field) => {
    const type = typeIn(field.shape);
    return type !== undefined && reachesDefaults(type);
  });
  reaches.set(typeName, found);
  return found;
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && value !== undefined && typeof value === 'object' && !Array.isArray(value);
}

function visitorOf(shape: Shape): Visit {
  if (shape.kind === 'object') {
    return (value) => {
      if (isObject(value)) applyDefaults(shape.type, value);
    };
  }
  if (shape.kind !== 'list' && shape.kind !== 'map') return () => undefined;
  const visit = visitorOf(shape.of);
  return (value) => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isObject(value)) Object.values(value).forEach(visit);
  };
}

function walkOf(typeName: string): TypeWalk {
  const known = walks.get(typeName);
  if (known !== undefined) return known;
  const fields = planOf(typeName).fields.filter((field) => {
    const type = typeIn(field.shape);
    return type !== undefined && reachesDefaults(type);
  });
  const walk: TypeWalk = { own: table[typeName], fields: fields.map((field) => ({ name: field.name, visit: visitorOf(field.shape) })) };
  walks.set(typeName, walk);
  return walk;
}

/**
 * Fills in what Kubernetes fills in when it decodes an object of this built-in type, in place: outer types first, then what they contain.
 * What depends on the cluster (addresses, finalizers, priorities) is not here.
 */
export function applyDefaults(typeName: string, object: JsonObject): void {
  if (!reachesDefaults(typeName)) return;
  const walk = walkOf(typeName);
  walk.own?.(object);
  for (const field of walk.fields) {
    const value = object[field.name];
    if (value !== undefined && value !== null) field.visit(value);
  }
}
