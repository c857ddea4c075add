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
    await expect.poll(() => logOf(pod)).toMatch(/^\S+ stdout F hello\n/);
    const deleteMs = Date.now();
    await gone('plain');
    console.log(`pod gone after ${Date.now() - deleteMs} ms`);
    await expect.poll(() => events('plain').map((line) => line.split(':')[0])).toEqual(['plain Normal Pulled', 'plain Normal Created', 'plain Normal Started', 'plain Normal Killing']);
    await expect.poll(() => cri.runtime.listContainers()).toEqual([]);
    await expect.poll(() => cri.runtime.listPodSandboxes()).toEqual([]);
    await expect(fs.stat(`${config.rootDir}/pods/${created.metadata?.uid}`)).rejects.toThrow('ENOENT');
    await expect(fs.stat(`/sys/fs/cgroup/memory${containerd.cgroupRoot}/kubepods/besteffort/pod${created.metadata?.uid}`)).rejects.toThrow('ENOENT');
  });

  // '[sig-node] InitContainer [NodeConformance] should invoke init containers on a RestartAlways pod [Conformance]'
  test('init containers run in order before the app container; environment and volumes come from the API', async () => {
    await api.create(resources.configmaps, { metadata: { name: 'settings', namespace: 'default' }, data: { color: 'blue', 'app.conf': 'a=1\n' } });
    await api.create(resources.secrets, { metadata: { name: 'key', namespace: 'default' }, data: { password: btoa('s3cret') } });
    await api.create(resources.services, { metadata: { name: 'back-end', namespace: 'default' }, spec: { clusterIP: '10.96.7.7', ports: [{ name: 'http', port: 80 }] } });
    const mounts = [{ name: 'shared', mountPath: '/shared' }, { name: 'conf', mountPath: '/conf' }, { name: 'all', mountPath: '/all', readOnly: true }];
    const pod = await run('rich', {
      initContainers: [
        { name: 'one', image, command: ['sh', '-c', 'echo one >> /shared/order'], volumeMounts: mounts }, { name: 'two', image, command: ['sh', '-c', 'echo two >> /shared/order'], volumeMounts: mounts },
      ],
      containers: [{
        ...shell('cat /shared/order /conf/app.conf /all/password /all/token /all/labels; echo; cat /conf-one; echo "$COLOR $PASSWORD $NAME $COMBINED $BACK_END_SERVICE_HOST $BACK_END_SERVICE_PORT_HTTP $CPU"; cat /etc/hosts /etc/resolv.conf; hostname; exec sleep 3600'),
        volumeMounts: [...mounts, { name: 'conf', mountPath: '/conf-one', subPath: 'color' }],
        resources: { limits: { cpu: '500m', memory: '64Mi' } },
        env: [
          { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } }, { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'key', key: 'password' } } },
          { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }, { name: 'COMBINED', value: '$(COLOR)-$(NAME)-$(UNKNOWN)-$$(COLOR)' },
          { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
        ],
      }],
      volumes: [
        { name: 'shared', emptyDir: {} }, { name: 'conf', configMap: { name: 'settings' } },
        { name: 'all', projected: { sources: [{ secret: { name: 'key' } }, { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }, { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }] } },
      ],
    }, { labels: { app: 'rich' } });
    await until('rich', ready);
    await expect.poll(() => logOf(pod)).toContain('ndots:5');
    const lines = (await logOf(pod)).split('\n').map((line) => line.replace(/^\S+ stdout F /, ''));
    expect(lines.slice(0, 6)).toEqual(['one', 'two', 'a=1', 's3crettoken-of-default-1app="rich"', 'blueblue s3cret rich blue-rich-$(UNKNOWN)-$(COLOR) 10.96.7.7 80 500', '# Kubernetes-managed hosts file.']);
    expect(lines).toContain('search default.svc.cluster.local svc.cluster.local cluster.local');
    expect(lines).toContain('nameserver 10.96.0.10');
    expect(lines).toContain('rich');
    const running = await until('rich', ready);
    const id = running.status?.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
    const cgroup = `/sys/fs/cgroup/memory${containerd.cgroupRoot}/kubepods/burstable/pod${pod.metadata?.uid}/${id}`;
    expect((await fs.readFile(`${cgroup}/memory.limit_in_bytes`, 'utf8')).trim()).toBe(String(64 * 1024 * 1024));
    // A changed ConfigMap reaches the running container, by a swap of ..data
    await api.update(resources.configmaps, { ...await api.get(resources.configmaps, { namespace: 'default', name: 'settings' }), data: { color: 'red', 'app.conf': 'a=2\n' } });
    const conf = `${config.rootDir}/pods/${pod.metadata?.uid}/volumes/kubernetes.io~configmap/conf/app.conf`;
    await expect.poll(() => fs.readFile(conf, 'utf8')).toBe('a=2\n');
    await gone('rich');
    expect((await fs.readFile('/proc/self/mounts', 'utf8')).includes(pod.metadata?.uid ?? '')).toBe(false);
  });

  test('a failing container is restarted, then waits in CrashLoopBackOff', async () => {
    await run('crash', { containers: [{ ...shell('echo bye > /dev/termination-log; exit 3') }] });
    const pod = await until('crash', (status) => status.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff');
    const status = pod.status?.containerStatuses?.[0];
    expect(status?.state?.waiting?.message).toBe(`back-off 10s restarting failed container=main pod=crash_default(${pod.metadata?.uid})`);
    expect(status?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error', message: 'bye\n' });
    expect(status?.restartCount).toBe(1);
    expect(pod.status?.phase).toBe('Running');
    expect(events('crash').some((line) => line.startsWith('crash Warning BackOff: Back-off restarting failed container main'))).toBe(true);
    await gone('crash');
  });

  // '[sig-node] Kubelet when scheduling a busybox command that always fails in a pod should have an terminated reason [NodeConformance] [Conformance]'
  // '[sig-node] Kubelet when scheduling a busybox command that always fails in a pod should be possible to delete [NodeConformance] [Conformance]'
  test('pods that run to their end: Succeeded and Failed', async () => {
    await run('good', { restartPolicy: 'Never', containers: [shell('echo done')] });
    await run('bad', { restartPolicy: 'Never', containers: [shell('exit 7')] });
    const good = await until('good', (status) => status.phase === 'Succeeded');
    expect(good.status?.conditions?.find((condition) => condition.type === 'Ready')).toMatchObject({ status: 'False', reason: 'PodCompleted' });
    expect(good.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    const bad = await until('bad', (status) => status.phase === 'Failed');
    expect(bad.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 7, reason: 'Error' });
    await expect.poll(() => logOf(good)).toContain('done');
    await gone('good');
    await gone('bad');
  });

  // '[sig-node] Probing container should be restarted with a exec "cat /tmp/health" liveness probe [NodeConformance] [Conformance]'
  test('probes: not ready until the server answers, restarted when liveness fails', async () => {
    await run('probed', { containers: [{
      ...shell('touch /tmp/alive; sleep 2; echo ok > /tmp/index.html; httpd -f -p 8080 -h /tmp'),
      readinessProbe: { httpGet: { path: '/index.html', port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
      livenessProbe: { exec: { command: ['cat', '/tmp/alive'] }, periodSeconds: 1, failureThreshold: 1 },
    }] });
    const early = await until('probed', (status) => status.containerStatuses?.[0]?.state?.running !== undefined);
    expect(early.status?.conditions?.find((condition) => condition.type === 'Ready')).toMatchObject({ status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [main]' });
    const up = await until('probed', ready);
    const containerId = up.status?.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
    await cri.runtime.execSync(containerId, ['rm', '/tmp/alive'], 5);
    const restarted = await until('probed', (status) => status.containerStatuses?.[0]?.restartCount === 1 && status.containerStatuses[0].state?.running !== undefined);
    expect(restarted.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137);
    expect(events('probed')).toContain('probed Normal Killing: Container main failed liveness probe, will be restarted');
    expect(events('probed')).toContain("probed Warning Unhealthy: Liveness probe failed: cat: can't open '/tmp/alive': No such file or directory\n");
    await gone('probed');
  });

  // '[sig-node] Container Lifecycle Hook when create a pod with lifecycle hook should execute poststart exec hook properly [NodeConformance] [Conformance]'
  // '[sig-node] Container Lifecycle Hook when create a pod with lifecycle hook should execute prestop exec hook properly [NodeConformance] [Conformance]'
  test('postStart and preStop run; the grace period ends what does not end itself', async () => {
    await fs.mkdir(`${containerd.directory}/hooks`);
    await run('hooks', {
      terminationGracePeriodSeconds: 3,
      containers: [{
        ...shell('trap "" TERM; while :; do sleep 1; done'), volumeMounts: [{ name: 'out', mountPath: '/out' }],
        lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo start > /out/start'] } }, preStop: { exec: { command: ['sh', '-c', 'echo stop > /out/stop'] } } },
      }],
      volumes: [{ name: 'out', hostPath: { path: `${containerd.directory}/hooks`, type: 'Directory' } }],
    });
    await until('hooks', ready);
    expect(await fs.readFile(`${containerd.directory}/hooks/start`, 'utf8')).toBe('start\n');
    const startMs = Date.now();
    await gone('hooks');
    expect(Date.now() - startMs).toBeGreaterThan(2900);
    // Not the 30 s that a pod has unasked, however slow the machine is.
    expect(Date.now() - startMs).toBeLessThan(30_000);
    expect(await fs.readFile(`${containerd.directory}/hooks/stop`, 'utf8')).toBe('stop\n');
  });

  test('what cannot start says why, and starts when it can', async () => {
    await run('no-image', { containers: [{ name: 'main', image: '127.0.0.1:1/nothing:1' }] });
    const pulling = await until('no-image', (status) => status.containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImagePull');
    expect(pulling.status?.phase).toBe('Pending');
    await until('no-image', (status) => status.containerStatuses?.[0]?.state?.waiting?.reason === 'ImagePullBackOff');
    expect(events('no-image')).toContain('no-image Normal Pulling: Pulling image "127.0.0.1:1/nothing:1"');
    await gone('no-image');

    await run('no-config', { containers: [{ ...shell('echo "$V"; exec sleep 3600'), env: [{ name: 'V', valueFrom: { configMapKeyRef: { name: 'late', key: 'v' } } }] }] });
    const waiting = await until('no-config', (status) => status.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError');
    expect(waiting.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe('configmap "late" not found');
    await api.create(resources.configmaps, { metadata: { name: 'late', namespace: 'default' }, data: { v: 'here' } });
    const pod = await until('no-config', ready);
    await expect.poll(() => logOf(pod)).toContain('here');
    await gone('no-config');

    await run('no-root', { containers: [{ ...shell('exec sleep 3600'), securityContext: { runAsNonRoot: true } }] });
    const refused = await until('no-root', (status) => status.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError');
    expect(refused.status?.containerStatuses?.[0]?.state?.waiting?.message).toMatch(/^container has runAsNonRoot and image will run as root/);
    await gone('no-root');
  });

  test('security context and resources reach the container', async () => {
    const pod = await run('secure', { containers: [{
      ...shell('id -u; id -g; grep -E "CapEff|NoNewPrivs" /proc/self/status; touch /x || echo read-only; cat /sys/fs/cgroup/cpu/cpu.shares; exec sleep 3600'),
      resources: { requests: { cpu: '250m' } },
      securityContext: { runAsUser: 1000, runAsGroup: 2000, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    }] });
    await until('secure', ready);
    // The last line that the container writes.
    await expect.poll(() => logOf(pod)).toContain('F 256\n');
    const text = await logOf(pod);
    for (const line of ['F 1000\n', 'F 2000\n', 'CapEff:\t0000000000000000', 'NoNewPrivs:\t1', 'F read-only', 'F 256\n']) expect(text).toContain(line);
    expect((await api.get<Pod>(pods, { namespace: 'default', name: 'secure' })).status?.qosClass).toBe('Burstable');
    await gone('secure');
  });

  test('a restarted kubelet adopts what runs and ends what was deleted meanwhile', async () => {
    await run('kept', { containers: [shell('exec sleep 3600')] });
    const orphan = await run('orphan', { containers: [shell('exec sleep 3600')] });
    const before = await until('kept', ready);
    await until('orphan', ready);
    await kubelet.stop();
    await api.delete(pods, { namespace: 'default', name: 'orphan' }, { gracePeriodSeconds: 0 });
    await start();
    await expect.poll(async () => (await cri.runtime.listPodSandboxes()).map((sandbox) => sandbox.metadata.name)).toEqual(['kept']);
    const after = await until('kept', ready);
    expect(after.status?.containerStatuses?.[0]).toMatchObject({ containerID: before.status?.containerStatuses?.[0]?.containerID, restartCount: 0 });
    await expect.poll(() => fs.stat(`${config.rootDir}/pods/${orphan.metadata?.uid}`).then(() => 'there', () => 'gone')).toBe('gone');
    await gone('kept');
  });

  test('a lost sandbox is made again', async () => {
    await run('lost', { containers: [shell('exec sleep 3600')] });
    await until('lost', ready);
    const [sandbox] = await cri.runtime.listPodSandboxes();
    await cri.runtime.stopPodSandbox(sandbox?.id ?? '');
    await until('lost', (status) => status.containerStatuses?.[0]?.restartCount === 1 && ready(status), 20_000);
    expect(events('lost')).toContain('lost Normal SandboxChanged: Pod sandbox changed, it will be killed and re-created.');
    await gone('lost');
  });

  test('containers outlive a crash of the runtime, and new pods run as soon as it is back', async () => {
    await run('steady', { containers: [shell('exec sleep 3600')] });
    const before = await until('steady', ready);
    await containerd.crash();
    await run('after', { containers: [shell('exec sleep 3600')] });
    await until('after', ready);
    const after = await api.get<Pod>(pods, { namespace: 'default', name: 'steady' });
    expect(after.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 0, ready: true, containerID: before.status?.containerStatuses?.[0]?.containerID });
    await gone('steady');
    await gone('after');
  });

  test('sidecars start before and end after the app container', async () => {
    await fs.mkdir(`${containerd.directory}/order`);
    const speak = (name: string): string => `echo ${name} up >> /out/order; trap "echo ${name} down >> /out/order; exit 0" TERM; while :; do sleep 0.1; done`;
    const volumeMounts = [{ name: 'out', mountPath: '/out' }];
    await run('helped', {
      initContainers: [{ name: 'side', image, command: ['sh', '-c', speak('side')], restartPolicy: 'Always', volumeMounts, startupProbe: { exec: { command: ['grep', 'side', '/out/order'] }, periodSeconds: 1 } }],
      containers: [{ ...shell(speak('main')), volumeMounts }],
      volumes: [{ name: 'out', hostPath: { path: `${containerd.directory}/order`, type: 'Directory' } }],
    });
    await until('helped', ready);
    await expect.poll(() => fs.readFile(`${containerd.directory}/order/order`, 'utf8')).toBe('side up\nmain up\n');
    await gone('helped');
    expect(await fs.readFile(`${containerd.directory}/order/order`, 'utf8')).toBe('side up\nmain up\nmain down\nside down\n');
  });

  test('the host’s network, memory volumes with a group, and a deadline', async () => {
    const pod = await run('host', { hostNetwork: true, securityContext: { fsGroup: 3000 }, volumes: [{ name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }], containers: [{
      ...shell('stat -c %g-%a /m; df -k /m | tail -1; hostname; trap "exit 0" TERM; while :; do sleep 0.1; done'), volumeMounts: [{ name: 'm', mountPath: '/m' }],
    }] });
    const up = await until('host', ready);
    expect([up.status?.podIP, up.status?.hostIP]).toEqual([kubelet.view.hostIp, kubelet.view.hostIp]);
    await expect.poll(async () => (await logOf(pod)).split('\n').length).toBeGreaterThan(3);
    expect(await logOf(pod)).toMatch(/F 3000-2777\n.* F tmpfs +1024 /);
    await gone('host');
    await run('late', { activeDeadlineSeconds: 2, containers: [shell('trap "exit 0" TERM; while :; do sleep 0.1; done')] });
    const late = await until('late', (status) => status.phase === 'Failed', 10_000);
    expect(late.status).toMatchObject({ reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' });
    await gone('late');
  });
});
