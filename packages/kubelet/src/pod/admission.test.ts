import type { Node, Pod, PodSpec } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { admissionProblem, type AdmissionInput } from './admission.ts';
import { podStatus } from './status.ts';
import { emptyState } from './runtime-state.ts';

const node: Node = { metadata: { name: 'n', labels: { disk: 'ssd', cores: '8' } } };
const container = (requests: Record<string, string> = {}, ports: NonNullable<PodSpec['containers'][number]['ports']> = []): PodSpec['containers'][number] => ({ name: 'a', image: 'i:1', resources: { requests }, ports });
const pod = (spec: Partial<PodSpec> = {}, status: Pod['status'] = {}): Pod => ({ metadata: { name: 'p', namespace: 'd', uid: 'u' }, spec: { containers: [container()], ...spec }, status });
const allocatable = { cpu: '2', memory: '1Gi', pods: '3', 'ephemeral-storage': '10Gi' };
const admit = (spec: Partial<PodSpec>, extra: Partial<AdmissionInput> = {}): ReturnType<typeof admissionProblem> => admissionProblem({ pod: pod(spec), others: [], node, nodeName: 'n', allocatable, allowedUnsafeSysctls: [], ...extra });

/** Reasons and texts as the original words them (reported in kubernetes/kubernetes#125498 and in its documentation). */
describe('resources', () => {
  test('what fits exactly is admitted', () => {
    expect(admit({ containers: [container({ cpu: '2', memory: '1Gi' })] })).toBeUndefined();
    expect(admit({}, { others: [pod(), pod()] })).toBeUndefined();
  });

  test.each<[string, Partial<PodSpec>, readonly Pod[], string]>([
    ['OutOfcpu', { containers: [container({ cpu: '600m' })] }, [pod({ containers: [container({ cpu: '1500m' })] })], 'cpu, requested: 600, used: 1500, capacity: 2000'],
    ['OutOfmemory', { containers: [container({ memory: '1025Mi' })] }, [], 'memory, requested: 1074790400, used: 0, capacity: 1073741824'],
    ['OutOfpods', {}, [pod(), pod(), pod()], 'pods, requested: 1, used: 3, capacity: 3'],
    ['OutOfephemeral-storage', { containers: [container({ 'ephemeral-storage': '11Gi' })] }, [], 'ephemeral-storage, requested: 11811160064, used: 0, capacity: 10737418240'],
  ])('%s', (reason, spec, others, text) => {
    expect(admit(spec, { others })).toEqual({ reason, message: `Node didn't have enough resource: ${text}` });
  });
});

describe('placement', () => {
  const affinity = (key: string, operator: string, values: string[]): Partial<PodSpec> => ({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }] } } } });

  test('node selector and affinity', () => {
    const refusal = { reason: 'NodeAffinity', message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" };
    expect(admit({ nodeSelector: { disk: 'ssd' } })).toBeUndefined();
    expect(admit({ nodeSelector: { disk: 'hdd' } })).toEqual(refusal);
    expect(admit(affinity('disk', 'In', ['ssd', 'nvme']))).toBeUndefined();
    expect(admit(affinity('disk', 'NotIn', ['ssd']))).toEqual(refusal);
    expect(admit(affinity('cores', 'Gt', ['4']))).toBeUndefined();
    expect(admit(affinity('cores', 'Lt', ['4']))).toEqual(refusal);
    expect(admit({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{}] } } } })).toEqual(refusal);
  });

  test('host ports', () => {
    const refusal = { reason: 'NodePorts', message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports" };
    const web = (port: object): Partial<PodSpec> => ({ containers: [container({}, [{ containerPort: 80, ...port }])] });
    expect(admit(web({ hostPort: 80 }), { others: [pod(web({ hostPort: 80 }))] })).toEqual(refusal);
    expect(admit(web({ hostPort: 80, hostIP: '10.0.0.1' }), { others: [pod(web({ hostPort: 80 }))] })).toEqual(refusal);
    expect(admit(web({ hostPort: 80, hostIP: '10.0.0.1' }), { others: [pod(web({ hostPort: 80, hostIP: '10.0.0.2' }))] })).toBeUndefined();
    expect(admit(web({ hostPort: 80, protocol: 'UDP' }), { others: [pod(web({ hostPort: 80 }))] })).toBeUndefined();
    expect(admit(web({}), { others: [pod(web({}))] })).toBeUndefined();
    expect(admit({ ...web({}), hostNetwork: true }, { others: [pod(web({ hostPort: 80 }))] })).toEqual(refusal);
  });

  test('NoExecute taints only', () => {
    const tainted = (effect: string): Node => ({ ...node, spec: { taints: [{ key: 'gone', value: 'x', effect }] } });
    expect(admit({}, { node: tainted('NoSchedule') })).toBeUndefined();
    expect(admit({}, { node: tainted('NoExecute') })).toEqual({ reason: 'TaintToleration', message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate" });
    expect(admit({ tolerations: [{ key: 'gone', value: 'x' }] }, { node: tainted('NoExecute') })).toBeUndefined();
    expect(admit({ tolerations: [{ operator: 'Exists' }] }, { node: tainted('NoExecute') })).toBeUndefined();
  });
});

describe('sysctls', () => {
  const sysctls = (name: string): Partial<PodSpec> => ({ securityContext: { sysctls: [{ name, value: '1' }] } });
  const refused = (text: string): object => ({ reason: 'SysctlForbidden', message: `forbidden sysctl: ${text}` });

  test('safe ones, allowed ones, and no others', () => {
    expect(admit(sysctls('net.ipv4.tcp_syncookies'))).toBeUndefined();
    expect(admit(sysctls('net/ipv4/tcp_syncookies'))).toBeUndefined();
    expect(admit(sysctls('kernel.msgmax'))).toEqual(refused('"kernel.msgmax" not allowlisted'));
    expect(admit(sysctls('kernel.msgmax'), { allowedUnsafeSysctls: ['kernel.msg*'] })).toBeUndefined();
    expect(admit(sysctls('vm.swappiness'), { allowedUnsafeSysctls: ['kernel.msg*'] })).toEqual(refused('"vm.swappiness" not allowlisted'));
  });

  test('not those that the host’s namespaces would share', () => {
    expect(admit({ ...sysctls('net.ipv4.tcp_syncookies'), hostNetwork: true })).toEqual(refused('"net.ipv4.tcp_syncookies" not allowed with host Net enabled'));
    expect(admit({ ...sysctls('kernel.shm_rmid_forced'), hostIPC: true })).toEqual(refused('"kernel.shm_rmid_forced" not allowed with host IPC enabled'));
  });
});

test('a refused pod has failed without statuses of containers, and goes on to be so', () => {
  const input = { state: emptyState, nowMs: 2000, startedMs: 1000, hostIp: '', waiting: new Map(), ready: () => undefined, started: () => undefined, terminating: true };
  const status = podStatus({ ...input, pod: pod(), failure: { reason: 'OutOfcpu', message: 'Pod was rejected: no' }, rejected: true });
  expect(status).toEqual({ phase: 'Failed', reason: 'OutOfcpu', message: 'Pod was rejected: no', startTime: '1970-01-01T00:00:01Z', qosClass: 'BestEffort' });
  expect(podStatus({ ...input, pod: pod({}, status), failure: undefined })).toEqual(status);
});
