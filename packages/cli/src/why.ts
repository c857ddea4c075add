import type { ChangeRecord } from '@coxswain/apiserver';

/** What one API server knows of an object's changes (`?why=true`). */
export type ServerChange = ChangeRecord & { readonly server: string };

/** A version of the object is written once, so what several servers tell is one history in the order of versions. */
export function merged(lists: readonly (readonly ServerChange[])[]): readonly ServerChange[] {
  const byVersion = new Map(lists.flat().map((change) => [`${change.resourceVersion} ${change.auditId}`, change]));
  return [...byVersion.values()].sort((a, b) => Number(a.resourceVersion) - Number(b.resourceVersion));
}

/** `deployment/web`, `deployments.apps/web`, `pod web`. undefined: no name in it. */
export function wanted(words: readonly string[]): { readonly kind: string; readonly name: string } | undefined {
  const [first = '', second] = words;
  const slash = first.indexOf('/');
  const kind = slash < 0 ? first : first.slice(0, slash);
  const name = slash < 0 ? (second ?? '') : first.slice(slash + 1);
  return kind === '' || name === '' ? undefined : { kind, name };
}

export interface DiscoveredResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
}

/** As kubectl finds kinds: by plural, singular, kind or short name, with the group behind a dot; the core group comes first. */
export function findKind(all: readonly DiscoveredResource[], text: string): DiscoveredResource | undefined {
  const word = text.toLowerCase();
  const dot = word.indexOf('.');
  const [name, group] = dot < 0 ? [word, undefined] : [word.slice(0, dot), word.slice(dot + 1)];
  const fits = ({ resource, singular, kind, shortNames }: DiscoveredResource): boolean => resource === name || singular === name || kind.toLowerCase() === name || shortNames.includes(name);
  return all.find((one) => fits(one) && (group === undefined || one.group === group));
}

export function objectPath({ group, version, resource, namespaced }: DiscoveredResource, namespace: string, name: string): string {
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${base}${namespaced ? `/namespaces/${encodeURIComponent(namespace)}` : ''}/${resource}/${encodeURIComponent(name)}`;
}

function row(change: ServerChange): readonly string[] {
  const what = `${change.deleted ? 'removed by ' : ''}${change.verb}${change.subresource === '' ? '' : ` ${change.subresource}`}`;
  const who = change.impersonated === '' ? change.user : `${change.user} as ${change.impersonated}`;
  return [change.time, change.resourceVersion, what, who, change.decision === '' ? '-' : change.decision, `${change.userAgent} (${change.sourceIps.join(', ')})`, change.server, change.auditId];
}

export function table(changes: readonly ServerChange[]): string {
  const rows = [['TIME', 'VERSION', 'CHANGE', 'BY', 'DECISION', 'FROM', 'SERVER', 'AUDIT ID'], ...changes.map(row)];
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((one) => (one[column] ?? '').length)));
  return rows.map((one) => one.map((cell, column) => cell.padEnd(widths[column] as number)).join('  ').trimEnd()).join('\n');
}
