import { EtcdError, type EtcdClient } from '@coxswain/etcd-lite/client';

/** Before these, an answer to a progress request could overtake events that it spoke of. */
const firstPatch: Readonly<Record<string, number>> = { '3.4': 31, '3.5': 13 };

export function canTrustProgress(version: string): boolean {
  const found = /^(\d+)\.(\d+)\.(\d+)/.exec(version);
  if (found === null) return false;
  const [major, minor, patch] = found.slice(1).map(Number) as [number, number, number];
  const first = firstPatch[`${major}.${minor}`];
  return first === undefined ? major > 3 || (major === 3 && minor > 5) : patch >= first;
}

const asked = new WeakMap<EtcdClient, Promise<boolean>>();

async function ask(client: EtcdClient): Promise<boolean> {
  try {
    return canTrustProgress((await client.status()).version);
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    // Who does not answer is asked again.
    asked.delete(client);
    return false;
  }
}

/** Whether a watch of this store can be asked how far it is, and its answer be built on. Asked once. */
export function trustsProgress(client: EtcdClient): Promise<boolean> {
  const known = asked.get(client);
  if (known !== undefined) return known;
  const answer = ask(client);
  asked.set(client, answer);
  return answer;
}
