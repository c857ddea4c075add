import { parseFieldSelector, parseLabelSelector, type FieldMatcher, type JsonObject, type LabelMatcher } from '@coxswain/api';
import { includesBytes, utf8 } from '@coxswain/host';
import type { StoredObject } from '../storage/codec.ts';
import type { CacheEvent } from '../watch-cache/event.ts';
import type { Trigger } from '../watch-cache/watchers.ts';
import type { ServedKind } from './kind.ts';
import { isObject, meta } from './object.ts';
import type { ListOptions } from './options.ts';

/** Objects in the request's version that a list or watch is about. */
export interface Selection {
  /** Nothing but the namespace restricts it: remainingItemCount can be told. */
  readonly everything: boolean;
  /** Set if the field selector lets through one name only: a single key is read. */
  readonly name: string | undefined;
  /** A field that only one value of can match. */
  readonly trigger: Trigger | undefined;
  /** `object` in the hub's version. */
  matches(object: JsonObject): boolean;
  /** As `matches`; most of what does not match is found out without parsing it. */
  selects(stored: StoredObject): boolean;
}

const all: Selection = { everything: true, name: undefined, trigger: undefined, matches: () => true, selects: () => true };

function labelsOf(object: JsonObject): Readonly<Record<string, string>> {
  const labels = meta(object)['labels'];
  return isObject(labels) ? (labels as Record<string, string>) : {};
}

/** What must stand somewhere in the JSON of an object that matches. */
function marksOf(labels: LabelMatcher, fields: FieldMatcher, custom: boolean): readonly Uint8Array[] {
  const pair = (key: string, value: string): Uint8Array => utf8(`${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const equal = labels.requirements.filter(({ operator }) => operator === '=' || operator === '==');
  const marks = equal.map(({ key, values }) => pair(key, values[0] ?? ''));
  // Other fields of built-in kinds may go by another name in the object.
  const plain = fields.requirements.filter(({ field, operator, value }) => operator === '=' && value !== '' && !custom && /^[\w.-]+$/.test(value) && (field === 'metadata.name' || field === 'metadata.namespace' || field === 'spec.nodeName'));
  return [...marks, ...plain.map(({ field, value }) => pair(field.slice(field.lastIndexOf('.') + 1), value))];
}

function nameOfKey(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

const nameOfEvent: Trigger['valueOf'] = (event: CacheEvent) => {
  const name = nameOfKey(event.object.key);
  return { now: name, before: name };
};
const nodeOfEvent: Trigger['valueOf'] = (event: CacheEvent) => ({ now: event.object.nodeName, before: event.previous?.nodeName ?? '' });

/** By name any kind, and pods by their node: the two by which thousands of watchers each see their own. */
function triggerOf(kind: ServedKind, fields: FieldMatcher, name: string): Trigger | undefined {
  const one = name === '' ? fields.name : name;
  if (one !== undefined && one !== '') return { field: 'metadata.name', value: one, valueOf: nameOfEvent };
  if (kind.hub.api.group !== '' || kind.hub.api.resource !== 'pods') return undefined;
  const node = fields.requirements.find(({ field, operator }) => field === 'spec.nodeName' && operator === '=');
  return node === undefined ? undefined : { field: 'spec.nodeName', value: node.value, valueOf: nodeOfEvent };
}

/** Throws StatusError 400 with upstream's texts. */
export function selectionOf(kind: ServedKind, options: Pick<ListOptions, 'labelSelector' | 'fieldSelector'>, name = ''): Selection {
  if (options.labelSelector === '' && options.fieldSelector === '' && name === '') return all;
  const labels = parseLabelSelector(options.labelSelector);
  const fields = parseFieldSelector(options.fieldSelector, kind.api, kind.custom?.selectable);
  const matchesName = (object: JsonObject): boolean => name === '' || meta(object)['name'] === name;
  const matches = (object: JsonObject): boolean => matchesName(object) && fields.matches(object) && labels.matches(labelsOf(object));
  const marks = marksOf(labels, fields, kind.hub.custom);
  return {
    everything: false, name: fields.name, trigger: triggerOf(kind, fields, name), matches,
    selects: (stored) => (name === '' || nameOfKey(stored.key) === name) && (!stored.isServedForm || marks.every((mark) => includesBytes(stored.value, mark))) && matches(stored.object),
  };
}
