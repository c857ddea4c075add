import * as fs from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod, PodSpec, PodStatus } from 'kubernetes-types/core/v1';
import { resources, type KubeObject, type ResourceType } from '@coxswain/client';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { connectRuntime, createLinuxSystem, type CriConnection } from '../src/edge/index.ts';
import { startKubelet, type KubeletConfig, type RunningKubelet } from '../src/index.ts';
import { testConfig } from './support/config.ts';
import { missingTools, startContainerd, type TestContainerd } from './support/containerd.ts';
import { FakeApi } from './support/fake-api.ts';

const image = 'coxswain.local/busybox:1';
const { pods } = resources;
if (missingTools.length > 0) console.log(`skipped: missing ${missingTools.join(', ')}`);

describe.skipIf(missingTools.length > 0)('what a node takes, and as whom it runs', () => {
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
    containerd = await startContainerd({ subnet: '10.231.3.0/24' });
    cri = connectRuntime(containerd.endpoint);
    api = new FakeApi();
    config = testConfig(containerd.directory, containerd.cgroupRoot);
    await start();
    await api.until(resources.nodes, { name: 'node-1' }, (node) => node !== undefined);
  });

  afterAll(async () => {
    await kubelet?.stop();
    cri?.close();
    await containerd?.close();
  });

  const run = async (name: string, spec: Partial<PodSpec> & { containers: PodSpec['containers'] }): Promise<Pod> => api.create<Pod>(pods, { metadata: { name, namespace: 'default' }, spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 0, ...spec } });
  const shell = (script: string): { name: string; image: string; command: string[] } => ({ name: 'main', image, command: ['sh', '-c', script] });
  const until = async (name: string, accept: (status: PodStatus) => boolean): Promise<Pod> => await api.until<Pod>(pods, { namespace: 'default', name }, (pod) => pod?.status !== undefined && accept(pod.status)) as Pod;
  const ready = (status: PodStatus): boolean => status.conditions?.find((condition) => condition.type === 'Ready')?.status === 'True';
  const ended = (status: PodStatus): boolean => status.phase === 'Failed' || status.phase === 'Succeeded';
  const gone = async (name: string): Promise<void> => { await api.delete(pods, { namespace: 'default', name }); await api.until(pods, { namespace: 'default', name }, (pod) => pod === undefined); };
  const linesOf = async (pod: Pod): Promise<string[]> => (await fs.readFile(`${config.podLogsDir}/default_${pod.metadata?.name}_${pod.metadata?.uid}/main/0.log`, 'utf8')).trim().split('\n').map((line) => line.replace(/^\S+ \S+ F /, ''));

  test('a pod that does not fit fails at once, and stays so under the next kubelet', async () => {
    await run('holder', { containers: [{ ...shell('exec sleep 3600'), ports: [{ containerPort: 80, hostPort: 18_080 }] }] });
    await until('holder', ready);
    await run('clash', { containers: [{ ...shell('exec sleep 3600'), ports: [{ containerPort: 80, hostPort: 18_080 }] }] });
    const clash = await until('clash', ended);
    const words = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
    expect(clash.status).toMatchObject({ phase: 'Failed', reason: 'NodePorts', message: `Pod was rejected: ${words}` });
    expect(clash.status?.containerStatuses).toBeUndefined();
    await expect.poll(() => api.events()).toContain(`clash Warning NodePorts: ${words}`);
    await run('huge', { containers: [{ ...shell('exec sleep 3600'), resources: { requests: { cpu: '9000' } } }] });
    const huge = await until('huge', ended);
    expect(huge.status?.reason).toBe('OutOfcpu');
    await kubelet.stop();
    await start();
    await run('after', { nodeSelector: { disk: 'none' }, containers: [shell('exec sleep 3600')] });
    expect((await until('after', ended)).status?.reason).toBe('NodeAffinity');
    expect((await api.get<Pod>(pods, { namespace: 'default', name: 'clash' })).status).toEqual(clash.status);
    expect((await until('holder', ready)).status?.containerStatuses?.[0]?.restartCount).toBe(0);
    for (const name of ['clash', 'huge', 'after', 'holder']) await gone(name);
    await expect.poll(() => cri.runtime.listPodSandboxes()).toEqual([]);
  });

  test('users, groups and modes of volumes', async () => {
    await api.create(resources.configmaps, { metadata: { name: 'files', namespace: 'default' }, data: { a: '1', b: '2' } });
    await api.create(resources.secrets, { metadata: { name: 'hidden', namespace: 'default' }, data: { key: btoa('x') } });
    const names = ['/e', '/c/a', '/c/b', '/s/key', '/p/token', '/p/key'];
    const volumes = [
      { name: 'e', emptyDir: {} }, { name: 'c', configMap: { name: 'files', defaultMode: 0o600, items: [{ key: 'a', path: 'a' }, { key: 'b', path: 'b', mode: 0o400 }] } }, { name: 's', secret: { secretName: 'hidden' } },
      { name: 'p', projected: { defaultMode: 0o400, sources: [{ serviceAccountToken: { path: 'token' } }, { secret: { name: 'hidden' } }] } },
    ];
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
    const look = { ...shell(`id -u; id -g; id -G; for f in ${names.join(' ')}; do stat -L -c '%n %a %u:%g' $f; done; for d in /c/ /s/ /c/..data/; do stat -L -c '%a %u:%g' $d; done; touch /e/mine && stat -c %g /e/mine`), volumeMounts };
    await run('grouped', { restartPolicy: 'Never', securityContext: { runAsUser: 1000, runAsGroup: 1001, fsGroup: 2000, supplementalGroups: [3000] }, containers: [look], volumes });
    expect(await linesOf(await until('grouped', ended))).toEqual([
      '1000', '1001', '1001 2000 3000', '/e 2777 0:2000', '/c/a 640 0:2000', '/c/b 440 0:2000', '/s/key 644 0:2000', '/p/token 640 1000:2000', '/p/key 440 0:2000', '2777 0:2000', '3777 0:2000', '2755 0:2000', '2000',
    ]);
    await run('alone', { restartPolicy: 'Never', securityContext: { runAsUser: 1000 }, containers: [{ ...look, command: ['sh', '-c', "stat -L -c '%a %u' /p/token /p/key /c/b /e /s/"] }], volumes });
    expect(await linesOf(await until('alone', ended))).toEqual(['600 1000', '400 0', '400 0', '777 0', '1777 0']);
    for (const name of ['grouped', 'alone']) await gone(name);
  });

  test('what must not run as root does not, in the original’s words', async () => {
    const pod = await run('root', { securityContext: { runAsNonRoot: true }, containers: [shell('true')] });
    const suffix = `(pod: "root_default(${pod.metadata?.uid})", container: main)`;
    const waiting = await until('root', (status) => status.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError');
    expect(waiting.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe(`container has runAsNonRoot and image will run as root ${suffix}`);
    await expect.poll(() => api.events()).toContain(`root Warning Failed: Error: container has runAsNonRoot and image will run as root ${suffix}`);
    await run('zero', { securityContext: { runAsNonRoot: true, runAsUser: 0 }, containers: [shell('true')] });
    const zero = await until('zero', (status) => status.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError');
    expect(zero.status?.containerStatuses?.[0]?.state?.waiting?.message).toMatch(/^container's runAsUser breaks non-root policy \(pod: "zero_default\(/);
    for (const name of ['root', 'zero']) await gone(name);
  });

  test('the end of the log is the last word of a container that failed without one', async () => {
    const words = (script: string): PodSpec['containers'][number] => ({ ...shell(script), terminationMessagePolicy: 'FallbackToLogsOnError' });
    await run('bad', { restartPolicy: 'Never', containers: [words('i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i+1)); done; exit 4')] });
    const bad = (await until('bad', ended)).status?.containerStatuses?.[0]?.state?.terminated?.message ?? '';
    expect(bad.split('\n').slice(0, 2)).toEqual(['line 20', 'line 21']);
    expect(bad.endsWith('line 99\n')).toBe(true);
    await run('good', { restartPolicy: 'Never', containers: [words('echo well')] });
    expect((await until('good', ended)).status?.containerStatuses?.[0]?.state?.terminated?.message).toBeUndefined();
    await run('said', { restartPolicy: 'Never', containers: [words('echo log; echo file > /dev/termination-log; exit 1')] });
    expect((await until('said', ended)).status?.containerStatuses?.[0]?.state?.terminated?.message).toBe('file\n');
    for (const name of ['bad', 'good', 'said']) await gone(name);
  });

  test('claims bound to local and hostPath volumes; one that is not bound yet is waited for', async () => {
    const claims: ResourceType = { group: '', version: 'v1', resource: 'persistentvolumeclaims', kind: 'PersistentVolumeClaim', namespaced: true };
    const persistent: ResourceType = { group: '', version: 'v1', resource: 'persistentvolumes', kind: 'PersistentVolume', namespaced: false };
    const [local, onHost] = [`${containerd.directory}/pv-local`, `${containerd.directory}/pv-host`];
    await fs.mkdir(local, { mode: 0o755 });
    const make = async (name: string, source: object, bound: boolean): Promise<KubeObject> => {
      const claim = await api.create(claims, { metadata: { name, namespace: 'default' }, spec: { volumeName: `pv-${name}` }, status: { phase: bound ? 'Bound' : 'Pending' } } as KubeObject);
      await api.create(persistent, { metadata: { name: `pv-${name}` }, spec: { ...source, claimRef: { namespace: 'default', name, uid: claim.metadata?.uid } } } as KubeObject);
      return claim;
    };
    await make('one', { local: { path: local }, nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-1'] }] }] } } }, true);
    const second = await make('two', { hostPath: { path: onHost, type: 'DirectoryOrCreate' } }, false);
    const pod = await run('claimer', {
      restartPolicy: 'Never', securityContext: { fsGroup: 2000 }, volumes: [{ name: 'l', persistentVolumeClaim: { claimName: 'one' } }, { name: 'h', persistentVolumeClaim: { claimName: 'two', readOnly: true } }],
      containers: [{ ...shell('echo kept > /l/file; stat -c "%a %g" /l; touch /h/file 2>/dev/null || echo refused'), volumeMounts: [{ name: 'l', mountPath: '/l' }, { name: 'h', mountPath: '/h' }] }],
    });
    await expect.poll(() => api.events()).toContain('claimer Warning FailedMount: MountVolume.SetUp failed for volume "h" : error processing PVC default/two: PVC is not bound');
    await api.update(claims, { ...second, status: { phase: 'Bound' } } as KubeObject);
    expect(await linesOf(await until('claimer', ended))).toEqual(['2775 2000', 'refused']);
    await gone('claimer');
    await expect.poll(async () => (await fs.readFile('/proc/self/mounts', 'utf8')).includes(pod.metadata?.uid ?? '')).toBe(false);
    expect(await fs.readFile(`${local}/file`, 'utf8')).toBe('kept\n');
  });

  // '[sig-node] Ephemeral Containers [NodeConformance] will start an ephemeral container in an existing pod [Conformance]'
  test('an ephemeral container joins a pod that runs', async () => {
    await run('watched', { containers: [shell('exec sleep 3600')] });
    const before = await until('watched', ready);
    await api.update(pods, { ...before, spec: { ...before.spec, containers: before.spec?.containers ?? [], ephemeralContainers: [{ name: 'debugger', image, command: ['sh', '-c', 'ps | grep -c "sleep 360[0]"; exit 3'], targetContainerName: 'main' }] } });
    const after = await until('watched', (status) => status.ephemeralContainerStatuses?.[0]?.state?.terminated !== undefined);
    expect(after.status?.ephemeralContainerStatuses?.[0]).toMatchObject({ name: 'debugger', restartCount: 0, state: { terminated: { exitCode: 3, reason: 'Error' } } });
    expect(await fs.readFile(`${config.podLogsDir}/default_watched_${before.metadata?.uid}/debugger/0.log`, 'utf8')).toMatch(/ F 1\n$/);
    expect(after.status).toMatchObject({ phase: 'Running' });
    expect(after.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 0, ready: true });
    await gone('watched');
  });
});
