import type { WatchEvent } from '@coxswain/etcd-lite/client';
import { fromUtf8, type Host } from '@coxswain/host';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { followRoot } from '../history/store-log.ts';

/** What the store says of one key at one revision; undefined: it went. `seenMs` is when the log was read, not when it was written. */
export type Fact = { readonly revision: number; readonly seenMs: number; readonly name: string } & (
  | { readonly kind: 'pod'; readonly now: Pod | undefined }
  | { readonly kind: 'node'; readonly now: Node | undefined }
  | { readonly kind: 'lease'; readonly now: Lease | undefined });

const roots = { 'pods/default/': 'pod', 'minions/': 'node', 'leases/kube-system/': 'lease' } as const satisfies Record<string, Fact['kind']>;

function factOf(revision: number, seenMs: number, event: WatchEvent): Fact | undefined {
  const key = fromUtf8(event.kv.key).slice('/registry/'.length);
  for (const [root, kind] of Object.entries(roots)) {
    if (!key.startsWith(root)) continue;
    const now = event.type === 'PUT' ? JSON.parse(fromUtf8(event.kv.value)) as never : undefined;
    return { revision, seenMs, name: key.slice(root.length), kind, now };
  }
  return undefined;
}

/** All facts in order, growing while it runs. */
export function followFacts(host: Host, endpoints: readonly string[]): { readonly facts: readonly Fact[]; readonly failed: Promise<void> } {
  const facts: Fact[] = [];
  const failed = followRoot(host, endpoints, '/registry/', (revision, events) => {
    for (const event of events) {
      const fact = factOf(revision, host.clock.monotonicMs(), event);
      if (fact !== undefined) facts.push(fact);
    }
  });
  return { facts, failed };
}
