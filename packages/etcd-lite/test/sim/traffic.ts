import { randomBelow, type Host, type Random } from '@coxswain/host';
import { EtcdError } from '@coxswain/etcd-lite/client';
import { Channel } from '../../src/client/channel.ts';
import { grpcMessage } from '../../src/wire/grpc.ts';
import { codecs } from '../../src/wire/schema.ts';
import type { Kv, StepAnswer } from '../checkers/history.ts';
import type { Plan } from './plan.ts';
import type { RecordingClient } from './recording-client.ts';

export const allKeys = { key: '/', end: '0' };

/** Until the time is over, one operation after another. */
type Traffic = (client: RecordingClient, plan: Plan, untilMs: number) => Promise<void>;

/** By weight. */
function choose<T>(random: Random, weighted: readonly (readonly [number, T])[]): T {
  let left = random.float() * weighted.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, value] of weighted) {
    left -= weight;
    if (left < 0) return value;
  }
  return (weighted.at(-1) as readonly [number, T])[1];
}

async function repeat(client: RecordingClient, plan: Plan, untilMs: number, act: (count: number) => Promise<unknown>): Promise<void> {
  const { clock, timers, random } = client.host;
  for (let count = 1; clock.monotonicMs() < untilMs; count += 1) {
    await act(count);
    await timers.sleep(random.float() * plan.thinkMs);
  }
}

function firstKv(answers: readonly StepAnswer[] | undefined): Kv | undefined {
  const answer = answers?.[0];
  return answer?.type === 'range' ? answer.kvs[0] : undefined;
}

/** A revision around the newest one it knows. */
function someRevision(client: RecordingClient): number {
  return Math.max(1, client.revision - randomBelow(client.host.random, 60) + 3);
}

/** Single keys, ranges, transactions on several keys, old revisions. */
export const kvTraffic: Traffic = (client, plan, untilMs) => {
  const { random } = client.host;
  const key = (): string => `/k/${randomBelow(random, plan.keys)}`;
  const prefix = { key: '/k/', end: '/k0' };
  let known: Kv | undefined;
  const acts: readonly (readonly [number, (value: string) => Promise<unknown>])[] = [
    [30, (value) => client.step({ type: 'put', key: key(), value, lease: '' })],
    [15, async () => { known = firstKv((await client.step({ type: 'range', key: key(), revision: 0, limit: 0 }))?.answers) ?? known; }],
    [8, () => client.step({ type: 'range', key: key(), revision: someRevision(client), limit: 0 }, random.float() < 0.5)],
    [6, () => client.step({ type: 'range', ...allKeys, revision: 0, limit: 0 }, true)],
    [6, () => client.step({ type: 'range', ...prefix, revision: random.float() < 0.5 ? 0 : someRevision(client), limit: randomBelow(random, 4) })],
    [12, (value) => client.txn({
      kind: 'txn', serializable: false, compare: [known !== undefined && random.float() < 0.7 ? { key: known.key, target: 'mod', result: 'equal', value: known.mod } : { key: key(), target: 'version', result: 'greater', value: 1 }],
      success: [{ type: 'put', key: known?.key ?? key(), value, lease: '' }], failure: [{ type: 'range', ...prefix, revision: 0, limit: 2 }],
    })],
    [5, (value) => client.txn({ kind: 'txn', serializable: false, compare: [], failure: [], success: [...new Set([key(), key(), key()])].map((one) => ({ type: 'put', key: one, value, lease: '' })) })],
    [3, () => client.txn({ kind: 'txn', serializable: false, compare: [], failure: [], success: [{ type: 'range', key: key(), revision: someRevision(client), limit: 0 }, { type: 'range', ...prefix, revision: 0, limit: 0 }] })],
    [3, (value) => client.txn({ kind: 'txn', serializable: false, compare: [], failure: [], success: [{ type: 'range', key: key(), revision: someRevision(client), limit: 0 }, { type: 'put', key: key(), value, lease: '' }] })],
    [9, () => client.step({ type: 'delete', key: key() })],
    [2, () => client.step({ type: 'delete', ...prefix })],
  ];
  return repeat(client, plan, untilMs, (count) => choose(random, acts)(`${client.name}.${count}`));
};

