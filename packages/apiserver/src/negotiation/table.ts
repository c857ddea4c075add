import { toTable, type JsonObject } from '@coxswain/api';
import type { ServedKind } from '../registry/kind.ts';
import { withShownMetadata } from './partial-metadata.ts';

export interface TableOptions {
  readonly version: string;
  /** `Object`, `Metadata` (the default) or `None`. */
  readonly includeObject: string;
  readonly metadata: JsonObject;
  /** False in all tables of a watch but the first. */
  readonly columns: boolean;
}

function inclusion(text: string): 'None' | 'Metadata' | 'Object' {
  return text === 'None' || text === 'Object' ? text : 'Metadata';
}

export function tableOf(kind: ServedKind, objects: readonly JsonObject[], options: TableOptions): string {
  const { version, metadata, columns } = options;
  const shown = options.includeObject === 'Object' ? objects : objects.map(withShownMetadata);
  return JSON.stringify(toTable(kind.api, shown, { nowMs: kind.hub.clock.nowMs(), includeObject: inclusion(options.includeObject), version, metadata, includeHeaders: columns, columns: kind.custom?.columns }));
}
