import { describe, expect, test } from 'vitest';
import type { Container, Pod, Service } from 'kubernetes-types/core/v1';
import { containerEnv, expand, serviceEnv, type EnvSources } from './env.ts';
import { etcHosts, parseResolvConf, podDns } from './dns.ts';
import { BackOff, goDuration } from './backoff.ts';
import { qosLimits } from '../node/qos-cgroups.ts';
import { normalImageName, pullPolicy } from './images.ts';
import { containerResources, milliCpuToShares, oomScoreAdj, podCgroupLimits, podCgroupPath, qosClass } from './resources.ts';
import { containerSecurity, nonRootRefusal } from './security.ts';

const container = (extra: Partial<Container> = {}): Container => ({ name: 'a', image: 'i:1', ...extra });
const pod = (spec: Partial<Pod['spec']> = {}): Pod => ({ metadata: { name: 'p', namespace: 'ns', uid: 'u' }, spec: { containers: [container()], ...spec } });
const image = { id: 'sha256:1', repoTags: [], repoDigests: [], size: 1, username: '' };
const gib = 2 ** 30;

describe('environment', () => {
  const service = (name: string, namespace: string, clusterIP: string): Service => ({ metadata: { name, namespace }, spec: { clusterIP, ports: [{ name: 'p', port: 6379, protocol: 'TCP' }] } });
  const sources = (extra: Partial<EnvSources> = {}): EnvSources => ({ podIps: ['10.0.0.5'], hostIp: '192.0.2.1', nodeName: 'n', allocatable: { cpu: '2', memory: '4Gi' }, configMap: async () => undefined, secret: async () => undefined, services: () => [], ...extra });

  /** https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/ */
  test('references', () => {
    const values = new Map([['A', '1'], ['B', '$(A)']]);
    expect([expand('$(A) $$(A) $(NO) $A $', values), expand('$(B)', values), expand('$$$(A)', values)]).toEqual(['1 $(A) $(NO) $A $', '$(A)', '$1']);
  });

  /** The example of https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables */
  test('service variables', () => {
    const named = serviceEnv(pod(), [{ metadata: { name: 'redis-primary', namespace: 'ns' }, spec: { clusterIP: '10.0.0.11', ports: [{ port: 6379 }] } }]);
    expect(Object.fromEntries(named)).toEqual({
      REDIS_PRIMARY_SERVICE_HOST: '10.0.0.11', REDIS_PRIMARY_SERVICE_PORT: '6379', REDIS_PRIMARY_PORT: 'tcp://10.0.0.11:6379', REDIS_PRIMARY_PORT_6379_TCP: 'tcp://10.0.0.11:6379',
      REDIS_PRIMARY_PORT_6379_TCP_PROTO: 'tcp', REDIS_PRIMARY_PORT_6379_TCP_PORT: '6379', REDIS_PRIMARY_PORT_6379_TCP_ADDR: '10.0.0.11',
    });
    const without = serviceEnv(pod({ enableServiceLinks: false }), [service('kubernetes', 'default', '10.96.0.1'), service('x', 'ns', '10.96.0.2'), service('headless', 'ns', 'None')]);
    expect([...without.keys()].filter((name) => name.endsWith('HOST'))).toEqual(['KUBERNETES_SERVICE_HOST']);
  });

  test('missing references say so; optional ones are left out', async () => {
    const wants = (extra: object): Promise<unknown> => containerEnv(pod(), container({ env: [{ name: 'V', valueFrom: extra }] }), sources({ configMap: async (name) => (name === 'there' ? { data: { k: 'v' } } : undefined) }), () => undefined).then((env) => env.get('V'), (error: unknown) => (error as Error).message);
    expect(await wants({ configMapKeyRef: { name: 'there', key: 'k' } })).toBe('v');
    expect(await wants({ configMapKeyRef: { name: 'there', key: 'no' } })).toBe("couldn't find key no in ConfigMap ns/there");
    expect(await wants({ configMapKeyRef: { name: 'no', key: 'k' } })).toBe('configmap "no" not found');
    expect(await wants({ secretKeyRef: { name: 'no', key: 'k', optional: true } })).toBeUndefined();
    expect(await wants({ resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } })).toBe('4096');
    expect(await wants({ fieldRef: { fieldPath: 'status.podIP' } })).toBe('10.0.0.5');
  });
});

