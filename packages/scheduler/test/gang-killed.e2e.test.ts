import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { resources, type KubeObject, type ResourceType } from '@coxswain/client';
import type { Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { Stage, until } from './support/stage.ts';
import type { Way } from './support/way.ts';

/** As many as one transaction of the store takes. */
const members = 100;
const groupLabel = 'scheduling.x-k8s.io/pod-group';
const podGroups: ResourceType<KubeObject> = { group: 'scheduling.x-k8s.io', version: 'v1alpha1', resource: 'podgroups', kind: 'PodGroup', namespaced: true };
const definitions: ResourceType<KubeObject> = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions', kind: 'CustomResourceDefinition', namespaced: false };
const profiles = [{ plugins: { multiPoint: { enabled: [{ name: 'Coscheduling' }] }, queueSort: { enabled: [{ name: 'Coscheduling' }], disabled: [{ name: '*' }] } } }];

let stage: Stage;

const isBound = ({ spec }: Pod): boolean => (spec?.nodeName ?? '') !== '';
const gangOf = (name: string): readonly Pod[] => stage.pods.lister.list().filter(({ metadata }) => metadata?.labels?.[groupLabel] === name);

beforeAll(async () => {
  stage = await Stage.open('gang-killed');
  const { client, factory } = stage;
  const [definition] = parseAllDocuments(readFileSync(fileURLToPath(new URL('../manifests/pod-groups.yaml', import.meta.url)), 'utf8'));
  await client.create(definitions, definition?.toJSON() as KubeObject);
  const kinds = factory.informer(definitions);
  await stage.watch();
  const isEstablished = (kind: KubeObject): boolean => (kind as { status?: { conditions?: { type: string; status: string }[] } }).status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True') === true;
  await until(kinds, () => kinds.lister.list().some(isEstablished));
  const allocatable = { cpu: '64', memory: '128Gi', pods: '500' };
  for (const name of ['n1', 'n2', 'n3']) await client.create(resources.nodes, { metadata: { name, labels: { 'kubernetes.io/hostname': name } }, status: { capacity: allocatable, allocatable } });
});

afterAll(() => stage.close());

async function createGang(name: string): Promise<void> {
  const { client } = stage;
  await client.create(podGroups, { apiVersion: 'scheduling.x-k8s.io/v1alpha1', kind: 'PodGroup', metadata: { name, namespace: 'default' }, spec: { minMember: members } } as KubeObject);
  const spec = { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '100m' } } }] };
  await Promise.all(Array.from({ length: members }, (_, at) => client.create(resources.pods, { metadata: { name: `${name}-${at}`, namespace: 'default', labels: { [groupLabel]: name } }, spec })));
}

/** The next leader has nothing to say of it. */
async function deleteGang(name: string): Promise<void> {
  const { client, pods } = stage;
  await client.delete(podGroups, { namespace: 'default', name });
  await Promise.all(gangOf(name).map((pod) => client.delete(resources.pods, { namespace: 'default', name: pod.metadata?.name ?? '' }, { gracePeriodSeconds: 0 })));
  await until(pods, () => gangOf(name).length === 0);
}

interface Bindings {
  /** The node by pod. */
  readonly all: ReadonlyMap<string, string>;
  readonly twice: readonly string[];
}

function bindingsOf(name: string): Bindings {
  const all = new Map<string, string>();
  const twice: string[] = [];
  stage.pods.addHandler({ updated: (_before, pod) => {
    const [key, node] = [pod.metadata?.name ?? '', pod.spec?.nodeName ?? ''];
    if (node === '' || pod.metadata?.labels?.[groupLabel] !== name) return;
    if ((all.get(key) ?? node) !== node) twice.push(key);
    all.set(key, node);
  } });
  return { all, twice };
}

/** What becomes of the call before the leader is killed, and by whom the gang is bound then. */
test.each<[name: string, when: string, meanwhile: (way: Way, gang: string) => Promise<void> | void, binder: 'the leader' | 'the next' | 'either']>([
  ['nothing', 'nothing of the call has arrived', () => undefined, 'the next'],
  ['part', 'a part of the call has arrived', (way) => { way.sendHalf(); }, 'the next'],
  ['sent', 'the call has just been sent', (way) => { void way.release().catch(() => undefined); }, 'either'],
  ['lost', 'the call was answered, and the answer is lost', async (way, gang) => {
    expect(await way.release({ answersAreLost: true })).toEqual(Array.from({ length: members }, () => 201));
    await until(stage.pods, () => gangOf(gang).every(isBound));
  }, 'the leader'],
])('%s: a leader is killed in the middle of binding a gang, when %s: none is bound, or all, and nobody twice', async (name, _when, meanwhile, binder) => {
  const bindings = bindingsOf(name);
  const { way, address } = await stage.way();
  way.hold((items) => items.some(({ bind }) => bind !== undefined));
  const { process: leader } = await stage.startScheduler(address, profiles);
  await createGang(name);
  await way.heldUntil((items) => items.length === members);
  expect(gangOf(name).filter(isBound)).toEqual([]);
  await meanwhile(way, name);
  const ended = once(leader, 'exit');
  leader.kill('SIGKILL');
  await ended;
  if (binder === 'the next') expect(gangOf(name).filter(isBound)).toEqual([]);
  await stage.startScheduler(stage.server.server, profiles);
  await until(stage.pods, () => gangOf(name).length === members && gangOf(name).every(isBound));
  expect(bindings.twice).toEqual([]);
  expect(bindings.all.size).toBe(members);
  await stage.clear();
  await deleteGang(name);
});
