import { readFileSync } from 'node:fs';
import { resources } from '@coxswain/client';
import { createEtcdClient } from '@coxswain/etcd-lite/client';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import type { ConfigMap, Node, Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../src/edge/shell.ts';
import { Cluster, eventually, killSupervisor } from './cluster.ts';
import { Follower, Writer } from './load.ts';

const cluster = new Cluster('/var/lib/coxswain-test');

/** Traces that a cluster could leave on the machine; what others left before is not ours. */
async function traces(): Promise<readonly string[]> {
  const script = 'ip -o link show | cut -d" " -f2; iptables-save | grep -E "KUBE-|COX-|CNI-"; grep coxswain-test /proc/self/mountinfo; ls /sys/fs/cgroup/*/coxswain /run/netns 2>/dev/null';
  const machine = await run('sh', ['-c', script]);
  const processes = await run('pgrep', ['-fa', 'coxswain-test']);
  return `${machine.stdout}${processes.stdout}`.split('\n');
}

let tracesBefore: ReadonlySet<string>;
beforeAll(async () => {
  tracesBefore = new Set(await traces());
  await cluster.up();
});
afterAll(async () => { await cluster.down(); });

const namespace = 'default';

/** Name of the store member that leads; undefined while leadership is on its way from one to another. */
async function findLeader(): Promise<string | undefined> {
  const host = createRealHost(silentLogger);
  const read = (file: string): string => readFileSync(`${cluster.data}/pki/${file}`, 'utf8');
  const tls = { caPem: read('etcd-ca.crt'), certPem: read('apiserver-etcd-client.crt'), keyPem: read('apiserver-etcd-client.key') };
  for (const [index, port] of [2379, 2389, 2399].entries()) {
    const client = createEtcdClient(host, { endpoints: [`https://127.0.0.1:${port}`], tls });
    try {
      const status = await client.status();
      if (status.leader === status.memberId) return `etcd-${index}`;
    } finally {
      await client.close();
    }
  }
  return undefined;
}

async function leader(): Promise<string> {
  let found: string | undefined;
  await eventually('a store member leads', async () => (found = await findLeader()) !== undefined);
  return found as string;
}

test('kill -9 of the store\'s leader during writes: no acknowledged write is lost, watches have no gap and no repeat', async () => {
  const client = await cluster.client();
  const follower = new Follower(client, { mayRelist: false });
  const writer = new Writer(client);
  await eventually('writes go on', async () => writer.acknowledged.length > 50);
  for (let round = 0; round < 2; round += 1) {
    const victim = await leader();
    const before = writer.acknowledged.length;
    await cluster.killAndWait(victim);
    await eventually('writes go on after the kill', async () => writer.acknowledged.length > before + 50);
  }
  await writer.stop();
  const stored = await client.list(resources.configmaps, { namespace, labelSelector: 'test=writer' });
  const names = new Set(stored.items.map((item: ConfigMap) => item.metadata?.name ?? ''));
  expect(writer.acknowledged.filter((name) => !names.has(name))).toEqual([]);
  await eventually('the watch has caught up', async () => follower.added.length >= names.size);
  await follower.stop();
  expect(follower.problems).toEqual([]);
  expect(new Set(follower.added).size).toBe(follower.added.length);
  expect(follower.added.toSorted()).toEqual([...names].toSorted());
  process.stdout.write(`${writer.acknowledged.length} writes acknowledged, ${writer.unknown.length} refused or unknown, ${follower.breaks} watch breaks\n`);
});

async function runningPod(name: string): Promise<Pod> {
  return await cluster.json<Pod>('get', 'pod', name);
}

function containerOf(pod: Pod): { readonly id: string | undefined; readonly restarts: number | undefined; readonly startedAt: string | undefined } {
  const status = pod.status?.containerStatuses?.[0];
  return { id: status?.containerID, restarts: status?.restartCount, startedAt: status?.state?.running?.startedAt };
}

test('kill -9 of every component in turn: the cluster heals by itself and running containers keep running', async () => {
  await cluster.kubectl('run', 'steady', '--image=coxswain.local/busybox:1', '--command', '--', 'sleep', '36000');
  await cluster.kubectl('wait', 'pod/steady', '--for=condition=Ready', '--timeout=60s');
  const before = containerOf(await runningPod('steady'));
  for (const { name } of await cluster.components()) {
    await cluster.killAndWait(name);
    const probe = `after-${name}`;
    await eventually(`a pod starts after ${name} was killed`, async () => {
      const made = await cluster.tryKubectl(['run', probe, '--image=coxswain.local/busybox:1', '--restart=Never', '--command', '--', 'true']);
      return made.code === 0 || made.stderr.includes('already exists');
    });
    await eventually(`it ends well`, async () => (await runningPod(probe)).status?.phase === 'Succeeded', 90_000);
    await cluster.kubectl('delete', 'pod', probe, '--grace-period=1', '--wait=false');
  }
  const node = await cluster.json<Node>('get', 'node', 'node-1');
  expect(node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status).toBe('True');
  expect(containerOf(await runningPod('steady'))).toEqual(before);
});

test('kill -9 of the supervisor leaves everything running, and the next up adopts it', async () => {
  // One that lost its lease while the others were killed may just be starting again.
  await eventually('everything runs', async () => (await cluster.components()).every((component) => component.phase === 'running'));
  const before = await cluster.components();
  killSupervisor(cluster);
  expect((await cluster.tryKubectl(['get', 'nodes'])).code).toBe(0);
  await cluster.up();
  const after = await cluster.components();
  expect(after.map((component) => [component.name, component.pid])).toEqual(before.map((component) => [component.name, component.pid]));
});

test('down and up: everything is back with the same uids', async () => {
  await cluster.kubectl('create', 'deployment', 'kept', '--image=coxswain.local/busybox:1', '--replicas=2', '--', 'sleep', '36000');
  await cluster.kubectl('rollout', 'status', 'deployment/kept', '--timeout=60s');
  const uids = async (): Promise<string> => await cluster.kubectl('get', 'deployments,replicasets,pods,nodes,services,namespaces,configmaps', '-l', 'test!=writer', '-o', 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid}{"\\n"}{end}');
  const before = await uids();
  await cluster.cox('down');
  expect((await traces()).filter((line) => !tracesBefore.has(line))).toEqual([]);
  await cluster.up();
  expect(await uids()).toBe(before);
  await eventually('the pods run again', async () => {
    const list = await cluster.json<{ items: Pod[] }>('get', 'pods', '-l', 'app=kept');
    return list.items.length === 2 && list.items.every((pod) => pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'));
  });
});

test('kill -9 of the supervisor while up waits: another one goes on', async () => {
  await cluster.cox('down');
  const up = run(cluster.program, ['up', `--data=${cluster.data}`]);
  await eventually('the API server is started', async () => (await cluster.components().catch(() => [])).some(({ name, phase }) => name === 'apiserver' && phase === 'running'));
  killSupervisor(cluster);
  const { code, stderr } = await up;
  expect([code, stderr]).toEqual([0, `cox: the supervisor ended; another one goes on with what it had started (see ${cluster.data}/logs/supervisor.log)\n`]);
  expect((await cluster.components()).every(({ phase, restarts }) => phase === 'running' && restarts === 0)).toBe(true);
});
