import type { StoredObject } from '../storage/codec.ts';
import type { ListPage } from '../storage/store.ts';
import type { CacheEvent } from './event.ts';
import type { SortedMap } from './sorted-map.ts';

interface Piece {
  readonly revision: number;
  readonly prefix: string;
  /** First key; has the prefix. */
  readonly from: string;
  readonly limit: number;
}

/** What each key held before the events: an object, or nothing. */
function before(events: readonly CacheEvent[], piece: Piece): Map<string, StoredObject | undefined> {
  const held = new Map<string, StoredObject | undefined>();
  for (const { object, previous } of events) {
    const { key } = object;
    if (key.startsWith(piece.prefix) && key >= piece.from && !held.has(key)) held.set(key, previous);
  }
  return held;
}

/** A piece of a list as it was before `events`, which are all that have happened since. */
export function pageBefore(entries: SortedMap<StoredObject>, events: readonly CacheEvent[], piece: Piece): ListPage {
  const { prefix, from, limit, revision } = piece;
  const held = before(events, piece);
  let count = entries.count(prefix, from);
  const back: StoredObject[] = [];
  for (const [key, object] of held) {
    if (entries.get(key) !== undefined) count -= 1;
    if (object === undefined) continue;
    count += 1;
    back.push(object);
  }
  // As many more as may fall out.
  const now = entries.range(prefix, from, limit + held.size);
  const items = held.size === 0 ? now : [...now.filter(({ key }) => !held.has(key)), ...back].sort((one, other) => (one.key < other.key ? -1 : 1));
  const taken = items.slice(0, limit);
  return { revision, items: taken, more: count > taken.length, count };
}
