import type { EtcdClient, WatchBatch, WatchEvent } from '@coxswain/etcd-lite/client';
import { copyLease } from './leases.ts';
import { putAll } from './put.ts';
import { rangeOf } from './range.ts';
import type { MigrateOptions } from './types.ts';

/**
 * Takes over what happens at the source after `revision`, in its order, until `stop` aborts and everything up to then is
 * taken over. Returns the revision that the target then shows. Rejects if the source forgot revisions before they were seen.
 */
export async function followSource(options: MigrateOptions, revision: number, leases: ReadonlySet<bigint>, stop: AbortSignal): Promise<number> {
  const { source, prefix, report } = options;
  const ended = new AbortController();
  const follower = new Follower(options, revision, new Set(leases));
  let end = Number.POSITIVE_INFINITY;
  const last = stopRevision(source, stop).then(async (at) => {
    end = at;
    await source.requestProgress();
  });
  report(`following the source from revision ${revision + 1}; interrupt to finish`);
  for await (const batch of source.watch({ ...rangeOf(prefix), startRevision: revision + 1, progressNotify: true, signal: ended.signal })) {
    await follower.take(batch);
    if (follower.revision >= end) break;
    if (stop.aborted) await source.requestProgress();
  }
  ended.abort();
  await last;
  report(`followed to revision ${follower.revision}: ${follower.events} changes`);
  return follower.revision;
}

async function stopRevision(source: EtcdClient, stop: AbortSignal): Promise<number> {
  if (!stop.aborted) await new Promise<void>((resolve) => { stop.addEventListener('abort', () => { resolve(); }); });
  return (await source.range({ key: new Uint8Array([0]), countOnly: true })).revision;
}

class Follower {
  readonly #options: MigrateOptions;
  readonly #leases: Set<bigint>;
  revision: number;
  events = 0;

  constructor(options: MigrateOptions, revision: number, leases: Set<bigint>) {
    this.#options = options;
    this.revision = revision;
    this.#leases = leases;
  }

  async take(batch: WatchBatch): Promise<void> {
    if (batch.canceled === true) throw new Error(`the source has compacted revision ${this.revision + 1}, which was not copied yet (compacted at ${batch.compactRevision}); start again`);
    for (const event of batch.events) await this.#apply(event);
    if (batch.events.length > 0 || batch.progressNotify === true) this.revision = Math.max(this.revision, batch.revision);
  }

  async #apply({ type, kv }: WatchEvent): Promise<void> {
    const { source, target } = this.#options;
    this.events += 1;
    if (type === 'DELETE') {
      await target.deleteRange({ key: kv.key });
      return;
    }
    if (kv.lease !== 0n && !this.#leases.has(kv.lease) && await copyLease(source, target, kv.lease)) this.#leases.add(kv.lease);
    await putAll(target, [kv], this.#leases);
  }
}
