import { EtcdError, grpcCode, type EtcdClient, type KeyValue } from '@coxswain/etcd-lite/client';
import { equalBytes } from './bytes.ts';
import { keysIn } from './pages.ts';
import type { ByteRange } from './range.ts';

/** Rejects at the first key that differs. Returns how many were compared; keys on leases, which end by themselves, are not. */
export async function verify(source: EtcdClient, target: EtcdClient, range: ByteRange, sourceRevision: number): Promise<number> {
  const { revision } = await target.range({ ...range, countOnly: true });
  const theirs = flat(keysIn(source, range, sourceRevision));
  const ours = flat(keysIn(target, range, revision));
  for (let count = 0; ; count += 1) {
    const [a, b] = [await theirs.next(), await ours.next()];
    if (a.done === true && b.done === true) return count;
    const [from, to] = [a.done === true ? undefined : a.value, b.done === true ? undefined : b.value];
    if (from === undefined || to === undefined || !equalBytes(from.key, to.key) || !equalBytes(from.value, to.value)) throw different(from, to);
  }
}

function different(from: KeyValue | undefined, to: KeyValue | undefined): Error {
  const text = (kv: KeyValue | undefined): string => (kv === undefined ? 'nothing' : JSON.stringify(new TextDecoder().decode(kv.key)));
  return new EtcdError(grpcCode.dataLoss, `source and target differ: the source has ${text(from)} where the target has ${text(to)}`);
}

async function* flat(pages: AsyncIterable<readonly KeyValue[]>): AsyncGenerator<KeyValue, void, undefined> {
  for await (const page of pages) yield* page.filter(({ lease }) => lease === 0n);
}
