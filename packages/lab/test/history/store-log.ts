import { createEtcdClient, EtcdError, type WatchEvent } from '@coxswain/etcd-lite/client';
import { fromUtf8, utf8, type Host } from '@coxswain/host';
import { kinds, stateOf, type Item, type Kind } from './kinds.ts';
import { History } from './model.ts';

function stateIn(kind: Kind, event: WatchEvent): ReturnType<typeof stateOf> {
  const item = JSON.parse(fromUtf8(event.kv.value)) as Item;
  return stateOf(kind, { ...item, metadata: { ...item.metadata, resourceVersion: String(event.kv.modRevision) } });
}

/** Follows everything below `root` from the store's first revision, beside all API servers. Rejects if history is gone before it was read. */
export async function followRoot(host: Host, endpoints: readonly string[], root: string, add: (revision: number, events: readonly WatchEvent[]) => void): Promise<void> {
  const client = createEtcdClient(host, { endpoints });
  // It ends with its process.
  const never = new AbortController().signal;
  for (let from = 1; ;) {
    try {
      for await (const batch of client.watch({ key: utf8(root), rangeEnd: utf8(`${root.slice(0, -1)}0`), startRevision: from, signal: never })) {
        if (batch.canceled === true) throw new RangeError(`the log of ${root} was compacted before it was read`);
        for (const [revision, events] of Map.groupBy(batch.events, (event) => event.kv.modRevision)) {
          add(revision, events);
          from = revision + 1;
        }
      }
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
    }
    await host.timers.sleep(100);
  }
}

function follow(host: Host, endpoints: readonly string[], kind: Kind, history: History): Promise<void> {
  const root = `/registry/${kind.resource}/`;
  return followRoot(host, endpoints, root, (revision, events) => {
    const puts = events.filter((event) => event.type === 'PUT').map((event) => stateIn(kind, event));
    history.add(revision, puts, events.filter((event) => event.type !== 'PUT').map((event) => fromUtf8(event.kv.key).slice(root.length)));
  });
}

/** The history of each resource, growing while the test runs. `failed` rejects if it cannot be told. */
export function followLog(host: Host, endpoints: readonly string[]): { readonly histories: ReadonlyMap<string, History>; readonly failed: Promise<unknown> } {
  const histories = new Map(kinds.map((kind) => [kind.resource, new History()]));
  return { histories, failed: Promise.all(kinds.map((kind) => follow(host, endpoints, kind, histories.get(kind.resource) as History))) };
}
