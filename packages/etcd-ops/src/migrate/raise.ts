import { utf8 } from '@coxswain/host';
import type { EtcdClient } from '@coxswain/etcd-lite/client';

const padKey = utf8('coxswain.migrate/revision');
const inFlight = 64;

/**
 * Makes the target's revision not smaller than the source's, by writing and deleting a key of our own: over the wire there
 * is no other way. Returns the target's revision.
 */
export async function raiseRevision(target: EtcdClient, wanted: number, report: (line: string) => void): Promise<number> {
  const { revision } = await target.range({ key: padKey, countOnly: true });
  if (revision >= wanted) return revision;
  report(`raising the target's revision from ${revision} to ${wanted}`);
  let left = wanted - revision - 1;
  const pad = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await target.put({ key: padKey, value: new Uint8Array(0) });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, pad));
  const last = await target.put({ key: padKey, value: new Uint8Array(0) });
  await target.deleteRange({ key: padKey });
  return last.revision + 1;
}
