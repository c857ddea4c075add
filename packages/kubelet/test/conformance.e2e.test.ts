/** Official tests of volumes, environment and security by name, each with a pod of its own on real containerd. */
import * as fs from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Container, Node, Pod, PodSpec, Volume } from 'kubernetes-types/core/v1';
import { resources, type ResourceType } from '@coxswain/client';
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

interface Case {
  readonly spec: Partial<PodSpec> & { readonly containers: Container[] };
  /** Lines that `main` writes. */
  readonly lines: readonly string[] | ((pod: Pod, node: Node) => readonly string[]);
  readonly phase?: 'Failed';
  /** What the container said at its end. */
  readonly message?: string;
}

const shell = (script: string, more: Partial<Container> = {}): Container => ({ name: 'main', image, command: ['sh', '-c', script], ...more });
const look = (file: string): string => `stat -L -c %a ${file}; cat ${file}`;
type Source = Omit<Volume, 'name'>;

/** A volume at /v that a script looks at. */
function reads(source: Source, script: string, lines: Case['lines'], more: Partial<PodSpec> = {}, container: Partial<Container> = {}): Case {
  return { spec: { ...more, volumes: [{ name: 'v', ...source }], containers: [shell(script, { volumeMounts: [{ name: 'v', mountPath: '/v' }], ...container })] }, lines };
}

const asUser = { securityContext: { runAsUser: 1000 } };
const nobodyWrites = { securityContext: { runAsUser: 1000, fsGroup: 1001 } };
const mapped = (mode?: number): object => ({ items: [{ key: 'data-2', path: 'path/to/data-2', ...(mode === undefined ? {} : { mode }) }] });
const configMap = (more: object = {}): Source => ({ configMap: { name: 'settings', ...more } });
const secret = (more: object = {}): Source => ({ secret: { secretName: 'hidden', ...more } });
const projected = (source: object, more: object = {}): Source => ({ projected: { sources: [source], ...more } }) as Source;
const projectedMap = (items: object = {}, more: object = {}): Source => projected({ configMap: { name: 'settings', ...items } }, more);
const projectedSecret = (items: object = {}, more: object = {}): Source => projected({ secret: { name: 'hidden', ...items } }, more);
const one = look('/v/data-1');
const two = look('/v/path/to/data-2');

/** The same volume twice in one pod. */
function twice(source: Source): Case {
  return { spec: { volumes: [{ name: 'a', ...source }, { name: 'b', ...source }], containers: [shell('cat /a/data-1; echo; cat /b/data-1', { volumeMounts: [{ name: 'a', mountPath: '/a' }, { name: 'b', mountPath: '/b' }] })] }, lines: ['value-1', 'value-1'] };
}

const resourcesOf = { resources: { requests: { cpu: '200m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } } };
const field = (fieldPath: string, more: object = {}): object => ({ path: 'f', fieldRef: { fieldPath }, ...more });
const amount = (resource: string): object => ({ path: 'f', resourceFieldRef: { containerName: 'main', resource } });
const allocatableCpu = (_pod: Pod, node: Node): string[] => [String(node.status?.allocatable?.['cpu'])];
/** In Ki as the node says it. */
const allocatableMemory = (_pod: Pod, node: Node): string[] => [String(Number(String(node.status?.allocatable?.['memory']).replace('Ki', '')) * 1024)];

/** An emptyDir in which a file with this mode is made. */
function emptyDir(user: 'root' | 'non-root', mode: string, medium: 'default' | 'tmpfs'): Case {
  const type = "awk '$2 == \"/v\" { print $3 }' /proc/mounts";
  const script = `echo -n content > /v/f; chmod ${mode} /v/f; ${look('/v/f')}${medium === 'tmpfs' ? `; echo; ${type}` : ''}`;
  return reads({ emptyDir: medium === 'tmpfs' ? { medium: 'Memory' } : {} }, script, [mode.slice(1), 'content', ...(medium === 'tmpfs' ? ['tmpfs'] : [])], user === 'root' ? {} : asUser);
}

/** A file of a volume mounted by itself, below another path or over a file that is there. */
function subPath(source: Source, key: string, mountPath: string, lines: Case['lines']): Case {
  return { spec: { volumes: [{ name: 'v', ...source }], containers: [shell(`cat ${mountPath}`, { volumeMounts: [{ name: 'v', mountPath, subPath: key }] })] }, lines };
}

const environment = (container: Partial<Container>, script: string, lines: Case['lines']): Case => ({ spec: { containers: [shell(script, container)] }, lines });
const fieldEnv = (fields: Record<string, string>): Partial<Container> => ({ env: Object.entries(fields).map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } })) });
const amountEnv = (names: Record<string, string>): Container['env'] => Object.entries(names).map(([name, resource]) => ({ name, valueFrom: { resourceFieldRef: { resource } } }));
const limits = { CPU_LIMIT: 'limits.cpu', MEMORY_LIMIT: 'limits.memory' };
const values = [{ name: 'FOO', value: 'foo-value' }, { name: 'BAR', value: 'bar-value' }];
const ends = (script: string, container: Partial<Container>, message: string, phase?: 'Failed'): Case => ({ spec: { containers: [shell(script, container)] }, lines: script.includes('echo -n DONE;') ? ['DONE'] : [''], message, ...(phase === undefined ? {} : { phase }) });
const fallBack = { terminationMessagePolicy: 'FallbackToLogsOnError' };
const groups = { runAsUser: 1001, runAsGroup: 2002 };

