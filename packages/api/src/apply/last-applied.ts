import type { Json, JsonObject } from '../resource.ts';
import { isObject, own } from '../patch/values.ts';
import type { FieldSet } from './field-set.ts';
import type { Place } from './schema.ts';
import { fieldsOf } from './typed.ts';

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
const maxBytes = 256 * 1024;

function annotationsOf(object: JsonObject): JsonObject | undefined {
  const metadata = own(object, 'metadata');
  const annotations = isObject(metadata) ? own(metadata, 'annotations') : undefined;
  return isObject(annotations) ? annotations : undefined;
}

function lastApplied(live: JsonObject): string | undefined {
  const annotations = annotationsOf(live);
  const text = annotations === undefined ? undefined : own(annotations, annotation);
  return typeof text === 'string' ? text : undefined;
}

/** kubectl's manager, unless its user names another. */
const kubectl = 'kubectl';

/**
 * What client-side apply has set may be taken over without force by kubectl's server-side one: it is the same user. It must be all
 * of the conflict. undefined: nothing.
 */
export function fieldsLastApplied(live: JsonObject, place: Place, manager: string): FieldSet | undefined {
  if (manager !== kubectl) return undefined;
  const text = lastApplied(live);
  if (text === undefined) return undefined;
  try {
    const object = JSON.parse(text) as Json;
    return isObject(object) ? fieldsOf(object, place) : undefined;
  } catch {
    // The annotation is the user's to break.
    return undefined;
  }
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return typeof value === 'bigint' ? Number(value) : value;
  return Object.fromEntries(Object.keys(value).toSorted().map((key) => [key, sorted(value[key] as Json)]));
}

function textOf(applied: JsonObject): string {
  const annotations = annotationsOf(applied);
  if (annotations === undefined) return `${JSON.stringify(sorted(applied))}\n`;
  const { [annotation]: _own, ...others } = annotations;
  const metadata = { ...(applied['metadata'] as JsonObject), annotations: others };
  return `${JSON.stringify(sorted({ ...applied, metadata }))}\n`;
}

/** kubectl's own server-side apply keeps the annotation of its client-side one up to date, so that one can go back. */
export function followLastApplied(result: JsonObject, live: JsonObject | undefined, applied: JsonObject, manager: string): void {
  if (manager !== kubectl || live === undefined || lastApplied(live) === undefined) return;
  const annotations = annotationsOf(result);
  if (annotations === undefined) return;
  const text = textOf(applied);
  if (text.length > maxBytes) delete annotations[annotation];
  else annotations[annotation] = text;
}
