import { isTrue } from '../request-info/request-info.ts';
import type { RequestInfo } from '../types.ts';

/** How much of a level's concurrency a request is: seats while it is served, and seats for a while afterwards (watchers have to be told). */
export interface Work {
  readonly initialSeats: number;
  readonly finalSeats: number;
  readonly lingerMs: number;
}

const maxSeatsOfAll = 10;
const objectsASeat = 100;
const watchersASeat = 10;
const msAWatchersSeat = 5;

const oneSeat: Work = { initialSeats: 1, finalSeats: 0, lingerMs: 0 };

export interface Counts {
  /** Objects of a resource; undefined where nobody knows. */
  objects(group: string, resource: string): number | undefined;
  /** Watchers that a change there would have to be told. */
  watchers(info: RequestInfo): number;
}

function fromStore(query: URLSearchParams): boolean {
  const match = query.get('resourceVersionMatch') ?? '';
  const version = query.get('resourceVersion') ?? '';
  const legacyExact = Number(query.get('limit') ?? '0') > 0 && match === '' && version !== '' && version !== '0';
  return query.has('continue') || (match !== '' && match !== 'NotOlderThan') || legacyExact;
}

function listWork(info: RequestInfo, maxSeats: number, counts: Counts): Work {
  const { query, verb } = info;
  if (info.name !== '' || (verb === 'watch' && !isTrue(query.get('sendInitialEvents')))) return oneSeat;
  const stored = counts.objects(info.group, info.resource);
  if (stored === undefined) return oneSeat;
  const limit = Number(query.get('limit') ?? '0');
  const wanted = limit > 0 && limit < stored ? limit : stored;
  const selected = query.has('fieldSelector') || query.has('labelSelector');
  const processed = verb === 'watch' || !fromStore(query) ? stored : selected ? stored + wanted : 2 * wanted;
  return { ...oneSeat, initialSeats: Math.max(1, Math.min(maxSeats, Math.ceil(processed / objectsASeat))) };
}

function writeWork(info: RequestInfo, maxSeats: number, counts: Counts): Work {
  if (info.resource === 'serviceaccounts' && info.subresource === 'token') return oneSeat;
  const watchers = counts.watchers(info);
  if (watchers < watchersASeat) return oneSeat;
  const seats = Math.ceil(watchers / watchersASeat);
  const finalSeats = Math.min(seats, maxSeats);
  return { initialSeats: 1, finalSeats, lingerMs: (seats * msAWatchersSeat) / finalSeats };
}

/** `levelSeats`: what one request of the level may take at most. */
export function workOf(info: RequestInfo, levelSeats: number | undefined, counts: Counts): Work {
  if (!info.isResourceRequest) return oneSeat;
  const maxSeats = levelSeats === undefined || levelSeats > maxSeatsOfAll ? maxSeatsOfAll : levelSeats;
  switch (info.verb) {
    case 'list':
    case 'watch': return listWork(info, maxSeats, counts);
    case 'create':
    case 'update':
    case 'patch':
    case 'delete': return writeWork(info, maxSeats, counts);
    default: return oneSeat;
  }
}
