import type { Mutant } from '../mutate.ts';

export const mutants: readonly Mutant[] = [
  { name: 'no-fence', bug: 'a binding does not say in which term it was decided', edits: [{ file: 'apiserver/src/registry/access.ts', find: 'const guard = options.term === undefined ? undefined : await guards.of(options.term, what, key.name);', replace: 'const guard = undefined;' }], maxSeeds: 2 },
  { name: 'fence-beside-the-transaction', bug: 'the Lease is looked at before a binding is stored, not when it is', edits: [{ file: 'apiserver/src/registry/lease-guards.ts', find: 'return together ? { key, revision: known.revision } : undefined;', replace: 'return undefined;' }], maxSeeds: 2 },
  { name: 'not-forgotten', bug: 'a pod whose binding was refused stays assumed', edits: [{ file: 'scheduler/src/scheduler.ts', find: 'this.#parts.cache.forgetPod(pod.uid);', replace: '' }], maxSeeds: 2 },
  { name: 'forgotten-too-early', bug: 'a binding whose end is not known counts as failed', edits: [{ file: 'scheduler/src/plugins/default-binder/default-binder.ts', find: 'return isUnknown(error) ? await settle(handle, binder, binding, signal) : failed(error);', replace: 'return failed(error);' }], maxSeeds: 2, always: true },
  { name: 'lost-watch-ignored', bug: 'after a watch that broke the next one begins now', edits: [{ file: 'client/src/informer.ts', find: '...this.#scope, signal, resourceVersion: this.#resourceVersion, allowWatchBookmarks: true,', replace: "...this.#scope, signal, resourceVersion: '', allowWatchBookmarks: true," }], maxSeeds: 2 },
  { name: 'gone-stays-after-relist', bug: 'what a list does not have any more stays in the cache', edits: [{ file: 'client/src/informer.ts', find: 'for (const key of this.#cache.keys()) if (!present.has(key)) this.#removed(key);', replace: '' }], maxSeeds: 2 },
  { name: 'leader-not-fresh', bug: 'a new leader begins with what it happens to know', edits: [{ file: 'scheduler/src/start.ts', find: 'await untilAborted(signal, Promise.all([informers.nodes.refresh(), informers.pods.refresh()]));', replace: '' }], maxSeeds: 2 },
];
