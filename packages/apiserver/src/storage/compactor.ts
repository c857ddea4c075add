import { fromUtf8, utf8, type Host } from '@coxswain/host';
import type { EtcdClient } from '@coxswain/etcd-lite/client';
import { describeError } from '../transport/describe-error.ts';

/** The key by which several API servers, ours or upstream's, agree on who compacts. */
const compactKey = utf8('compact_rev_key');

interface Turn {
  /** Version of the key when it was last seen: who raises it compacts. */
  readonly version: number;
  /** Revision that was current then: everything older than one interval. */
  readonly revision: number;
  /** What is gone, whoever compacted it. */
  readonly compacted: number;
}

/**
 * Lets the store forget what is older than one interval: lists in pieces and watches may rely on at least that much history.
 * One try; answers what to pass to the next one.
 */
export async function compactOnce(client: EtcdClient, turn: Turn): Promise<Turn> {
  const result = await client.txn({
    compare: [{ key: compactKey, result: 'equal', target: 'version', value: turn.version }],
    success: [{ type: 'put', key: compactKey, value: utf8(String(turn.revision)) }],
    failure: [{ type: 'range', key: compactKey }],
  });
  if (!result.succeeded) {
    const answer = result.responses[0];
    const seen = answer?.type === 'range' ? answer.kvs[0] : undefined;
    return { version: seen?.version ?? 0, revision: result.revision, compacted: seen === undefined ? 0 : Number(fromUtf8(seen.value)) };
  }
  if (turn.revision > 0) await client.compact(turn.revision);
  return { version: turn.version + 1, revision: result.revision, compacted: turn.revision };
}

export async function lastCompacted(client: EtcdClient): Promise<number> {
  const { kvs } = await client.range({ key: compactKey });
  return kvs[0] === undefined ? 0 : Number(fromUtf8(kvs[0].value));
}

/** Until `signal` aborts. `compacted` hears what is gone. */
export async function runCompactor(client: EtcdClient, host: Host, { intervalMs, compacted }: { readonly intervalMs: number; readonly compacted: (revision: number) => void }, signal: AbortSignal): Promise<void> {
  let turn: Turn = { version: 0, revision: 0, compacted: 0 };
  while (!signal.aborted) {
    await host.timers.sleep(intervalMs, signal);
    if (signal.aborted) return;
    try {
      turn = await compactOnce(client, turn);
      compacted(turn.compacted);
    } catch (error) {
      host.log.warn('The store was not compacted; the next interval tries again', { error: describeError(error) });
    }
  }
}
