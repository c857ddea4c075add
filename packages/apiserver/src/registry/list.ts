import { badRequest, StatusError } from '@coxswain/api';
import { isEtcdError } from '@coxswain/etcd-lite/client';
import { inSlices } from '../slices.ts';
import { NotReached } from '../watch-cache/freshness.ts';
import { trustsProgress } from '../watch-cache/progress.ts';
import type { StoredObject } from '../storage/codec.ts';
import type { ListPage, PageOptions } from '../storage/store.ts';
import type { Operation } from './context.ts';
import { objectKey } from '../storage/keys.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';
import type { ListOptions } from './options.ts';
import { selectionOf, type Selection } from './selection.ts';
import { storeFor } from './traced-store.ts';

export interface ListResult {
  readonly revision: number;
  readonly items: readonly StoredObject[];
  readonly continueToken: string;
  readonly remainingItemCount: number | undefined;
}

const pageSize = 500;
/** The store reads a few objects as quickly as it tells how new the cache is. */
const worthwhile = 20;

/** The one key that a list is about, if its selector names an object where one key is enough. */
function singleKey(operation: Operation, selection: Selection): string | undefined {
  const { kind, info } = operation;
  if (selection.name === undefined || selection.name === '' || (kind.api.namespaced && info.namespace === '')) return undefined;
  return objectKey(kind.hub.store.prefix, kind.api.namespaced ? info.namespace : '', selection.name);
}

export function listPrefix(operation: Operation): string {
  const { kind, info } = operation;
  return kind.api.namespaced && info.namespace !== '' ? `${kind.hub.store.prefix}${info.namespace}/` : kind.hub.store.prefix;
}

function revisionProblem(text: string): string | undefined {
  const why = /^\d+$/.test(text) ? (BigInt(text) > 0xffff_ffff_ffff_ffffn ? 'value out of range' : undefined) : 'invalid syntax';
  return why === undefined ? undefined : `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`;
}

/** For what memory answers. Upstream says the same with code 500; it is the client's mistake. */
export function parseRevision(text: string): number {
  const problem = revisionProblem(text);
  if (problem !== undefined) throw badRequest(problem);
  return Number(text);
}

/** For what the store answers. */
function parseExactRevision(text: string): number {
  const problem = revisionProblem(text);
  if (problem !== undefined) throw badRequest(`invalid resource version: ${problem}`);
  return Number(text);
}

export function tooLargeResourceVersion(asked: number, current: number): StatusError {
  return new StatusError('Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1,
  });
}

export function expired(message: string): StatusError {
  return new StatusError('Expired', message);
}

/** What the cache has, once it is as new as asked. Further pieces come from the store. */
async function fromCache(operation: Operation, selection: Selection, revision: number | 'newest', limit = 0): Promise<ListResult> {
  const { cache } = operation.kind.hub;
  await cache.startReadable();
  if (revision === 'newest') {
    if (!(await trustsProgress(cache.store.client))) return fromStore(operation, selection, { from: undefined, revision: undefined, limit: 0, continuing: false });
    try {
      await cache.fresh();
    } catch (error) {
      if (!(error instanceof NotReached)) throw error;
      return fromStore(operation, selection, { from: undefined, revision: undefined, limit: 0, continuing: false });
    }
  } else if (!(await cache.reached(revision))) throw tooLargeResourceVersion(revision, cache.revision);
  const key = singleKey(operation, selection);
  const one = key === undefined ? undefined : cache.get(key);
  const all = key === undefined ? cache.list(listPrefix(operation)) : one === undefined ? [] : [one];
  // They and the revision are one state, whatever comes while they are looked through.
  const now = cache.revision;
  const items = selection.everything ? all : await selected(operation, selection, all);
  cache.meters.listedFromCache(all.length, limit > 0 ? Math.min(limit, items.length) : items.length);
  if (limit <= 0 || items.length <= limit) return { revision: now, continueToken: '', remainingItemCount: undefined, items };
  const taken = items.slice(0, limit);
  const start = `${(taken.at(-1) as StoredObject).key}\u0000`.slice(listPrefix(operation).length);
  return {
    revision: now, items: taken, continueToken: encodeContinue({ revision: now, start: `/${start}` }),
    remainingItemCount: selection.everything ? all.length - limit : undefined,
  };
}

async function selected(operation: Operation, selection: Selection, items: readonly StoredObject[]): Promise<readonly StoredObject[]> {
  const fits = await inSlices(operation.context.host.timers, items, (item) => selection.selects(item));
  return items.filter((_item, at) => fits[at]);
}

interface PieceOptions {
  readonly from: string | undefined;
  /** undefined: the newest, which then holds for the whole list. */
  readonly revision: number | undefined;
  readonly limit: number;
  readonly continuing: boolean;
}

