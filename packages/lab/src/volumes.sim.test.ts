import { generateKeyPairSync } from 'node:crypto';
import { resources, type Client } from '@coxswain/client';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { ControlPlane } from './control-plane.ts';

const serviceAccountKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const nodeNames = ['node-1', 'node-2', 'node-3'] as const;
const diskPath = '/disk';
const claimSpec = { accessModes: ['ReadWriteOnce'], storageClassName: 'local', resources: { requests: { storage: '1Gi' } } };

/** A disk of one node: pods that use it can be nowhere else. */
function disk(node: string, at: number): PersistentVolume {
  const nodeAffinity = { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }] } };
  return { metadata: { name: `${node}-disk-${at}` }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'local', persistentVolumeReclaimPolicy: 'Retain', local: { path: diskPath }, nodeAffinity } };
}

const set: StatefulSet = {
  metadata: { name: 'db', namespace: 'default' },
  spec: {
    replicas: 4, serviceName: 'db', podManagementPolicy: 'Parallel', selector: { matchLabels: { app: 'db' } }, volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claimSpec }],
    template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c', image: 'example.com/c:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] }] } },
  },
};

const scratch: Pod = {
  metadata: { name: 'scratch', namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'example.com/c:1', volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }] }], volumes: [{ name: 'tmp', ephemeral: { volumeClaimTemplate: { spec: claimSpec } } }] },
};

async function setUp(world: ControlPlane, client: Client): Promise<void> {
  world.startAll();
  await world.until('the nodes are Ready', 120_000, async () => {
    const { items } = await client.list(resources.nodes);
    return items.filter((node) => node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') && (node.spec?.taints ?? []).length === 0).length === nodeNames.length;
  });
  const make = async (): Promise<boolean> => {
    for (const name of nodeNames) await world.processes.get(name)?.host.disk.makeDirectory(diskPath);
    await client.create(resources.storageclasses, { metadata: { name: 'local' }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' });
    for (const node of nodeNames) for (const at of [1, 2]) await client.create(resources.persistentvolumes, disk(node, at));
    return true;
  };
  await world.until('there are disks', 60_000, make);
}

interface Storage { readonly pods: readonly Pod[]; readonly claims: readonly PersistentVolumeClaim[]; readonly volumes: readonly PersistentVolume[] }

async function look(client: Client): Promise<Storage> {
  const [pods, claims, volumes] = [await client.list(resources.pods, { namespace: 'default' }), await client.list(resources.persistentvolumeclaims, { namespace: 'default' }), await client.list(resources.persistentvolumes)];
  return { pods: pods.items, claims: claims.items, volumes: volumes.items };
}

/** What is wrong: both sides know each other, no volume has two claims, every pod is where its volume is. */
function faults({ pods, claims, volumes }: Storage): readonly string[] {
  const out: string[] = [];
  const names = claims.map(({ spec }) => spec?.volumeName ?? '');
  if (new Set(names).size !== names.length) out.push(`two claims have one volume: ${names.join(' ')}`);
  for (const claim of claims) {
    const volume = volumes.find(({ metadata }) => metadata?.name === claim.spec?.volumeName);
    if (claim.status?.phase !== 'Bound' || volume?.status?.phase !== 'Bound' || volume.spec?.claimRef?.uid !== claim.metadata?.uid) out.push(`${claim.metadata?.name ?? ''} is not bound on both sides`);
  }
  for (const pod of pods) {
    const name = `${pod.metadata?.name === 'scratch' ? 'scratch-tmp' : `data-${pod.metadata?.name ?? ''}`}`;
    const volumeName = claims.find(({ metadata }) => metadata?.name === name)?.spec?.volumeName ?? '';
    if (!volumeName.startsWith(`${pod.spec?.nodeName ?? '?'}-`)) out.push(`${pod.metadata?.name ?? ''} is on ${pod.spec?.nodeName ?? ''}, its volume is ${volumeName}`);
  }
  return out;
}

const allRun = ({ pods, claims }: Storage, count: number): boolean => pods.length === count && pods.every(({ status }) => status?.phase === 'Running') && claims.length === count;

/** The claims wait for their pods, the pods go where free disks are; meanwhile the controller manager is killed, and the next one finishes. */
async function story(seed: number): Promise<Storage> {
  const world = new ControlPlane({ seed, apiservers: 1, nodes: nodeNames.length, serviceAccountKeyPem });
  try {
    const client = world.client('user');
    await setUp(world, client);
    await world.until('the pods are asked for', 60_000, async () => { await client.create(resources.pods, scratch); await client.create(resources.statefulsets, set); return true; });
    let began = false;
    await world.until('a volume is given away', 60_000, async () => { began ||= (await look(client)).volumes.some(({ spec }) => spec?.claimRef !== undefined); return began; });
    await world.sim.run(world.sim.random.float() * 30);
    world.kill('controller-manager');
    await world.sim.run(world.sim.random.float() * 2000);
    world.start('controller-manager');
    let now: Storage | undefined;
    await world.until('all run', 240_000, async () => { now = await look(client); return allRun(now, 5) && now.claims.every(({ status }) => status?.phase === 'Bound'); });
    expect(faults(now as Storage)).toEqual([]);

    // Again on the same disk; and the ephemeral claim goes with its pod.
    const nodeOf = (name: string, { pods }: Storage): string | undefined => pods.find(({ metadata }) => metadata?.name === name)?.spec?.nodeName;
    const before = nodeOf('db-2', now as Storage);
    await world.until('pods are deleted', 60_000, async () => { for (const name of ['scratch', 'db-2']) await client.delete(resources.pods, { namespace: 'default', name }); return true; });
    await world.until('one is back, the other\'s volume is released', 240_000, async () => { now = await look(client); return allRun(now, 4) && now.volumes.some(({ status }) => status?.phase === 'Released'); });
    expect(faults(now as Storage)).toEqual([]);
    expect(nodeOf('db-2', now as Storage)).toBe(before);
    return now as Storage;
  } finally {
    world.sim.stop();
  }
}

test.each(Array.from({ length: 4 }, (_, at) => at + 1))('seed %d: local disks find their pods, though the controller manager dies while it binds', async (seed) => {
  const { volumes } = await story(seed);
  expect(volumes.filter(({ status }) => status?.phase === 'Available')).toHaveLength(1);
});
