import type { ListOptions, WatchOptions, WriteOptions } from './types.ts';

type QueryValue = string | number | boolean | undefined;

/** `?a=b&c=d`, or '' when nothing is set. */
export function queryText(values: Readonly<Record<string, QueryValue>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== '') query.set(name, String(value));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

export function listQuery(options: ListOptions): Record<string, QueryValue> {
  return {
    labelSelector: options.labelSelector, fieldSelector: options.fieldSelector, limit: options.limit, continue: options.continue,
    resourceVersion: options.resourceVersion, resourceVersionMatch: options.resourceVersionMatch,
  };
}

export function watchQuery(options: WatchOptions): Record<string, QueryValue> {
  return {
    ...listQuery(options), watch: true, allowWatchBookmarks: options.allowWatchBookmarks, sendInitialEvents: options.sendInitialEvents,
    timeoutSeconds: options.timeoutSeconds,
  };
}

export function writeQuery(options: WriteOptions & { readonly force?: boolean }): Record<string, QueryValue> {
  return {
    dryRun: options.dryRun === true ? 'All' : undefined, fieldManager: options.fieldManager, fieldValidation: options.fieldValidation, force: options.force,
  };
}