describe('resources', () => {
  const burstable = container({ resources: { requests: { cpu: '250m', memory: '1Gi' }, limits: { cpu: '500m' } } });
  const guaranteed = container({ resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } } });

  /** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
  test('quality of service and where it runs', () => {
    expect([pod(), pod({ containers: [burstable] }), pod({ containers: [guaranteed] })].map(qosClass)).toEqual(['BestEffort', 'Burstable', 'Guaranteed']);
    expect(qosClass(pod({ containers: [container({ resources: { limits: { cpu: '1', memory: '1Gi' } } })] }))).toBe('Guaranteed');
    expect([pod(), pod({ containers: [guaranteed] })].map((which) => podCgroupPath('/cox/n', which))).toEqual(['/cox/n/kubepods/besteffort/podu', '/cox/n/kubepods/podu']);
  });

  test('cgroup values', () => {
    expect([0, 1, 250, 1000, 1_000_000].map(milliCpuToShares)).toEqual([2, 2, 256, 1024, 262_144]);
    const cfs = { enabled: true, periodUs: 100_000 };
    expect(containerResources(pod({ containers: [burstable] }), burstable, 4 * gib, cfs)).toEqual({ cpuShares: 256, cpuQuota: 50_000, cpuPeriod: 100_000, memoryLimitInBytes: 0, oomScoreAdj: 750 });
    expect(podCgroupLimits(pod({ containers: [guaranteed, guaranteed] }), cfs, 100)).toEqual({ cpuShares: 2048, cpuQuotaUs: 200_000, cpuPeriodUs: 100_000, memoryBytes: 2 * gib, pids: 100 });
    expect(podCgroupLimits(pod({ containers: [guaranteed, burstable] }), cfs, -1)).toEqual({ cpuShares: 1280, cpuQuotaUs: 150_000, cpuPeriodUs: 100_000 });
  });

  test('groups of the classes', () => {
    expect(qosLimits([pod({ containers: [burstable] }), pod({ containers: [burstable] }), pod()], { cpu: '2', memory: '4Gi' })).toEqual({ Guaranteed: { cpuShares: 2048, memoryBytes: 4 * gib }, Burstable: { cpuShares: 512 }, BestEffort: { cpuShares: 2 } });
  });

  /** https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-out-of-memory-behavior */
  test('who is killed first when memory runs out', () => {
    expect(oomScoreAdj(pod({ containers: [guaranteed] }), guaranteed, 4 * gib)).toBe(-997);
    expect(oomScoreAdj(pod(), container(), 4 * gib)).toBe(1000);
    expect(oomScoreAdj(pod({ containers: [container({ resources: { requests: { memory: '4Gi' } } })] }), container({ resources: { requests: { memory: '4Gi' } } }), 4 * gib)).toBe(3);
  });
});