const cases: Readonly<Record<string, Case>> = {
  '[sig-storage] EmptyDir volumes should support (non-root,0644,default) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('non-root', '0644', 'default'),
  '[sig-storage] EmptyDir volumes should support (non-root,0644,tmpfs) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('non-root', '0644', 'tmpfs'),
  '[sig-storage] EmptyDir volumes should support (non-root,0666,default) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('non-root', '0666', 'default'),
  '[sig-storage] EmptyDir volumes should support (non-root,0666,tmpfs) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('non-root', '0666', 'tmpfs'),
  '[sig-storage] EmptyDir volumes should support (non-root,0777,default) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('non-root', '0777', 'default'),
  '[sig-storage] EmptyDir volumes should support (non-root,0777,tmpfs) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('non-root', '0777', 'tmpfs'),
  '[sig-storage] EmptyDir volumes should support (root,0644,default) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('root', '0644', 'default'),
  '[sig-storage] EmptyDir volumes should support (root,0644,tmpfs) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('root', '0644', 'tmpfs'),
  '[sig-storage] EmptyDir volumes should support (root,0666,default) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('root', '0666', 'default'),
  '[sig-storage] EmptyDir volumes should support (root,0666,tmpfs) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('root', '0666', 'tmpfs'),
  '[sig-storage] EmptyDir volumes should support (root,0777,default) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('root', '0777', 'default'),
  '[sig-storage] EmptyDir volumes should support (root,0777,tmpfs) [LinuxOnly] [NodeConformance] [Conformance]': emptyDir('root', '0777', 'tmpfs'),
  '[sig-storage] EmptyDir volumes volume on default medium should have the correct mode [LinuxOnly] [NodeConformance] [Conformance]': reads({ emptyDir: {} }, 'stat -c %a /v', ['777']),
  '[sig-storage] EmptyDir volumes volume on tmpfs should have the correct mode [LinuxOnly] [NodeConformance] [Conformance]': reads({ emptyDir: { medium: 'Memory' } }, "stat -c %a /v; awk '$2 == \"/v\" { print $3 }' /proc/mounts", ['777', 'tmpfs']),
  '[sig-storage] EmptyDir volumes pod should support shared volumes between containers [Conformance]': {
    spec: { volumes: [{ name: 'v', emptyDir: {} }], containers: [shell('until cat /v/f 2>/dev/null; do sleep 0.1; done', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }), { ...shell('echo Hello from the sub-container > /v/tmp; mv /v/tmp /v/f', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }), name: 'sub' }] },
    lines: ['Hello from the sub-container'],
  },
  '[sig-storage] EmptyDir wrapper volumes should not conflict [Conformance]': { spec: { volumes: [{ name: 'a', ...secret() }, { name: 'b', ...configMap() }], containers: [shell('cat /a/data-1; echo; cat /b/data-1', { volumeMounts: [{ name: 'a', mountPath: '/a' }, { name: 'b', mountPath: '/b' }] })] }, lines: ['value-1', 'value-1'] },

  '[sig-storage] ConfigMap should be consumable from pods in volume [NodeConformance] [Conformance]': reads(configMap(), one, ['644', 'value-1']),
  '[sig-storage] ConfigMap should be consumable from pods in volume as non-root [NodeConformance] [Conformance]': reads(configMap(), one, ['644', 'value-1'], asUser),
  '[sig-storage] ConfigMap should be consumable from pods in volume with defaultMode set [LinuxOnly] [NodeConformance] [Conformance]': reads(configMap({ defaultMode: 0o400 }), one, ['400', 'value-1']),
  '[sig-storage] ConfigMap should be consumable from pods in volume with mappings [NodeConformance] [Conformance]': reads(configMap(mapped()), two, ['644', 'value-2']),
  '[sig-storage] ConfigMap should be consumable from pods in volume with mappings and Item mode set [LinuxOnly] [NodeConformance] [Conformance]': reads(configMap(mapped(0o400)), two, ['400', 'value-2']),
  '[sig-storage] ConfigMap should be consumable from pods in volume with mappings as non-root [NodeConformance] [Conformance]': reads(configMap(mapped()), two, ['644', 'value-2'], asUser),
  '[sig-storage] ConfigMap should be consumable in multiple volumes in the same pod [NodeConformance] [Conformance]': twice(configMap()),
  '[sig-storage] ConfigMap binary data should be reflected in volume [NodeConformance] [Conformance]': reads({ configMap: { name: 'binary' } }, 'cat /v/data-1; echo; od -An -tx1 /v/dump.bin', ['value-1', ' de ca fe ba d0 fe ff']),
  '[sig-storage] Projected configMap should be consumable from pods in volume [NodeConformance] [Conformance]': reads(projectedMap(), one, ['644', 'value-1']),
  '[sig-storage] Projected configMap should be consumable from pods in volume as non-root [NodeConformance] [Conformance]': reads(projectedMap(), one, ['644', 'value-1'], asUser),
  '[sig-storage] Projected configMap should be consumable from pods in volume with defaultMode set [LinuxOnly] [NodeConformance] [Conformance]': reads(projectedMap({}, { defaultMode: 0o400 }), one, ['400', 'value-1']),
  '[sig-storage] Projected configMap should be consumable from pods in volume with mappings [NodeConformance] [Conformance]': reads(projectedMap(mapped()), two, ['644', 'value-2']),
  '[sig-storage] Projected configMap should be consumable from pods in volume with mappings and Item mode set [LinuxOnly] [NodeConformance] [Conformance]': reads(projectedMap(mapped(0o400)), two, ['400', 'value-2']),
  '[sig-storage] Projected configMap should be consumable from pods in volume with mappings as non-root [NodeConformance] [Conformance]': reads(projectedMap(mapped()), two, ['644', 'value-2'], asUser),
  '[sig-storage] Projected configMap should be consumable in multiple volumes in the same pod [NodeConformance] [Conformance]': twice(projectedMap()),

  '[sig-storage] Secrets should be consumable from pods in volume [NodeConformance] [Conformance]': reads(secret(), one, ['644', 'value-1']),
  '[sig-storage] Secrets should be consumable from pods in volume as non-root with defaultMode and fsGroup set [LinuxOnly] [NodeConformance] [Conformance]': reads(secret({ defaultMode: 0o440 }), one, ['440', 'value-1'], nobodyWrites),
  '[sig-storage] Secrets should be consumable from pods in volume with defaultMode set [LinuxOnly] [NodeConformance] [Conformance]': reads(secret({ defaultMode: 0o400 }), one, ['400', 'value-1']),
  '[sig-storage] Secrets should be consumable from pods in volume with mappings [NodeConformance] [Conformance]': reads(secret(mapped()), two, ['644', 'value-2']),
  '[sig-storage] Secrets should be consumable from pods in volume with mappings and Item Mode set [LinuxOnly] [NodeConformance] [Conformance]': reads(secret(mapped(0o400)), two, ['400', 'value-2']),
  '[sig-storage] Secrets should be consumable in multiple volumes in a pod [NodeConformance] [Conformance]': twice(secret()),
  // There is another of this name in another namespace.
  '[sig-storage] Secrets should be able to mount in a volume regardless of a different secret existing with same name in different namespace [NodeConformance] [Conformance]': reads(secret(), `${one}; echo; ls /v`, ['644', 'value-1', 'data-1', 'data-2']),
  '[sig-storage] Projected secret should be consumable from pods in volume [NodeConformance] [Conformance]': reads(projectedSecret(), one, ['644', 'value-1']),
  '[sig-storage] Projected secret should be consumable from pods in volume as non-root with defaultMode and fsGroup set [LinuxOnly] [NodeConformance] [Conformance]': reads(projectedSecret({}, { defaultMode: 0o440 }), one, ['440', 'value-1'], nobodyWrites),
  '[sig-storage] Projected secret should be consumable from pods in volume with defaultMode set [LinuxOnly] [NodeConformance] [Conformance]': reads(projectedSecret({}, { defaultMode: 0o400 }), one, ['400', 'value-1']),
  '[sig-storage] Projected secret should be consumable from pods in volume with mappings [NodeConformance] [Conformance]': reads(projectedSecret(mapped()), two, ['644', 'value-2']),
  '[sig-storage] Projected secret should be consumable from pods in volume with mappings and Item Mode set [LinuxOnly] [NodeConformance] [Conformance]': reads(projectedSecret(mapped(0o400)), two, ['400', 'value-2']),
  '[sig-storage] Projected secret should be consumable in multiple volumes in a pod [NodeConformance] [Conformance]': twice(projectedSecret()),
  '[sig-storage] Projected combined should project all components that make up the projection API [Projection] [NodeConformance] [Conformance]': reads(
    { projected: { sources: [{ configMap: { name: 'settings', items: [{ key: 'data-1', path: 'map' }] } }, { secret: { name: 'hidden', items: [{ key: 'data-2', path: 'secret' }] } }, { downwardAPI: { items: [{ path: 'podname', fieldRef: { fieldPath: 'metadata.name' } }] } }] } },
    'cat /v/map; echo; cat /v/secret; echo; cat /v/podname', (pod) => ['value-1', 'value-2', pod.metadata?.name ?? '']),

  ...Object.fromEntries(([
    ["[sig-storage] Downward API volume should provide container's cpu limit [NodeConformance] [Conformance]", "[sig-storage] Projected downwardAPI should provide container's cpu limit [NodeConformance] [Conformance]", amount('limits.cpu'), ['2'], true],
    ["[sig-storage] Downward API volume should provide container's cpu request [NodeConformance] [Conformance]", "[sig-storage] Projected downwardAPI should provide container's cpu request [NodeConformance] [Conformance]", amount('requests.cpu'), ['1'], true],
    ["[sig-storage] Downward API volume should provide container's memory limit [NodeConformance] [Conformance]", "[sig-storage] Projected downwardAPI should provide container's memory limit [NodeConformance] [Conformance]", amount('limits.memory'), ['67108864'], true],
    ["[sig-storage] Downward API volume should provide container's memory request [NodeConformance] [Conformance]", "[sig-storage] Projected downwardAPI should provide container's memory request [NodeConformance] [Conformance]", amount('requests.memory'), ['33554432'], true],
    ['[sig-storage] Downward API volume should provide node allocatable (cpu) as default cpu limit if the limit is not set [NodeConformance] [Conformance]', '[sig-storage] Projected downwardAPI should provide node allocatable (cpu) as default cpu limit if the limit is not set [NodeConformance] [Conformance]', amount('limits.cpu'), allocatableCpu, false],
    ['[sig-storage] Downward API volume should provide node allocatable (memory) as default memory limit if the limit is not set [NodeConformance] [Conformance]', '[sig-storage] Projected downwardAPI should provide node allocatable (memory) as default memory limit if the limit is not set [NodeConformance] [Conformance]', amount('limits.memory'), allocatableMemory, false],
    ['[sig-storage] Downward API volume should provide podname only [NodeConformance] [Conformance]', '[sig-storage] Projected downwardAPI should provide podname only [NodeConformance] [Conformance]', field('metadata.name'), (pod: Pod) => [pod.metadata?.name ?? ''], false],
  ] as const).flatMap(([name, other, item, lines, limited]) => [[name, { downwardAPI: { items: [item] } }], [other, projected({ downwardAPI: { items: [item] } })]].map(([key, source]) => [key, reads(source as Source, 'cat /v/f', lines, {}, limited ? resourcesOf : {})]))) as Record<string, Case>,
  '[sig-storage] Downward API volume should set DefaultMode on files [LinuxOnly] [NodeConformance] [Conformance]': reads({ downwardAPI: { defaultMode: 0o400, items: [field('metadata.name')] } } as Source, 'stat -L -c %a /v/f', ['400']),
  '[sig-storage] Downward API volume should set mode on item file [LinuxOnly] [NodeConformance] [Conformance]': reads({ downwardAPI: { items: [field('metadata.name', { mode: 0o400 })] } } as Source, 'stat -L -c %a /v/f', ['400']),
  '[sig-storage] Projected downwardAPI should set DefaultMode on files [LinuxOnly] [NodeConformance] [Conformance]': reads(projected({ downwardAPI: { items: [field('metadata.name')] } }, { defaultMode: 0o400 }), 'stat -L -c %a /v/f', ['400']),
  '[sig-storage] Projected downwardAPI should set mode on item file [LinuxOnly] [NodeConformance] [Conformance]': reads(projected({ downwardAPI: { items: [field('metadata.name', { mode: 0o400 })] } }), 'stat -L -c %a /v/f', ['400']),

  '[sig-storage] Subpath Atomic writer volumes should support subpaths with configmap pod [Conformance]': subPath(configMap(), 'data-1', '/probe/data-1', ['value-1']),
  '[sig-storage] Subpath Atomic writer volumes should support subpaths with configmap pod with mountPath of existing file [Conformance]': subPath(configMap(), 'data-1', '/etc/passwd', ['value-1']),
  '[sig-storage] Subpath Atomic writer volumes should support subpaths with downward pod [Conformance]': subPath({ downwardAPI: { items: [field('metadata.name')] } } as Source, 'f', '/probe/f', (pod) => [pod.metadata?.name ?? '']),
  '[sig-storage] Subpath Atomic writer volumes should support subpaths with projected pod [Conformance]': subPath(projectedMap(), 'data-1', '/probe/data-1', ['value-1']),
  '[sig-storage] Subpath Atomic writer volumes should support subpaths with secret pod [Conformance]': subPath(secret(), 'data-1', '/probe/data-1', ['value-1']),

  '[sig-node] ConfigMap should be consumable via environment variable [NodeConformance] [Conformance]': environment({ env: [{ name: 'CONFIG_DATA_1', valueFrom: { configMapKeyRef: { name: 'settings', key: 'data-1' } } }] }, 'env | grep ^CONFIG', ['CONFIG_DATA_1=value-1']),
  '[sig-node] ConfigMap should be consumable via the environment [NodeConformance] [Conformance]': environment({ envFrom: [{ configMapRef: { name: 'names' } }, { prefix: 'p_', configMapRef: { name: 'names' } }] }, 'env | grep data_ | sort', ['data_1=value-1', 'data_2=value-2', 'p_data_1=value-1', 'p_data_2=value-2']),
  '[sig-node] Secrets should be consumable from pods in env vars [NodeConformance] [Conformance]': environment({ env: [{ name: 'SECRET_DATA', valueFrom: { secretKeyRef: { name: 'hidden', key: 'data-1' } } }] }, 'env | grep ^SECRET', ['SECRET_DATA=value-1']),
  '[sig-node] Secrets should be consumable via the environment [NodeConformance] [Conformance]': environment({ envFrom: [{ secretRef: { name: 'secret-names' } }, { prefix: 'p_', secretRef: { name: 'secret-names' } }] }, 'env | grep data_ | sort', ['data_1=value-1', 'p_data_1=value-1']),
  '[sig-node] Downward API should provide pod name, namespace and IP address as env vars [NodeConformance] [Conformance]': environment(fieldEnv({ POD_NAME: 'metadata.name', POD_NAMESPACE: 'metadata.namespace', POD_IP: 'status.podIP' }), 'echo $POD_NAME $POD_NAMESPACE $POD_IP', (pod) => [`${pod.metadata?.name} default ${pod.status?.podIP}`]),
  '[sig-node] Downward API should provide host IP as an env var [NodeConformance] [Conformance]': environment(fieldEnv({ HOST_IP: 'status.hostIP' }), 'echo $HOST_IP', (pod) => [pod.status?.hostIP ?? 'none']),
  '[sig-node] Downward API should provide hostIPs as an env var [NodeConformance] [Conformance]': environment(fieldEnv({ HOST_IPS: 'status.hostIPs' }), 'echo $HOST_IPS', (pod) => [pod.status?.hostIPs?.map((host) => host.ip).join(',') ?? 'none']),
  '[sig-node] Downward API should provide pod UID as env vars [NodeConformance] [Conformance]': environment(fieldEnv({ POD_UID: 'metadata.uid' }), 'echo $POD_UID', (pod) => [pod.metadata?.uid ?? 'none']),
  "[sig-node] Downward API should provide container's limits.cpu/memory and requests.cpu/memory as env vars [NodeConformance] [Conformance]": environment({ ...resourcesOf, env: amountEnv({ ...limits, CPU_REQUEST: 'requests.cpu', MEMORY_REQUEST: 'requests.memory' }) ?? [] }, 'echo $CPU_LIMIT $MEMORY_LIMIT $CPU_REQUEST $MEMORY_REQUEST', ['2 67108864 1 33554432']),
  '[sig-node] Downward API should provide default limits.cpu/memory from node allocatable [NodeConformance] [Conformance]': environment({ env: amountEnv(limits) ?? [] }, 'echo $CPU_LIMIT; echo $MEMORY_LIMIT', (pod, node) => [...allocatableCpu(pod, node), ...allocatableMemory(pod, node)]),
  '[sig-node] Variable Expansion should allow composing env vars into new env vars [NodeConformance] [Conformance]': environment({ env: [...values, { name: 'FOOBAR', value: '$(FOO);;$(BAR)' }] }, 'echo "$FOO $BAR $FOOBAR"', ['foo-value bar-value foo-value;;bar-value']),
  "[sig-node] Variable Expansion should allow substituting values in a container's command [NodeConformance] [Conformance]": environment({ command: ['sh', '-c', 'TEST_VAR=wrong echo "$(FOO)"'], env: values }, '', ['foo-value']),
  "[sig-node] Variable Expansion should allow substituting values in a container's args [NodeConformance] [Conformance]": environment({ command: ['sh', '-c'], args: ['FOO=wrong echo "$(FOO)"'], env: values }, '', ['foo-value']),
  '[sig-node] Variable Expansion should allow substituting values in a volume subpath [Conformance]': { spec: { volumes: [{ name: 'v', emptyDir: {} }], containers: [shell('test -d /all/foo; echo $?', { env: [{ name: 'POD_NAME', value: 'foo' }], volumeMounts: [{ name: 'v', mountPath: '/part', subPathExpr: '$(POD_NAME)' }, { name: 'v', mountPath: '/all' }] })] }, lines: ['0'] },
  "[sig-node] Containers should be able to override the image's default command (container entrypoint) [NodeConformance] [Conformance]": { spec: { containers: [{ name: 'main', image: 'coxswain.local/pause:1', command: ['/bin/echo', 'mine'] }] }, lines: ['mine'] },
  "[sig-node] Containers should be able to override the image's default command and arguments [NodeConformance] [Conformance]": { spec: { containers: [{ name: 'main', image: 'coxswain.local/pause:1', command: ['/bin/echo'], args: ['override', 'arguments'] }] }, lines: ['override arguments'] },

  '[sig-node] Container Runtime blackbox test on terminated container should report termination message as empty when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set [NodeConformance] [Conformance]': ends('echo -n DONE; exit 0', fallBack, ''),
  '[sig-node] Container Runtime blackbox test on terminated container should report termination message from file when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set [NodeConformance] [Conformance]': ends('echo -n OK > /dev/termination-log', fallBack, 'OK'),
  '[sig-node] Container Runtime blackbox test on terminated container should report termination message from log output if TerminationMessagePolicy FallbackToLogsOnError is set [NodeConformance] [Conformance]': ends('echo -n DONE; exit 1', fallBack, 'DONE', 'Failed'),
  '[sig-node] Container Runtime blackbox test on terminated container should report termination message if TerminationMessagePath is set as non-root user and at a non-default path [NodeConformance] [Conformance]': ends('echo -n DONE > /dev/termination-custom-log', { terminationMessagePath: '/dev/termination-custom-log', securityContext: { runAsUser: 1000 } }, 'DONE'),

  '[sig-node] Kubelet when scheduling a busybox command in a pod should print the output to logs [NodeConformance] [Conformance]': environment({}, "echo 'Hello World'", ['Hello World']),
  '[sig-node] Kubelet when scheduling a read only busybox container should not write to root filesystem [LinuxOnly] [NodeConformance] [Conformance]': environment({ securityContext: { readOnlyRootFilesystem: true } }, '(echo test > /file) 2>/dev/null || echo refused; ls /file 2>/dev/null || true', ['refused']),
  '[sig-node] Security Context When creating a pod with readOnlyRootFilesystem should run the container with writable rootfs when readOnlyRootFilesystem=false [NodeConformance] [Conformance]': environment({ securityContext: { readOnlyRootFilesystem: false } }, 'echo checking > /file && cat /file', ['checking']),
  '[sig-node] Kubelet when scheduling an agnhost Pod with hostAliases should write entries to /etc/hosts [NodeConformance] [Conformance]': { spec: { hostAliases: [{ ip: '123.45.67.89', hostnames: ['foo', 'bar'] }], containers: [shell('grep 123.45.67.89 /etc/hosts')] }, lines: ['123.45.67.89\tfoo\tbar'] },
  '[sig-node] Security Context When creating a container with runAsUser should run the container with uid 65534 [LinuxOnly] [NodeConformance] [Conformance]': environment({ securityContext: { runAsUser: 65534 } }, 'id -u', ['65534']),
  '[sig-node] Security Context When creating a pod with privileged should run the container as unprivileged when false [LinuxOnly] [NodeConformance] [Conformance]': environment({ securityContext: { privileged: false } }, 'ip link add dummy0 type dummy 2>&1 | grep -o "Operation not permitted"', ['Operation not permitted']),
  '[sig-node] Security Context should support container.SecurityContext.RunAsUser And container.SecurityContext.RunAsGroup [LinuxOnly] [Conformance]': environment({ securityContext: groups }, 'id -u; id -g', ['1001', '2002']),
  '[sig-node] Security Context should support pod.Spec.SecurityContext.RunAsUser And pod.Spec.SecurityContext.RunAsGroup [LinuxOnly] [Conformance]': { spec: { securityContext: groups, containers: [shell('id -u; id -g')] }, lines: ['1001', '2002'] },
  '[sig-node] Sysctls [LinuxOnly] [NodeConformance] should support sysctls [MinimumKubeletVersion:1.21] [Environment:NotInUserNS] [Conformance]': { spec: { securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] }, containers: [shell('cat /proc/sys/kernel/shm_rmid_forced')] }, lines: ['1'] },
  '[sig-node] InitContainer [NodeConformance] should invoke init containers on a RestartNever pod [Conformance]': { spec: { initContainers: ['init1', 'init2'].map((name) => ({ ...shell('/bin/true'), name })), containers: [shell('echo ran')] }, lines: ['ran'] },
};

