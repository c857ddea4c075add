import { parseFieldSelector, parseLabelSelector, type JsonObject } from '@coxswain/api';
import type { ServedKind } from './kind.ts';
import { isObject, meta } from './object.ts';
import type { ListOptions } from './options.ts';

/** Objects in the request's version that a list or watch is about. */
export interface Selection {
  /** Nothing but the namespace restricts it: remainingItemCount can be told. */
  readonly everything: boolean;
  /** Set if the field selector lets through one name only: a single key is read. */
  readonly name: string | undefined;
  /** `object` in the hub's version. */
  matches(object: JsonObject): boolean;
}

const all: Selection = { everything: true, name: undefined, matches: () => true };

function labelsOf(object: JsonObject): Readonly<Record<string, string>> {
  const labels = meta(object)['labels'];
  return isObject(labels) ? (labels as Record<string, string>) : {};
}

/** Throws StatusError 400 with upstream's texts. */
export function selectionOf(kind: ServedKind, options: Pick<ListOptions, 'labelSelector' | 'fieldSelector'>, name = ''): Selection {
  if (options.labelSelector === '' && options.fieldSelector === '' && name === '') return all;
  const labels = parseLabelSelector(options.labelSelector);
  const fields = parseFieldSelector(options.fieldSelector, kind.api, kind.custom?.selectable);
  const matchesName = (object: JsonObject): boolean => name === '' || meta(object)['name'] === name;
  return { everything: false, name: fields.name, matches: (object) => matchesName(object) && fields.matches(object) && labels.matches(labelsOf(object)) };
}
