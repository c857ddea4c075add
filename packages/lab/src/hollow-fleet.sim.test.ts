import { generateKeyPairSync } from 'node:crypto';
import { resources, type Client } from '@coxswain/client';
import { defaultFleetConfig, readRules, silentAnnotation, type FleetConfig } from '@coxswain/kubelet/hollow';
import type { Deployment } from 'kubernetes-types/apps/v1';
import type { Job } from 'kubernetes-types/batch/v1';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { ControlPlane } from './control-plane.ts';

const serviceAccountKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const zone = 'topology.kubernetes.io/zone';
const count = 9;
const replicas = 18;
const namespace = 'default';

const fleet: FleetConfig = {
  ...defaultFleetConfig(count), zones: 3,
  rules: readRules('rules', { pods: [{ selector: { matchLabels: { app: 'crash' } }, 'crash-every': '1s' }, { selector: { matchLabels: { app: 'slow' } }, 'ready-after': '5s-10s' }] }),
};

/** Goes to other nodes five seconds after its own was lost. */
const tolerations = ['not-ready', 'unreachable'].map((what) => ({ key: `node.kubernetes.io/${what}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }));

function deployment(app: string, size: number): Deployment {
  const labels = { app };
  return {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: app, namespace },
    spec: { replicas: size, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { tolerations, containers: [{ name: 'a', image: 'i:1', resources: { requests: { cpu: '100m' } } }] } } },
  };
}

const job: Job = {
  apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'sums', namespace },
  spec: { completions: 6, parallelism: 3, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'i:1' }] } } },
};

/** A cluster of one fleet, and how it is asked. */
class World {
  readonly plane: ControlPlane;
  readonly client: Client;

  constructor(seed: number) {
    this.plane = new ControlPlane({ seed, apiservers: 1, nodes: 0, fleet, serviceAccountKeyPem });
    this.plane.startAll();
    this.client = this.plane.client('user');
  }

  until(what: string, forMs: number, probe: () => Promise<boolean>): Promise<void> {
    return this.plane.until(what, forMs, probe);
  }

  async nodes(): Promise<readonly Node[]> {
    return (await this.client.list(resources.nodes)).items;
  }

  async pods(app: string): Promise<readonly Pod[]> {
    return (await this.client.list(resources.pods, { namespace, labelSelector: `app=${app}` })).items;
  }

  async create(wanted: Deployment): Promise<void> {
    await this.until('it is made', 30_000, async () => (await this.client.create(resources.deployments, wanted)).metadata?.name === wanted.metadata?.name);
  }

  async allReady(): Promise<void> {
    await this.until('all nodes are ready and untainted', 120_000, async () => {
      const nodes = await this.nodes();
      return nodes.length === count && nodes.every((node) => isReady(node) && (node.spec?.taints ?? []).length === 0 && node.spec?.podCIDR !== undefined);
    });
  }

  async available(app: string, size: number): Promise<void> {
    await this.until(`${app} is available`, 120_000, async () => (await this.client.get(resources.deployments, { namespace, name: app })).status?.availableReplicas === size);
  }

  async silence(silent: boolean, inZone: string): Promise<void> {
    const those = (await this.settled(this.nodes())).filter((node) => node.metadata?.labels?.[zone] === inZone);
    for (const node of those) await this.settled(this.client.patch(resources.nodes, { name: node.metadata?.name ?? '' }, 'merge', { metadata: { annotations: { [silentAnnotation]: silent ? 'true' : null } } }));
  }

  /** Virtual time goes on until the request is answered. */
  async settled<T>(request: Promise<T>): Promise<T> {
    let done = false;
    request.then(() => { done = true; }, () => { done = true; });
    await this.plane.sim.run(60_000, () => done);
    return await request;
  }
}

function isReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

async function inWorld(seed: number, story: (world: World) => Promise<void>): Promise<string> {
  const world = new World(seed);
  try {
    await world.allReady();
    await story(world);
    return world.plane.sim.trace.digest();
  } finally {
    world.plane.sim.stop();
  }
}

test('a deployment becomes available, a job completes, a crash loop backs off', async () => {
  await inWorld(1, async (world) => {
    await world.create(deployment('web', replicas));
    await world.available('web', replicas);
    const pods = await world.settled(world.pods('web'));
    expect(new Set(pods.map(({ status }) => status?.podIP)).size).toBe(replicas);
    const cidrs = new Map((await world.settled(world.nodes())).map((node) => [node.metadata?.name, (node.spec?.podCIDR ?? '').split('.').slice(0, 3).join('.')]));
    for (const { spec, status } of pods) expect(status?.podIP?.startsWith(`${cidrs.get(spec?.nodeName ?? '')}.`)).toBe(true);

    await world.until('the job is made', 30_000, async () => (await world.client.create(resources.jobs, job)).metadata?.name === 'sums');
    await world.until('the job completes', 120_000, async () => {
      const { status } = await world.client.get(resources.jobs, { namespace, name: 'sums' });
      return status?.succeeded === 6 && status.conditions?.some(({ type, status: value }) => type === 'Complete' && value === 'True') === true;
    });

    await world.create(deployment('crash', 1));
    await world.until('it is in back-off', 60_000, async () => {
      const container = (await world.pods('crash'))[0]?.status?.containerStatuses?.[0];
      return container?.state?.waiting?.reason === 'CrashLoopBackOff' && container.restartCount >= 2 && container.lastState?.terminated?.exitCode === 1;
    });

    await world.create(deployment('slow', 3));
    const madeMs = world.plane.sim.nowMs;
    await world.available('slow', 3);
    expect(world.plane.sim.nowMs - madeMs).toBeGreaterThan(5000);

    await world.settled(world.client.delete(resources.deployments, { namespace, name: 'web' }));
    await world.until('its pods are gone', 60_000, async () => (await world.pods('web')).length === 0);
  });
});

test('a zone falls silent: its nodes are unreachable, its pods are made elsewhere, and back again it is as it was', async () => {
  await inWorld(2, async (world) => {
    await world.create(deployment('web', replicas));
    await world.available('web', replicas);
    await world.silence(true, 'zone-1');
    const lost = ['hollow-0', 'hollow-3', 'hollow-6'];
    await world.until('its nodes are tainted', 300_000, async () => {
      const tainted = (await world.nodes()).filter((node) => node.spec?.taints?.some(({ key, effect }) => key === 'node.kubernetes.io/unreachable' && effect === 'NoExecute'));
      return tainted.map((node) => node.metadata?.name ?? '').toSorted().join() === lost.join();
    });
    const onLost = ({ spec }: Pod): boolean => lost.includes(spec?.nodeName ?? '');
    await world.until('as many pods as before run in the other zones', 300_000, async () => (await world.pods('web')).filter((pod) => !onLost(pod) && pod.status?.phase === 'Running').length === replicas);
    const ghosts = (await world.settled(world.pods('web'))).filter(onLost);
    expect(ghosts.length).toBeGreaterThan(0);
    expect(ghosts.every(({ metadata }) => metadata?.deletionTimestamp !== undefined)).toBe(true);
    await world.silence(false, 'zone-1');
    await world.allReady();
    await world.until('what was to be deleted there is gone', 60_000, async () => (await world.pods('web')).filter(onLost).length === 0);
    expect(await world.settled(world.pods('web'))).toHaveLength(replicas);
  });
});

test('a fleet that dies and comes back takes its pods over and writes none of them anew', async () => {
  await inWorld(3, async (world) => {
    await world.create(deployment('web', replicas));
    await world.available('web', replicas);
    const versions = async (): Promise<string> => (await world.settled(world.pods('web'))).map(({ metadata }) => `${metadata?.name} ${metadata?.resourceVersion}`).toSorted().join();
    const before = await versions();
    world.plane.kill('fleet');
    await world.plane.sim.run(1000);
    world.plane.start('fleet');
    await world.create(deployment('later', 3));
    await world.available('later', 3);
    expect(await versions()).toBe(before);
  });
});

test('the same seed gives the same trace', async () => {
  const story = async (world: World): Promise<void> => { await world.create(deployment('slow', 4)); await world.available('slow', 4); };
  expect(await inWorld(7, story)).toBe(await inWorld(7, story));
});