/** A piece that memory knows, at the same revision as the store would tell it. The newest one is asked for first, so that nothing is older than the request. */
async function knownPage({ kind }: Operation, { prefix, from = prefix, limit = 0, revision }: PageOptions): Promise<ListPage | undefined> {
  const { cache } = kind.hub;
  if (limit < worthwhile || !cache.ready) return undefined;
  if (revision !== undefined) return cache.pageAt(revision, { prefix, from, limit });
  if (!(await trustsProgress(cache.store.client))) return undefined;
  try {
    await cache.fresh();
  } catch (error) {
    if (error instanceof NotReached) return undefined;
    throw error;
  }
  return cache.pageAt(cache.revision, { prefix, from, limit });
}

async function readPage(operation: Operation, options: PageOptions, continuing: boolean): Promise<ListPage> {
  const known = await knownPage(operation, options);
  if (known !== undefined) return known;
  try {
    return await storeFor(operation).page(options, operation.info);
  } catch (error) {
    if (isEtcdError(error, 'futureRevision')) throw tooLargeResourceVersion(options.revision ?? 0, await operation.kind.hub.store.revision());
    if (!isEtcdError(error, 'compacted')) throw error;
    if (!continuing) throw expired('The resourceVersion for the provided list is too old.');
    throw continueExpired(options);
  }
}

/** Tells how to go on without the promise of consistency. */
function continueExpired(options: PageOptions): StatusError {
  const token = encodeContinue({ revision: -1, start: (options.from ?? options.prefix).slice(options.prefix.length) });
  const error = expired('The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.');
  error.status.metadata = { continue: token };
  return error;
}

async function oneFromStore(operation: Operation, selection: Selection, key: string, revision: number | undefined): Promise<ListResult> {
  const page = await readPage(operation, { prefix: key, limit: 1, ...(revision === undefined ? {} : { revision }) }, false);
  const items = page.items.filter((item) => item.key === key && selection.matches(item.object));
  operation.kind.hub.cache.meters.listedFromStore(page.items.length, page.items.length, items.length);
  return { revision: revision ?? page.revision, items, continueToken: '', remainingItemCount: undefined };
}

async function fromStore(operation: Operation, selection: Selection, options: PieceOptions): Promise<ListResult> {
  const key = options.continuing ? undefined : singleKey(operation, selection);
  if (key !== undefined) return oneFromStore(operation, selection, key, options.revision);
  const counts = { fetched: 0, evaluated: 0 };
  const result = await pagesFromStore(operation, selection, options, counts);
  operation.kind.hub.cache.meters.listedFromStore(counts.fetched, counts.evaluated, result.items.length);
  return result;
}

async function pagesFromStore(operation: Operation, selection: Selection, options: PieceOptions, counts: { fetched: number; evaluated: number }): Promise<ListResult> {
  const prefix = listPrefix(operation);
  const items: StoredObject[] = [];
  let { from, revision } = options;
  for (;;) {
    const want = options.limit === 0 ? 0 : selection.everything ? options.limit : Math.max(options.limit, pageSize);
    const page = await readPage(operation, { prefix, limit: want, ...(from === undefined ? {} : { from }), ...(revision === undefined ? {} : { revision }) }, options.continuing);
    revision ??= page.revision;
    let taken = 0;
    for (const item of page.items) {
      if (options.limit > 0 && items.length === options.limit) break;
      taken += 1;
      if (selection.selects(item)) items.push(item);
    }
    counts.fetched += page.items.length;
    counts.evaluated += taken;
    const last = page.items[taken - 1];
    const rest = page.count - taken;
    if (last === undefined || rest === 0) return { revision, items, continueToken: '', remainingItemCount: undefined };
    from = `${last.key}\u0000`;
    if (options.limit > 0 && items.length === options.limit) {
      const continueToken = encodeContinue({ revision, start: from.slice(prefix.length) });
      return { revision, items, continueToken, remainingItemCount: selection.everything ? rest : undefined };
    }
  }
}

async function continued(operation: Operation, selection: Selection, options: ListOptions): Promise<ListResult> {
  const token = decodeContinue(options.continueToken);
  if (options.resourceVersion !== '' && options.resourceVersion !== '0') throw badRequest('specifying resource version is not allowed when using continue');
  const from = listPrefix(operation) + token.start;
  return fromStore(operation, selection, { from, revision: token.revision < 0 ? undefined : token.revision, limit: options.limit, continuing: true });
}

export async function listObjects(operation: Operation, options: ListOptions): Promise<ListResult> {
  const selection = selectionOf(operation.kind, options, operation.info.name);
  if (options.continueToken !== '') return continued(operation, selection, options);
  const { resourceVersion, resourceVersionMatch: match, limit } = options;
  if (resourceVersion === '') {
    if (limit === 0) return fromCache(operation, selection, 'newest');
    return fromStore(operation, selection, { from: undefined, revision: undefined, limit, continuing: false });
  }
  const exact = match === 'Exact' || (match === '' && limit > 0 && resourceVersion !== '0');
  if (exact) return fromStore(operation, selection, { from: undefined, revision: parseExactRevision(resourceVersion), limit, continuing: false });
  const revision = parseRevision(resourceVersion);
  return fromCache(operation, selection, revision, resourceVersion === '0' ? 0 : limit);
}
