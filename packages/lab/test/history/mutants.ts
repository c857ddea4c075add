import { registerHooks } from 'node:module';

/** A text of a source file, and what stands there instead. */
interface Edit {
  /** Under packages/apiserver/src. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  /** What is wrong with it. */
  readonly bug: string;
  readonly edits: readonly Edit[];
  /** It is found within so many seeds, from 1 on. */
  readonly maxSeeds: number;
  /** Shown with every change. */
  readonly always?: boolean;
}

export const mutants: readonly Mutant[] = [
  { name: 'list-not-fresh', bug: 'a list is answered by the cache without asking whether it is as new as the store', edits: [{ file: 'watch-cache/cache.ts', find: 'await this.atLeast(await this.store.revision());', replace: '' }], maxSeeds: 2, always: true },
  { name: 'get-not-fresh', bug: 'a get is answered by the cache without asking whether it is as new as the store', edits: [{ file: 'registry/get.ts', find: 'others >= many && cache.ready && (await trustsProgress(store.client)) && (await cache.isFresh())', replace: 'cache.ready' }], maxSeeds: 2 },
  { name: 'hole-after-restart', bug: 'a cache that has just been filled takes itself for complete from the first revision on', edits: [{ file: 'watch-cache/cache.ts', find: 'this.#ring = new EventRing(ringCapacity, page.revision);', replace: 'this.#ring = new EventRing(ringCapacity, 0);' }], maxSeeds: 3 },
  { name: 'told-twice', bug: 'a watch that goes on is told the last event again', edits: [{ file: 'watch-cache/event.ts', find: 'if ((this.#events[middle] as CacheEvent).revision > revision) high', replace: 'if ((this.#events[middle] as CacheEvent).revision >= revision) high' }], maxSeeds: 2 },
  { name: 'shared-revision-cut', bug: 'a watch that goes on in the middle of a transaction is not told the rest of it', edits: [{ file: 'watch-cache/event.ts', find: 'return event.shared && event.revision === revision;', replace: 'return event.shared && event.revision > revision;' }], maxSeeds: 3 },
  { name: 'events-lost-when-watch-breaks', bug: 'when the watch of the store breaks the next one begins too late', edits: [{ file: 'watch-cache/cache.ts', find: 'startRevision: this.revision + 1', replace: 'startRevision: this.revision + 3' }], maxSeeds: 2, always: true },
  { name: 'watchers-survive-hole', bug: 'watches go on over what the cache has missed', edits: [{ file: 'watch-cache/cache.ts', find: 'if (this.#ready) this.#restart();', replace: '' }], maxSeeds: 30 },
  { name: 'bookmark-too-early', bug: 'a bookmark promises more than was told', edits: [{ file: 'registry/watch.ts', find: 'revision: this.#cache.revision, initialEventsEnd: false', replace: 'revision: this.#cache.revision + 1, initialEventsEnd: false' }], maxSeeds: 3 },
  { name: 'state-not-fresh', bug: 'a watch that begins with the state takes any state', edits: [{ file: 'registry/watch.ts', find: "if (resourceVersion === '') await cache.fresh();", replace: "if (resourceVersion === '') await cache.start();" }], maxSeeds: 3 },
  { name: 'piece-of-another-state', bug: 'a piece of a list from memory is of the state before the asked revision', edits: [{ file: 'watch-cache/cache.ts', find: 'since.filter((event) => event.revision > revision)', replace: 'since.filter((event) => event.revision >= revision - 1)' }], maxSeeds: 10 },
  { name: 'blind-write', bug: 'a write does not compare what it replaces', edits: [{ file: 'storage/store.ts', find: "const compare: Compare = { key, result: 'equal', target: 'mod', value: expectedRevision };", replace: "const compare: Compare = { key, result: 'greater', target: 'mod', value: -1 };" }], maxSeeds: 5 },
  { name: 'created-again', bug: 'a creation whose outcome is unknown is sent again', edits: [{ file: 'storage/store.ts', find: 'expectedRevision === 0 ? this.#createOnce(send, key) : this.#persist(send)', replace: 'this.#persist(send)' }], maxSeeds: 200 },
];

/** Changes source files as they are loaded; call it before they are. A text that is not there exactly once is an error. */
export function mutate({ edits }: Mutant): void {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      const own = edits.filter((edit) => url.endsWith(`/packages/apiserver/src/${edit.file}`));
      if (own.length === 0) return loaded;
      let source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source as Uint8Array);
      for (const { file, find, replace } of own) {
        const parts = source.split(find);
        if (parts.length !== 2) throw new Error(`${file} holds this ${parts.length - 1} times instead of once; adapt test/history/mutants.ts: ${find}`);
        source = parts.join(replace);
      }
      return { ...loaded, source };
    },
  });
}
