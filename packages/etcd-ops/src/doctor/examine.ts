import type { Host } from '@coxswain/host';
import type { EtcdAdmin, ServerStatus } from '@coxswain/etcd-lite/client';
import type { Connect, Examined, Facts } from './types.ts';

/** Reads timed at each endpoint. */
const readCount = 10;

/** Asks every endpoint, one after another so that they do not slow each other. Never rejects for a member that fails. */
export async function examine(host: Host, endpoints: readonly string[], connect: Connect): Promise<Facts> {
  const admins = endpoints.map((endpoint) => ({ endpoint, admin: connect(endpoint) }));
  try {
    const statuses: { readonly endpoint: string; readonly admin: EtcdAdmin; readonly status: Examined['status'] }[] = [];
    for (const { endpoint, admin } of admins) statuses.push({ endpoint, admin, status: await attempt(() => admin.status()) });
    const living = statuses.filter((one): one is typeof one & { readonly status: ServerStatus } => !('error' in one.status));
    const revision = Math.min(...living.map(({ status }) => status.revision));
    const out: Examined[] = [];
    for (const one of statuses) {
      if ('error' in one.status) out.push({ endpoint: one.endpoint, status: one.status, hash: undefined, readsMs: [] });
      else out.push({ endpoint: one.endpoint, status: one.status, hash: await attempt(() => one.admin.hashKv(revision)), readsMs: await timeReads(host, one.admin) });
    }
    const first = living[0]?.admin;
    return { members: await orNone(first?.memberList()), alarms: await orNone(first?.alarms()), endpoints: out };
  } finally {
    for (const { admin } of admins) admin.close();
  }
}

async function attempt<T>(ask: () => Promise<T>): Promise<T | { readonly error: string }> {
  try {
    return await ask();
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** A cluster without a leader answers neither; that is found by the statuses. */
async function orNone<T>(asked: Promise<readonly T[]> | undefined): Promise<readonly T[]> {
  const answer = await attempt(async () => asked ?? []);
  return 'error' in answer ? [] : answer;
}

async function timeReads(host: Host, admin: EtcdAdmin): Promise<readonly number[]> {
  const out: number[] = [];
  for (let count = 0; count < readCount; count += 1) {
    const startMs = host.clock.monotonicMs();
    const answer = await attempt(async () => { await admin.confirmLeader(); return true; });
    if (answer !== true) break;
    out.push(host.clock.monotonicMs() - startMs);
  }
  return out.toSorted((a, b) => a - b);
}
