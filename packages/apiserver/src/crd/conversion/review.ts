import { equalJson, validateAnnotations, validateLabels, type FieldError, type Json, type JsonObject } from '@coxswain/api';
import { copy, isObject, text, textAt } from '../../registry/object.ts';

export const reviewVersions = ['v1', 'v1beta1'] as const;
export type ReviewVersion = typeof reviewVersions[number];

/** A webhook's answer that cannot be used; `said` stands behind `conversion webhook for KIND`. */
export class UnusableAnswer extends Error {
  constructor(said: string) {
    super(said);
    this.name = 'UnusableAnswer';
  }
}

function goType(value: Json): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'string': return 'string';
    case 'boolean': return 'bool';
    case 'object': return 'map[string]interface {}';
    default: return Number.isInteger(Number(value)) ? 'int64' : 'float64';
  }
}

/** The first of the versions that are accepted and that we speak. */
export function spokenVersion(accepted: readonly string[]): ReviewVersion | undefined {
  return accepted.map((version) => reviewVersions.find((known) => known === version)).find((version) => version !== undefined);
}

export function reviewOf(version: ReviewVersion, uid: string, desiredApiVersion: string, objects: readonly JsonObject[]): JsonObject {
  return {
    kind: 'ConversionReview', apiVersion: `apiextensions.k8s.io/${version}`, request: { uid, desiredAPIVersion: desiredApiVersion, objects: [...objects] },
    response: { uid: '', convertedObjects: null, result: { metadata: {} } },
  };
}

/** The converted objects of an answer. Throws UnusableAnswer. */
export function answeredObjects(version: ReviewVersion, answer: JsonObject, uid: string, count: number): JsonObject[] {
  const failed = (why: string): never => { throw new UnusableAnswer(`failed: ${why}`); };
  const [group = '', answered = ''] = text(answer, 'apiVersion').includes('/') ? text(answer, 'apiVersion').split('/') : ['', text(answer, 'apiVersion')];
  const kind = text(answer, 'kind');
  if (version === 'v1' && (group !== 'apiextensions.k8s.io' || answered !== 'v1' || kind !== 'ConversionReview')) {
    failed(`expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got ${group}/${answered}, Kind=${kind}`);
  }
  const { response } = answer;
  if (!isObject(response)) return failed('no response provided');
  if (version === 'v1' && text(response, 'uid') !== uid) failed(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(text(response, 'uid'))}`);
  const status = textAt(response, 'result', 'status');
  if (status !== 'Success') failed(textAt(response, 'result', 'message') || `response.result.status was '${status}', not 'Success'`);
  const objects = Array.isArray(response['convertedObjects']) ? response['convertedObjects'] : [];
  if (objects.length !== count) throw new UnusableAnswer(`returned ${objects.length} objects, expected ${count}`);
  return objects.map((object) => {
    if (!isObject(object)) throw new UnusableAnswer('returned invalid converted object: not an object');
    return object;
  });
}

function checkSame(original: JsonObject, converted: JsonObject): void {
  const fields: readonly (readonly [string, readonly string[]])[] = [['kind', ['kind']], ['name', ['metadata', 'name']], ['namespace', ['metadata', 'namespace']], ['UID', ['metadata', 'uid']]];
  for (const [what, path] of fields) {
    const [before, after] = [textAt(original, ...path), textAt(converted, ...path)];
    if (before !== after) throw new UnusableAnswer(`returned invalid object: must have the same ${what}: ${before} != ${after}`);
  }
}

function checkTexts(field: 'labels' | 'annotations', answered: JsonObject, before: Json | undefined): void {
  const badly = (why: string): never => { throw new UnusableAnswer(`returned invalid metadata: ${why}`); };
  for (const [key, value] of Object.entries(answered)) if (typeof value !== 'string') badly(`metadata.${field}[${key}] must be a string, but is ${goType(value)} in converted object`);
  if (equalJson(answered, isObject(before) ? before : {})) return;
  const errors: FieldError[] = field === 'labels' ? validateLabels(answered, 'metadata.labels') : validateAnnotations(answered, 'metadata.annotation');
  if (errors.length === 0) return;
  const texts = errors.map((error) => `${error.field}: ${error.message}`);
  badly(texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`);
}

/** Of the metadata only labels and annotations are the webhook's to change. */
function withOwnMetadata(original: JsonObject, converted: JsonObject): JsonObject {
  if (!Object.hasOwn(converted, 'metadata')) throw new UnusableAnswer('returned invalid metadata: missing metadata in converted object');
  const answered = converted['metadata'] as Json;
  if (!isObject(answered)) throw new UnusableAnswer(`returned invalid metadata: invalid metadata of type ${goType(answered)} in converted object`);
  const metadata = isObject(original['metadata']) ? copy(original['metadata']) : {};
  for (const field of ['labels', 'annotations'] as const) {
    const given = answered[field];
    if (given === undefined || given === null) {
      delete metadata[field];
      continue;
    }
    if (!isObject(given)) throw new UnusableAnswer(`returned invalid metadata: invalid metadata.${field} of type ${goType(given)} in converted object`);
    checkTexts(field, given, metadata[field]);
    metadata[field] = given;
  }
  return { ...converted, metadata };
}

/** Checks one converted object against what was sent. Throws UnusableAnswer. */
export function accepted(original: JsonObject, converted: JsonObject, desiredApiVersion: string): JsonObject {
  const at = 'returned invalid object at index 0';
  if (text(converted, 'apiVersion') !== desiredApiVersion) throw new UnusableAnswer(`${at}: invalid groupVersion (expected ${desiredApiVersion}, received ${text(converted, 'apiVersion')})`);
  if (text(converted, 'kind') !== text(original, 'kind')) throw new UnusableAnswer(`${at}: invalid kind (expected ${text(original, 'kind')}, received ${text(converted, 'kind')})`);
  checkSame(original, converted);
  return withOwnMetadata(original, converted);
}
