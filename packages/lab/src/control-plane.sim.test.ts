import { generateKeyPairSync } from 'node:crypto';
import { resources, type Client } from '@coxswain/client';
import type { Deployment } from 'kubernetes-types/apps/v1';
import { expect, test } from 'vitest';
import { ControlPlane } from './control-plane.ts';

const serviceAccountKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

const replicas = 6;
const deployment: Deployment = {
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' },
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'example.com/web:1' }] } } },
};

interface Outcome {
  readonly digest: string;
  readonly lineCount: number;
  readonly virtualMs: number;
  readonly nodeNames: readonly string[];
}

async function ready(client: Client): Promise<boolean> {
  const now = await client.get(resources.deployments, { namespace: 'default', name: 'web' });
  return now.status?.readyReplicas === replicas && now.status.observedGeneration === now.metadata?.generation;
}

async function story(seed: number): Promise<Outcome> {
  const world = new ControlPlane({ seed, apiservers: 2, nodes: 3, serviceAccountKeyPem });
  try {
    world.startAll();
    const client = world.client('user');
    await world.until('three nodes are Ready', 120_000, async () => {
      const nodes = await client.list(resources.nodes);
      return nodes.items.filter((node) => node.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') && (node.spec?.taints ?? []).length === 0).length === 3;
    });
    await world.until('the deployment is made', 60_000, async () => (await client.create(resources.deployments, deployment)).metadata?.name === 'web');
    // While its pods are on their way, a store member loses power and an API server is killed.
    await world.sim.run(world.sim.random.float() * 400);
    world.kill('store-1', { powerCut: true });
    await world.sim.run(world.sim.random.float() * 400);
    world.kill('apiserver-1');
    await world.until('all replicas run on their kubelets without the dead two', 240_000, () => ready(client));
    world.start('store-1');
    world.start('apiserver-1');
    await world.until('pods are listed', 60_000, async () => (await client.list(resources.pods, { namespace: 'default' })).items.length === replicas);
    let nodeNames: readonly string[] = [];
    await world.until('pods have nodes', 60_000, async () => {
      const pods = await client.list(resources.pods, { namespace: 'default' });
      nodeNames = pods.items.map((pod) => pod.spec?.nodeName ?? '').toSorted();
      return nodeNames.length === replicas;
    });
    return { digest: world.sim.trace.digest(), lineCount: world.sim.trace.lineCount, virtualMs: world.sim.nowMs, nodeNames };
  } finally {
    world.sim.stop();
  }
}

test.each(Array.from({ length: 12 }, (_, at) => at + 1))('seed %d: a Deployment reaches its kubelets while a store member and an API server die', async (seed) => {
  const startMs = performance.now();
  const outcome = await story(seed);
  const tookMs = performance.now() - startMs;
  expect(outcome.nodeNames).toHaveLength(replicas);
  expect(new Set(outcome.nodeNames).size).toBe(3);
  process.stdout.write(`seed ${seed}: ${outcome.lineCount} trace lines, ${(outcome.virtualMs / 1000).toFixed(1)} s of virtual time in ${(tookMs / 1000).toFixed(1)} s\n`);
});

test('a node that was deleted under its kubelet registers again with its next lease', async () => {
  const world = new ControlPlane({ seed: 1, apiservers: 1, nodes: 1, serviceAccountKeyPem });
  try {
    world.startAll();
    const client = world.client('user');
    let uid: string | undefined;
    const readyAs = async (other: string | undefined): Promise<boolean> => {
      const [node] = (await client.list(resources.nodes)).items;
      uid = node?.metadata?.uid;
      return uid !== other && node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
    };
    await world.until('the node is Ready', 120_000, () => readyAs(undefined));
    const first = uid;
    await world.until('it is deleted', 10_000, async () => { await client.delete(resources.nodes, { name: 'node-1' }); return true; });
    await world.until('another of its name is Ready', 30_000, () => readyAs(first));
  } finally {
    world.sim.stop();
  }
});

test('a node of which others say that it is silent says within seconds that it is not', async () => {
  const world = new ControlPlane({ seed: 1, apiservers: 1, nodes: 1, serviceAccountKeyPem });
  try {
    world.startAll();
    const client = world.client('user');
    const readyIs = async (wanted: string): Promise<boolean> => (await client.get(resources.nodes, { name: 'node-1' })).status?.conditions?.some(({ type, status }) => type === 'Ready' && status === wanted) === true;
    await world.until('the node is Ready', 120_000, () => readyIs('True'));
    await world.sim.run(5000);
    // As the node controller does when leases did not come through.
    await world.until('it is said to be silent', 10_000, async () => {
      await client.patch(resources.nodes, { name: 'node-1' }, 'strategic', { status: { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }] } }, { subresource: 'status' });
      return true;
    });
    await world.until('it is Ready again', 30_000, () => readyIs('True'));
  } finally {
    world.sim.stop();
  }
});

test('the same seed gives the same trace, byte for byte', async () => {
  const first = await story(11);
  const second = await story(11);
  expect(second).toEqual(first);
});