describe('names and hosts', () => {
  const config = { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local' };
  const resolv = 'nameserver 192.0.2.53\nsearch example.org\noptions edns0\n';

  /** https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy */
  test.each([
    ['ClusterFirst', {}, { servers: ['10.96.0.10'], searches: ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.org'], options: ['ndots:5'] }],
    ['Default', { dnsPolicy: 'Default' }, { servers: ['192.0.2.53'], searches: ['example.org'], options: ['edns0'] }],
    ['ClusterFirst on the host’s network', { hostNetwork: true }, { servers: ['192.0.2.53'], searches: ['example.org'], options: ['edns0'] }],
    ['None', { dnsPolicy: 'None', dnsConfig: { nameservers: ['192.0.2.1'], searches: ['my.dns'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] } }, { servers: ['192.0.2.1'], searches: ['my.dns'], options: ['ndots:2', 'edns0'] }],
  ])('%s', (_name, spec, wanted) => {
    expect(podDns(pod(spec), config, resolv)).toEqual(wanted);
  });

  test('files', () => {
    expect(parseResolvConf('# c\nnameserver 1.1.1.1\nnameserver ::1\nsearch a. b\n')).toEqual({ servers: ['1.1.1.1', '::1'], searches: ['a', 'b'], options: [] });
    const text = etcHosts(pod({ hostname: 'h', subdomain: 's', hostAliases: [{ ip: '127.0.0.1', hostnames: ['foo.local', 'bar.local'] }] }), ['10.0.0.5'], 'cluster.local');
    expect(text).toContain('\n10.0.0.5\th.s.ns.svc.cluster.local\th\n');
    expect(text).toMatch(/# Entries added by HostAliases.\n127\.0\.0\.1\tfoo\.local\tbar\.local\n$/);
  });

  test('images', () => {
    expect(['busybox', 'a/b:1', 'localhost/x', '127.0.0.1:5000/x:2', 'x@sha256:00'].map(normalImageName)).toEqual([
      'docker.io/library/busybox:latest', 'docker.io/a/b:1', 'localhost/x:latest', '127.0.0.1:5000/x:2', 'docker.io/library/x@sha256:00',
    ]);
    expect(['x', 'x:latest', 'x:1', 'r:5000/x'].map((name) => pullPolicy({ name: 'a', image: name }))).toEqual(['Always', 'Always', 'IfNotPresent', 'Always']);
  });
});

describe('security', () => {
  const settings = { seccompDefault: false, seccompRoot: '/seccomp' };

  test('the container’s own settings win over the pod’s', () => {
    const which = pod({ securityContext: { runAsUser: 1, runAsGroup: 2, fsGroup: 3, supplementalGroups: [4], seccompProfile: { type: 'RuntimeDefault' } } });
    const own = container({ securityContext: { runAsUser: 9, allowPrivilegeEscalation: false, capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] } } });
    expect(containerSecurity(which, own, image, settings)).toMatchObject({ runAsUser: { value: 9 }, runAsGroup: { value: 2 }, supplementalGroups: [4, 3], noNewPrivs: true, capabilities: { addCapabilities: ['NET_ADMIN'], dropCapabilities: ['ALL'] }, seccomp: { profileType: 'RuntimeDefault' } });
  });

  test('the image’s user is used where the pod names none, and checked against runAsNonRoot', () => {
    const strict = container({ securityContext: { runAsNonRoot: true } });
    expect(containerSecurity(pod(), container(), { ...image, uid: { value: 65_534 } }, settings).runAsUser).toEqual({ value: 65_534 });
    expect(nonRootRefusal(pod(), strict, { ...image, uid: { value: 65_534 } })).toBeUndefined();
    expect(nonRootRefusal(pod(), strict, image)).toMatch(/image will run as root/);
    expect(nonRootRefusal(pod(), strict, { ...image, username: 'www' })).toMatch(/non-numeric user \(www\)/);
  });
});

describe('back-off', () => {
  test('10 s, doubling, at most 300 s; forgotten after a quiet time', () => {
    let nowMs = 0;
    const backOff = new BackOff({ nowMs: () => nowMs, monotonicMs: () => nowMs }, 10_000, 300_000);
    const delays: number[] = [];
    for (let failure = 0; failure < 7; failure += 1) {
      backOff.next('c');
      delays.push(backOff.delayMs('c') / 1000);
      nowMs += backOff.delayMs('c');
    }
    expect(delays).toEqual([10, 20, 40, 80, 160, 300, 300]);
    expect(backOff.remainingMs('c', nowMs - 100_000)).toBe(200_000);
    nowMs += 600_001;
    expect(backOff.remainingMs('c', nowMs)).toBe(0);
    expect([10_000, 80_000, 300_000, 3_600_000].map(goDuration)).toEqual(['10s', '1m20s', '5m0s', '1h0m0s']);
  });
});
