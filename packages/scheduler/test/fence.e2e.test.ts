import { once } from 'node:events';
import { resources, type KubeObject } from '@coxswain/client';
import { fromUtf8 } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Stage, until } from './support/stage.ts';

const nodeCount = 20;
const label = 'example.com/pool';

let stage: Stage;

async function fencedWrites(): Promise<number> {
  const metrics = fromUtf8((await stage.client.raw({ method: 'GET', target: '/metrics' })).body);
  return Number(/^coxswain_apiserver_fenced_writes_total\{lease="kube-system\/kube-scheduler"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

async function createPods(prefix: string, count: number, more: Partial<Pod['spec']> = {}, labels: Record<string, string> = {}): Promise<void> {
  const spec = { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '10m' } } }], ...more };
  await Promise.all(Array.from({ length: count }, (_, at) => stage.client.create(resources.pods, { metadata: { name: `${prefix}-${at}`, namespace: 'default', labels }, spec })));
}

async function createNode(name: string, cpu: string, labels: Record<string, string> = {}): Promise<void> {
  const allocatable = { cpu, memory: '32Gi', pods: '110' };
  await stage.client.create(resources.nodes, { metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } }, status: { capacity: allocatable, allocatable } });
}

async function labelNodes(value: string | null): Promise<void> {
  for (let at = 0; at < nodeCount; at += 1) await stage.client.patch(resources.nodes, { name: `n${at}` }, 'merge', { metadata: { labels: { [label]: value } } });
}

beforeAll(async () => {
  stage = await Stage.open('fence');
  for (let at = 0; at < nodeCount; at += 1) await createNode(`n${at}`, '8', { [label]: 'a' });
  await createPods('late', 100, { nodeSelector: { [label]: 'a' } });
  await createPods('other', 100);
});

afterEach(() => stage.clear());

afterAll(() => stage.close());

test('a leader that is stopped until another leads, with bindings on their way: they are refused when they arrive, and the next one binds all', async () => {
  const { client, pods, server } = stage;
  const boundTo = new Map<string, string>();
  const twice: string[] = [];
  pods.addHandler({ updated: (_before, { metadata, spec }) => {
    const [name, node] = [metadata?.name ?? '', spec?.nodeName ?? ''];
    if (node !== '' && (boundTo.get(name) ?? node) !== node) twice.push(name);
    if (node !== '') boundTo.set(name, node);
  } });
  const bound = (prefix: string): number => [...boundTo.keys()].filter((name) => name.startsWith(prefix)).length;
  const { way, address } = await stage.way();
  const isLate = ({ name, bind }: { readonly name: string; readonly bind?: unknown }): boolean => bind !== undefined && name.startsWith('late');
  // A call that is sent while another runs holds all that was decided meanwhile.
  way.hold((items) => items.filter(isLate).length > 10);
  const first = await stage.startScheduler(address);
  await way.heldUntil((items) => items.length > 0);
  first.process.kill('SIGSTOP');
  // So that only who decided before can bind them.
  await labelNodes(null);
  await stage.startScheduler(server.server);
  await until(pods, () => bound('other') === 100);
  const left = 100 - bound('late');
  expect(left).toBeGreaterThan(10);
  expect(await fencedWrites()).toBe(0);
  const late = way.heldItems.filter(isLate).length;
  const codes = await way.release();
  expect(codes.filter((code) => code < 400)).toEqual([]);
  expect(await fencedWrites()).toBeGreaterThanOrEqual(late);
  const ended = once(first.process, 'exit');
  first.process.kill('SIGCONT');
  expect((await ended as [number])[0]).not.toBe(0);
  expect(first.log()).toMatch(/another scheduler leads|leadership lost/);
  expect((await client.list(resources.pods, { namespace: 'default' })).items.filter(({ spec }) => (spec?.nodeName ?? '') === '')).toHaveLength(left);
  await labelNodes('a');
  await until(pods, () => bound('late') === 100);
  expect(twice).toEqual([]);
});

const victimCount = 80;

test('a leader that is stopped until another leads, with deletions on their way: they are refused when they arrive', async () => {
  const { client, server } = stage;
  await client.create(resources.priorityclasses, { metadata: { name: 'important' }, value: 1000 } as KubeObject);
  const { way, address } = await stage.way();
  way.hold((items) => items.some((item) => item.delete !== undefined));
  // A node full of pods that a more important one drives out.
  await createNode('full', '1');
  await createPods('victim', victimCount, { nodeName: 'full' }, { at: 'full' });
  const third = await stage.startScheduler(address);
  await client.create(resources.pods, { metadata: { name: 'important', namespace: 'default' }, spec: { priorityClassName: 'important', nodeSelector: { 'kubernetes.io/hostname': 'full' }, containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }] } });
  await way.heldUntil((items) => items.length === victimCount);
  third.process.kill('SIGSTOP');
  // So that the next leader drives nobody out.
  await client.delete(resources.pods, { namespace: 'default', name: 'important' }, { gracePeriodSeconds: 0 });
  const before = await fencedWrites();
  await stage.startScheduler(server.server);
  const victims = async (): Promise<readonly Pod[]> => (await client.list(resources.pods, { labelSelector: 'at=full' })).items;
  const isTouched = ({ metadata, status }: Pod): boolean => metadata?.deletionTimestamp !== undefined || status?.conditions?.some(({ type }) => type === 'DisruptionTarget') === true;
  const untouched = async (): Promise<number> => (await victims()).filter((pod) => !isTouched(pod)).length;
  expect(await untouched()).toBe(victimCount);
  const codes = await way.release();
  expect(codes.filter((code) => code < 400)).toEqual([]);
  expect(codes).toHaveLength(victimCount);
  expect(await fencedWrites()).toBeGreaterThanOrEqual(before + victimCount);
  const ended = once(third.process, 'exit');
  third.process.kill('SIGCONT');
  expect((await ended as [number])[0]).not.toBe(0);
  expect(await untouched()).toBe(victimCount);
});
