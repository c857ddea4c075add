import * as fs from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Node, Pod, PodSpec, PodStatus } from 'kubernetes-types/core/v1';
import { resources } from '@coxswain/client';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { connectRuntime, createLinuxSystem, type CriConnection } from '../src/edge/index.ts';
import { startKubelet, type KubeletConfig, type RunningKubelet } from '../src/index.ts';
import { testConfig } from './support/config.ts';
import { missingTools, startContainerd, type TestContainerd } from './support/containerd.ts';
import { FakeApi } from './support/fake-api.ts';

const image = 'coxswain.local/busybox:1';
const { pods, nodes } = resources;
if (missingTools.length > 0) console.log(`skipped: missing ${missingTools.join(', ')}`);

describe.skipIf(missingTools.length > 0)('pods on real containerd', () => {
  let containerd: TestContainerd;
  let cri: CriConnection;
  let api: FakeApi;
  let kubelet: RunningKubelet;
  let config: KubeletConfig;
  const host = createRealHost(silentLogger);

  const start = async (): Promise<void> => {
    kubelet = await startKubelet(config, host, { runtime: cri.runtime, system: createLinuxSystem(), client: api });
    await kubelet.ready;
  };

  beforeAll(async () => {
    containerd = await startContainerd({ subnet: '10.231.1.0/24' });
    cri = connectRuntime(containerd.endpoint);
    api = new FakeApi();
    config = testConfig(containerd.directory, containerd.cgroupRoot);
    await start();
  });

  afterAll(async () => {
    await kubelet?.stop();
    cri?.close();
    await containerd?.close();
  });

  const run = async (name: string, spec: Partial<PodSpec> & { containers: PodSpec['containers'] }, metadata: Pod['metadata'] = {}): Promise<Pod> => api.create<Pod>(pods, { metadata: { name, namespace: 'default', ...metadata }, spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 5, ...spec } });
  const shell = (script: string): { name: string; image: string; command: string[] } => ({ name: 'main', image, command: ['sh', '-c', script] });
  const until = async (name: string, accept: (status: PodStatus) => boolean, timeoutMs?: number): Promise<Pod> => await api.until<Pod>(pods, { namespace: 'default', name }, (pod) => pod?.status !== undefined && accept(pod.status), timeoutMs) as Pod;
  const ready = (status: PodStatus): boolean => status.conditions?.find((condition) => condition.type === 'Ready')?.status === 'True';
  const gone = async (name: string): Promise<void> => { await api.delete(pods, { namespace: 'default', name }); await api.until(pods, { namespace: 'default', name }, (pod) => pod === undefined); };
  const logOf = async (pod: Pod, container = 'main', attempt = 0): Promise<string> => fs.readFile(`${config.podLogsDir}/default_${pod.metadata?.name}_${pod.metadata?.uid}/${container}/${attempt}.log`, 'utf8');
  const events = (name: string): string[] => api.events().filter((line) => line.startsWith(`${name} `));

  test('the node registers and becomes ready', async () => {
    const node = await api.until<Node>(nodes, { name: 'node-1' }, (object) => object?.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true) as Node;
    expect(node.status?.nodeInfo?.containerRuntimeVersion).toMatch(/^containerd:\/\/1\./);
    expect(Number(node.status?.capacity?.['cpu'])).toBeGreaterThan(0);
    await api.until(resources.leases, { namespace: 'kube-node-lease', name: 'node-1' }, (lease) => lease !== undefined);
  });

  test('a pod runs, is ready, and is deleted without a trace', async () => {
    const startMs = Date.now();
    const created = await run('plain', { containers: [shell('echo hello; trap "exit 0" TERM; while :; do sleep 1; done')] });
    const pod = await until('plain', ready);
    console.log(`pod ready after ${Date.now() - startMs} ms`);
    expect(pod.status?.phase).toBe('Running');
    expect(pod.status?.podIP).toMatch(/^10\.231\.1\./);
    expect(pod.status?.containerStatuses?.[0]).toMatchObject({ name: 'main', ready: true, started: true, restartCount: 0, image });
    expect(await logOf(pod)).toMatch(/^\S+ stdout F hello\n/);
    const deleteMs = Date.now();
    await gone('plain');
    console.log(`pod gone after ${Date.now() - deleteMs} ms`);
    expect(events('plain').map((line) => line.split(':')[0])).toEqual(['plain Normal Pulled', 'plain Normal Created', 'plain Normal Started', 'plain Normal Killing']);
    await expect.poll(() => cri.runtime.listContainers()).toEqual([]);
    await expect.poll(() => cri.runtime.listPodSandboxes()).toEqual([]);
    await expect(fs.stat(`${config.rootDir}/pods/${created.metadata?.uid}`)).rejects.toThrow('ENOENT');
    await expect(fs.stat(`/sys/fs/cgroup/memory${containerd.cgroupRoot}/kubepods/besteffort/pod${created.metadata?.uid}`)).rejects.toThrow('ENOENT');
  });
});