/** As an API server does: optimistic updates of objects by their revision, lists of all of them, reads at revisions. */
export const kubernetesTraffic: Traffic = (client, plan, untilMs) => {
  const { random } = client.host;
  const prefix = { key: '/registry/pods/', end: '/registry/pods0' };
  const objects = new Map<string, Kv>();
  const learn = (answers: readonly StepAnswer[] | undefined): void => {
    for (const answer of answers ?? []) if (answer.type === 'range') for (const kv of answer.kvs) objects.set(kv.key, kv);
  };
  const list = async (revision: number, serializable: boolean): Promise<void> => { learn((await client.step({ type: 'range', ...prefix, revision, limit: 0 }, serializable))?.answers); };
  const write = async (value: string): Promise<void> => {
    const known = [...objects.values()][randomBelow(random, Math.max(objects.size, 1))];
    const dice = random.float();
    const creating = known === undefined || dice < 0.05 || objects.size < plan.keys / 2;
    const key = creating ? `${prefix.key}${randomBelow(random, plan.keys * 2)}` : known.key;
    const deleting = !creating && dice < 0.1;
    const outcome = await client.txn({
      kind: 'txn', serializable: false, compare: [{ key, target: 'mod', result: 'equal', value: creating ? 0 : known.mod }],
      success: [deleting ? { type: 'delete', key } : { type: 'put', key, value, lease: '' }], failure: [{ type: 'range', key, revision: 0, limit: 0 }],
    });
    objects.delete(key);
    if (outcome?.succeeded === false) learn(outcome.answers);
    else if (outcome !== undefined && !deleting) objects.set(key, { key, value, create: known?.create ?? outcome.revision, mod: outcome.revision, version: 1, lease: '' });
  };
  const acts: readonly (readonly [number, (value: string) => Promise<unknown>])[] = [
    [40, write],
    [5, async () => { learn((await client.step({ type: 'range', key: `${prefix.key}${randomBelow(random, plan.keys * 2)}`, revision: 0, limit: 0 }))?.answers); }],
    [2, () => list(0, true)], [8, () => list(someRevision(client), false)], [10, () => list(0, false)],
  ];
  return repeat(client, plan, untilMs, (count) => choose(random, acts)(`${client.name}.${count}`));
};

/** Grants, hangs keys on a lease, keeps it for a while, then ends it or lets it end. */
export const leaseTraffic: Traffic = async (client, plan, untilMs) => {
  const { random, clock, timers } = client.host;
  for (let count = 1; clock.monotonicMs() < untilMs; count += 1) {
    const lease = `${random.uint32().toString(16)}${count.toString(16)}`;
    const ttlMs = 1000 * (2 + randomBelow(random, 4));
    if (await client.leaseGrant(lease, ttlMs) === undefined) continue;
    for (let key = 0; key < 2; key += 1) await client.step({ type: 'put', key: `/l/${randomBelow(random, plan.keys)}`, value: `${client.name}.${count}.${key}`, lease });
    for (let times = randomBelow(random, 5); times > 0; times -= 1) {
      await timers.sleep(ttlMs * (0.2 + 0.4 * random.float()));
      if (await client.leaseKeep(lease, ttlMs) === undefined) break;
    }
    if (random.float() < 0.3) await client.leaseRevoke(lease);
    else await timers.sleep(random.float() * 2 * ttlMs);
  }
};

/** Roles come and go; nobody needs one, for auth stays off. */
export async function roleTraffic(host: Host, endpoints: readonly string[], untilMs: number): Promise<void> {
  const { random, clock, timers } = host;
  const channel = new Channel(host, { endpoints, requestTimeoutMs: 1000 });
  while (clock.monotonicMs() < untilMs) {
    const name = `role${randomBelow(random, 20)}`;
    const adding = random.float() < 0.6;
    const call = adding ? channel.unary('/etcdserverpb.Auth/RoleAdd', grpcMessage(codecs.nameRequest, { name }), false) : channel.unary('/etcdserverpb.Auth/RoleDelete', grpcMessage(codecs.roleRequest, { role: name }), false);
    await call.catch((error: unknown) => { if (!(error instanceof EtcdError)) throw error; });
    await timers.sleep(random.float() * 800);
  }
  channel.close();
}

/** Forgets history a little behind the newest revision. */
export const compactTraffic: Traffic = async (client, plan, untilMs) => {
  const { random, clock, timers } = client.host;
  while (clock.monotonicMs() < untilMs) {
    await timers.sleep(plan.compactEveryMs * (0.5 + random.float()));
    const newest = (await client.step({ type: 'range', key: '/none', revision: 0, limit: 0 }))?.revision;
    if (newest !== undefined) await client.compact(Math.max(1, newest - randomBelow(random, 30)));
  }
};
