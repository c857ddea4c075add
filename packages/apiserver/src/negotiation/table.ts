import type { JsonObject } from '@coxswain/api';
import type { ServedKind } from '../registry/kind.ts';
import { meta, text } from '../registry/object.ts';
import { partialMetadata } from './partial-metadata.ts';

export interface TableOptions {
  readonly version: string;
  /** `Object`, `Metadata` (the default) or `None`. */
  readonly includeObject: string;
  readonly metadata: JsonObject;
  /** False in all tables of a watch but the first. */
  readonly columns: boolean;
}

const columns = [
  { name: 'Name', type: 'string', format: 'name', description: 'Name must be unique within a namespace.', priority: 0 },
  { name: 'Created At', type: 'date', format: '', description: 'CreationTimestamp is a timestamp representing the server time when this object was created.', priority: 0 },
];

export function tableOf(_kind: ServedKind, objects: readonly JsonObject[], options: TableOptions): string {
  const rows = objects.map((object) => ({
    cells: [text(meta(object), 'name'), text(meta(object), 'creationTimestamp')],
    ...(options.includeObject === 'None' ? {} : { object: options.includeObject === 'Object' ? object : partialMetadata(object, options.version) }),
  }));
  return JSON.stringify({ kind: 'Table', apiVersion: `meta.k8s.io/${options.version}`, metadata: options.metadata, columnDefinitions: options.columns ? columns : null, rows });
}
