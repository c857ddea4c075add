import { badRequest, stringifyAny, toTable, type JsonObject } from '@coxswain/api';
import type { ServedKind } from '../registry/kind.ts';
import { isObject } from '../registry/object.ts';
import { metadataText, partialMetadata } from './partial-metadata.ts';

export interface TableOptions {
  readonly version: string;
  /** `Object`, `Metadata` (the default) or `None`. */
  readonly includeObject: string;
  readonly metadata: JsonObject;
  /** False in all tables of a watch but the first. */
  readonly columns: boolean;
}

/** Throws StatusError. */
export function includeObjectOf(query: URLSearchParams): string {
  const asked = query.get('includeObject') ?? '';
  if (['', 'None', 'Metadata', 'Object'].includes(asked)) return asked;
  throw badRequest(`Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(asked)}: must be 'Metadata', 'Object', 'None', or empty`);
}

function rowObject(kind: ServedKind, object: JsonObject, options: TableOptions): string {
  switch (options.includeObject) {
    case 'None': return 'null';
    case 'Object': return kind.codec.encode(object);
    default: return metadataText(partialMetadata(object, options.version));
  }
}

/** As text, for what a row is about is written like any other object, with its fields in order. */
export function tableOf(kind: ServedKind, objects: readonly JsonObject[], options: TableOptions): string {
  const { version, metadata, columns } = options;
  const { rows, ...head } = toTable(kind.api, objects, { nowMs: kind.hub.clock.nowMs(), includeObject: 'None', version, metadata, includeHeaders: columns, columns: kind.custom?.columns });
  const texts = (Array.isArray(rows) ? rows : []).map((row, at) => {
    const { object: _none, ...cells } = isObject(row) ? row : {};
    return `${stringifyAny(cells).slice(0, -1)},"object":${rowObject(kind, objects[at] as JsonObject, options)}}`;
  });
  return `${stringifyAny(head).slice(0, -1)},"rows":${rows === null ? 'null' : `[${texts.join(',')}]`}}`;
}