describe.skipIf(missingTools.length > 0)('official tests on real containerd', () => {
  let containerd: TestContainerd;
  let cri: CriConnection;
  let api: FakeApi;
  let kubelet: RunningKubelet;
  let config: KubeletConfig;
  let node: Node;
  const host = createRealHost(silentLogger);
  const nameOf = (index: number): string => `case-${index}`;

  beforeAll(async () => {
    containerd = await startContainerd({ subnet: '10.231.7.0/24' });
    cri = connectRuntime(containerd.endpoint);
    api = new FakeApi();
    config = testConfig(containerd.directory, containerd.cgroupRoot);
    kubelet = await startKubelet(config, host, { runtime: cri.runtime, system: createLinuxSystem(), client: api });
    await kubelet.ready;
    node = await api.until<Node>(resources.nodes, { name: 'node-1' }, (object) => object?.status?.allocatable !== undefined) as Node;
    const data = { 'data-1': 'value-1', 'data-2': 'value-2' };
    await api.create(resources.configmaps, { metadata: { name: 'settings', namespace: 'default' }, data });
    await api.create(resources.configmaps, { metadata: { name: 'names', namespace: 'default' }, data: { data_1: 'value-1', data_2: 'value-2' } });
    await api.create(resources.configmaps, { metadata: { name: 'binary', namespace: 'default' }, data: { 'data-1': 'value-1' }, binaryData: { 'dump.bin': Buffer.from('decafebad0feff', 'hex').toString('base64') } });
    await api.create(resources.secrets, { metadata: { name: 'hidden', namespace: 'default' }, data: { 'data-1': btoa('value-1'), 'data-2': btoa('value-2') } });
    await api.create(resources.secrets, { metadata: { name: 'hidden', namespace: 'other' }, data: { 'this_should_not_match_content_of_other_secret': btoa('similarly') } });
    await api.create(resources.secrets, { metadata: { name: 'secret-names', namespace: 'default' }, data: { data_1: btoa('value-1') } });
    for (const [index, { spec }] of Object.values(cases).entries()) await api.create<Pod>(pods, { metadata: { name: nameOf(index), namespace: 'default' }, spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 0, restartPolicy: 'Never', ...spec } });
  });

  afterAll(async () => {
    await kubelet?.stop();
    cri?.close();
    await containerd?.close();
  });

  async function logOf(pod: Pod): Promise<string[]> {
    const text = await fs.readFile(`${config.podLogsDir}/default_${pod.metadata?.name}_${pod.metadata?.uid}/main/0.log`, 'utf8');
    return text.split('\n').filter((line) => line !== '').map((line) => line.replace(/^\S+ \S+ [FP] /, ''));
  }

  test.each(Object.entries(cases).map(([name, one], index) => [name, one, nameOf(index)] as const))('%s', async (_name, { lines, phase = 'Succeeded', message }, name) => {
    const pod = await api.until<Pod>(pods, { namespace: 'default', name }, (object) => ['Succeeded', 'Failed'].includes(object?.status?.phase ?? ''), 300_000) as Pod;
    const expected = typeof lines === 'function' ? lines(pod, node) : lines;
    expect([pod.status?.phase, await logOf(pod)]).toEqual([phase, expected.filter((line) => line !== '')]);
    if (message !== undefined) expect(pod.status?.containerStatuses?.[0]?.state?.terminated?.message ?? '').toBe(message);
    for (const init of pod.status?.initContainerStatuses ?? []) expect([init.ready, init.state?.terminated?.exitCode]).toEqual([true, 0]);
  });

  /** A pod whose containers sleep, once they run; each has a volume at /v. */
  async function sleeping(name: string, volumes: Readonly<Record<string, Source>>, metadata: object = {}): Promise<Pod> {
    const containers = Object.keys(volumes).map((volume) => ({ ...shell('exec sleep 3600', { volumeMounts: [{ name: volume, mountPath: '/v' }] }), name: volume }));
    await api.create<Pod>(pods, { metadata: { ...metadata, name, namespace: 'default' }, spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 0, volumes: Object.entries(volumes).map(([volume, source]) => ({ name: volume, ...source })), containers } });
    return await api.until<Pod>(pods, { namespace: 'default', name }, (pod) => pod?.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true, 120_000) as Pod;
  }

  /** What a file in a container says; nothing if it is not there. */
  async function file(pod: Pod, container: string, path: string): Promise<string> {
    const id = pod.status?.containerStatuses?.find((one) => one.name === container)?.containerID?.replace('containerd://', '') ?? '';
    const { stdout } = await cri.runtime.execSync(id, ['sh', '-c', `cat ${path} 2>/dev/null`], 5);
    return Buffer.from(stdout).toString('utf8');
  }

  const patient = { timeout: 120_000, interval: 200 };

  test.each<[string, (name: string) => Source]>([
    ['[sig-storage] ConfigMap updates should be reflected in volume [NodeConformance] [Conformance]', (name) => ({ configMap: { name } })],
    ['[sig-storage] Projected configMap updates should be reflected in volume [NodeConformance] [Conformance]', (name) => projected({ configMap: { name } })],
  ])('%s', async (title, source) => {
    const name = `changing-${title.length}`;
    const key = { namespace: 'default', name };
    await api.create(resources.configmaps, { metadata: key, data: { 'data-1': 'value-1' } });
    const pod = await sleeping(name, { main: source(name) });
    expect(await file(pod, 'main', '/v/data-1')).toBe('value-1');
    await api.update(resources.configmaps, { ...await api.get(resources.configmaps, key), data: { 'data-1': 'value-2' } });
    await expect.poll(() => file(pod, 'main', '/v/data-1'), patient).toBe('value-2');
    await api.delete(pods, key);
  });

  test.each<[string, (name: string) => Source, 'configmaps' | 'secrets']>([
    ['[sig-storage] ConfigMap optional updates should be reflected in volume [NodeConformance] [Conformance]', (name) => ({ configMap: { name, optional: true } }), 'configmaps'],
    ['[sig-storage] Projected configMap optional updates should be reflected in volume [NodeConformance] [Conformance]', (name) => projected({ configMap: { name, optional: true } }), 'configmaps'],
    ['[sig-storage] Secrets optional updates should be reflected in volume [NodeConformance] [Conformance]', (name) => ({ secret: { secretName: name, optional: true } }), 'secrets'],
    ['[sig-storage] Projected secret optional updates should be reflected in volume [NodeConformance] [Conformance]', (name) => projected({ secret: { name, optional: true } }), 'secrets'],
  ])('%s', async (title, source, plural) => {
    const base = `optional-${title.length}`;
    const type = resources[plural] as ResourceType;
    const content = (values: Record<string, string>): object => ({ data: plural === 'secrets' ? Object.fromEntries(Object.entries(values).map(([key, value]) => [key, btoa(value)])) : values });
    const key = (which: string): { namespace: string; name: string } => ({ namespace: 'default', name: `${base}-${which}` });
    for (const which of ['delete', 'update']) await api.create(type, { metadata: key(which), ...content({ 'data-1': 'value-1' }) });
    const pod = await sleeping(base, Object.fromEntries(['delete', 'update', 'create'].map((which) => [which, source(`${base}-${which}`)])));
    const seen = async (): Promise<string[]> => [await file(pod, 'create', '/v/data-1'), await file(pod, 'update', '/v/data-3'), await file(pod, 'delete', '/v/data-1')];
    expect(await seen()).toEqual(['', '', 'value-1']);
    await api.delete(type, key('delete'));
    await api.update(type, { ...await api.get(type, key('update')), ...content({ 'data-3': 'value-3' }) });
    await api.create(type, { metadata: key('create'), ...content({ 'data-1': 'value-1' }) });
    await expect.poll(seen, patient).toEqual(['value-1', 'value-3', '']);
    expect(await file(pod, 'update', '/v/data-1')).toBe('');
    await api.delete(pods, { namespace: 'default', name: base });
  });

  test.each<[string, string]>([
    ['[sig-node] Variable Expansion should fail substituting values in a volume subpath with absolute path [Conformance]', '/tmp'],
    ['[sig-node] Variable Expansion should fail substituting values in a volume subpath with backticks [Conformance]', '..'],
  ])('%s', async (title, value) => {
    const name = `outside-${title.length}`;
    const main = shell('exec sleep 3600', { env: [{ name: 'POD_NAME', value }], volumeMounts: [{ name: 'v', mountPath: '/part', subPathExpr: '$(POD_NAME)' }] });
    await api.create<Pod>(pods, { metadata: { name, namespace: 'default' }, spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 0, volumes: [{ name: 'v', emptyDir: {} }], containers: [main] } });
    const pod = await api.until<Pod>(pods, { namespace: 'default', name }, (object) => object?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError', 120_000);
    expect(pod?.status).toMatchObject({ phase: 'Pending', containerStatuses: [{ restartCount: 0, started: false }] });
    await api.delete(pods, { namespace: 'default', name });
  });

  test('[sig-node] InitContainer [NodeConformance] should not start app containers if init containers fail on a RestartAlways pod [Conformance]', async () => {
    const key = { namespace: 'default', name: 'never-begun' };
    const inits = ['/bin/false', '/bin/true'].map((script, index) => ({ ...shell(script), name: `init${index + 1}` }));
    await api.create<Pod>(pods, { metadata: key, spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 0, restartPolicy: 'Always', initContainers: inits, containers: [{ ...shell('exec sleep 3600'), name: 'run1' }] } });
    // Three failures, as the suite waits for.
    const pod = await api.until<Pod>(pods, key, (object) => (object?.status?.initContainerStatuses?.[0]?.restartCount ?? 0) >= 3, 180_000);
    expect(pod?.status).toMatchObject({ phase: 'Pending', containerStatuses: [{ name: 'run1', restartCount: 0, started: false, state: { waiting: { reason: 'PodInitializing' } } }] });
    expect(pod?.status?.initContainerStatuses?.[1]).toMatchObject({ restartCount: 0, state: { waiting: { reason: 'PodInitializing' } } });
    expect(pod?.status?.conditions?.find((one) => one.type === 'Initialized')).toMatchObject({ status: 'False', reason: 'ContainersNotInitialized', message: 'containers with incomplete status: [init1 init2]' });
    await api.delete(pods, key);
  });

  const items = (kind: string): object => ({ items: [field(`metadata.${kind}`)] });
  test.each<[string, 'labels' | 'annotations', Source]>([
    ['[sig-storage] Downward API volume should update labels on modification [NodeConformance] [Conformance]', 'labels', { downwardAPI: items('labels') }],
    ['[sig-storage] Downward API volume should update annotations on modification [NodeConformance] [Conformance]', 'annotations', { downwardAPI: items('annotations') }],
    ['[sig-storage] Projected downwardAPI should update labels on modification [NodeConformance] [Conformance]', 'labels', projected({ downwardAPI: items('labels') })],
    ['[sig-storage] Projected downwardAPI should update annotations on modification [NodeConformance] [Conformance]', 'annotations', projected({ downwardAPI: items('annotations') })],
  ])('%s', async (title, kind, source) => {
    const name = `told-${title.length}`;
    const pod = await sleeping(name, { main: source }, { [kind]: { key1: 'value1', key2: 'value2' } });
    expect(await file(pod, 'main', '/v/f')).toMatch(/^key1="value1"\nkey2="value2"\n?$/m);
    const now = await api.get<Pod>(pods, { namespace: 'default', name });
    await api.update(pods, { ...now, metadata: { ...now.metadata, [kind]: { ...now.metadata?.[kind], key3: 'value3' } } });
    await expect.poll(() => file(pod, 'main', '/v/f'), patient).toMatch(/^key3="value3"$/m);
    await api.delete(pods, { namespace: 'default', name });
  });
});
