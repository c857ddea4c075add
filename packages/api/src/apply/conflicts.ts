import { StatusError } from '../status-error.ts';
import type { ManagedEntry } from './managed.ts';
import { pathText, type PathElement } from './path-element.ts';

export interface FieldConflict {
  readonly entry: ManagedEntry;
  readonly path: readonly PathElement[];
}

function managerText({ manager, operation, apiVersion, subresource }: ManagedEntry): string {
  const name = subresource === '' ? JSON.stringify(manager) : `${JSON.stringify(manager)} with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Apply' ? name : `${name} using ${apiVersion}`;
}

function message(conflicts: readonly FieldConflict[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1 && first !== undefined) return `Apply failed with 1 conflict: conflict with ${managerText(first.entry)}: ${pathText(first.path)}`;
  const byManager = Map.groupBy(conflicts, ({ entry }) => entry);
  const lines = [...byManager].flatMap(([entry, own]) => [`conflicts with ${managerText(entry)}:`, ...own.map(({ path }) => `- ${pathText(path)}`)]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

export function applyConflict(conflicts: readonly FieldConflict[]): StatusError {
  return new StatusError('Conflict', message(conflicts), {
    causes: conflicts.map(({ entry, path }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${managerText(entry)}`, field: pathText(path) })),
  });
}
