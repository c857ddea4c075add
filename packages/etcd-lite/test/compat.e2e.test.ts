import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInstalled, StoreCluster, type StoreKind } from '../src/edge/bench/cluster.ts';
import { differences, type Difference } from './compat/differences.ts';
import { Session, type Answer } from './compat/session.ts';
import { steps } from './compat/steps.ts';

const missing = ['etcd', 'etcdctl', 'openssl'].filter((name) => !isInstalled(name));
if (missing.length > 0) console.log(`skipped: ${missing.join(' and ')} not installed`);

let parent: string;

async function answersOf(kind: StoreKind, size: 1 | 3, tls: boolean): Promise<readonly Answer[]> {
  const cluster = await StoreCluster.start({ kind, size, tls, parent });
  try {
    return await (await Session.open(cluster)).run(steps);
  } catch (error) {
    throw new Error(`${kind}: ${(error as Error).message}\n${cluster.logs()}`, { cause: error });
  } finally {
    await cluster.remove();
  }
}

/** etcd's answer as ours has to be; notes which differences were needed. */
function expected(answer: Answer, used: Set<Difference>): Answer {
  return differences.filter((one) => one.steps.test(answer.step)).reduce((so, one) => {
    const next = one.etcd(so);
    if (JSON.stringify(next) !== JSON.stringify(so)) used.add(one);
    return next;
  }, answer);
}

describe.skipIf(missing.length > 0)('etcdctl 3.4 gets the same answers from etcd 3.4 and from etcd-lite', () => {
  const used = new Set<Difference>();
  beforeAll(() => { parent = mkdtempSync(join(tmpdir(), 'compat-')); });
  afterAll(() => { rmSync(parent, { recursive: true, force: true }); });

  for (const size of [1, 3] as const) {
    for (const tls of [false, true]) {
      it(`${size} ${size === 1 ? 'member' : 'members'}, ${tls ? 'mutual TLS' : 'plaintext'}`, async () => {
        const [theirs, ours] = await Promise.all([answersOf('etcd', size, tls), answersOf('etcd-lite', size, tls)]);
        expect(ours.length).toBe(theirs.length);
        const differing = theirs.map((answer, at) => ({ etcd: expected(answer, used), etcdLite: ours[at] as Answer })).filter((pair) => JSON.stringify(pair.etcd) !== JSON.stringify(pair.etcdLite));
        expect(differing).toEqual([]);
      });
    }
  }

  it('every known difference is one', () => {
    expect(differences.filter((one) => !used.has(one)).map((one) => one.reason)).toEqual([]);
  });
});
