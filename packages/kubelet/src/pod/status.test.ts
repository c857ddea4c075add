import { describe, expect, test } from 'vitest';
import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import type { ContainerState } from '../cri/types.ts';
import { podActions, type ActionInput } from './actions.ts';
import { statusPatch } from './status-manager.ts';
import { latestStatus, podStatus, type StatusInput } from './status.ts';
import type { ContainerRecord, PodRuntimeState } from './runtime-state.ts';

const sandbox = (state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY' = 'SANDBOX_READY') => ({ id: 's1', metadata: { name: 'p', uid: 'u', namespace: 'd', attempt: 0 }, state, createdAt: 1, labels: {}, annotations: {}, network: { ip: '10.0.0.5', additionalIps: [] } });

function record(name: string, state: ContainerState, exitCode = 0, extra: Partial<ContainerRecord> = {}): ContainerRecord {
  const ended = state === 'CONTAINER_EXITED';
  const id = `${name}-${extra.restartCount ?? 0}`;
  return {
    id, name, sandboxId: 's1', restartCount: 0,
    status: { id, metadata: { name, attempt: 0 }, state, createdAt: 1e9, startedAt: 1e9, finishedAt: ended ? 2e9 : 0, exitCode, image: { image: 'i:1' }, imageRef: 'sha256:1', reason: '', message: '', labels: {}, annotations: {}, logPath: '' },
    ...extra,
  };
}

const state = (containers: readonly ContainerRecord[], ready = true): PodRuntimeState => ({ sandboxes: [sandbox()], sandbox: sandbox(ready ? 'SANDBOX_READY' : 'SANDBOX_NOTREADY'), containers });
const pod = (spec: Partial<PodSpec>, status: Pod['status'] = {}): Pod => ({ metadata: { name: 'p', namespace: 'd', uid: 'u' }, spec: { containers: [{ name: 'a', image: 'i:1' }], ...spec }, status });
const two = { containers: [{ name: 'a', image: 'i:1' }, { name: 'b', image: 'i:1' }] };

function status(which: Pod, runtime: PodRuntimeState, extra: Partial<StatusInput> = {}): Pod['status'] {
  return podStatus({ pod: which, state: runtime, nowMs: 10_000, hostIp: '192.0.2.1', startedMs: 1000, waiting: new Map(), ready: () => undefined, started: () => undefined, terminating: false, failure: undefined, ...extra });
}

/** The rules of the pod lifecycle page: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase */
describe('pod phase', () => {
  test.each<[string, Partial<PodSpec>, readonly ContainerRecord[], boolean, string]>([
    ['nothing yet', {}, [], false, 'Pending'],
    ['one of two is not created', two, [record('a', 'CONTAINER_RUNNING')], false, 'Pending'],
    ['all run', two, [record('a', 'CONTAINER_RUNNING'), record('b', 'CONTAINER_RUNNING')], false, 'Running'],
    ['one ended, one runs', { ...two, restartPolicy: 'Never' }, [record('a', 'CONTAINER_EXITED', 1), record('b', 'CONTAINER_RUNNING')], false, 'Running'],
    ['all ended well, Never', { restartPolicy: 'Never' }, [record('a', 'CONTAINER_EXITED')], false, 'Succeeded'],
    ['all ended well, OnFailure', { restartPolicy: 'OnFailure' }, [record('a', 'CONTAINER_EXITED')], false, 'Succeeded'],
    ['ended badly, Never', { restartPolicy: 'Never' }, [record('a', 'CONTAINER_EXITED', 1)], false, 'Failed'],
    ['ended badly, OnFailure: to be restarted', { restartPolicy: 'OnFailure' }, [record('a', 'CONTAINER_EXITED', 1)], false, 'Running'],
    ['ended, Always: to be restarted', {}, [record('a', 'CONTAINER_EXITED')], false, 'Running'],
    ['deleted, all ended badly', {}, [record('a', 'CONTAINER_EXITED', 137)], true, 'Failed'],
    ['init runs', { initContainers: [{ name: 'i' }] }, [record('i', 'CONTAINER_RUNNING')], false, 'Pending'],
    ['init failed, Never', { initContainers: [{ name: 'i' }], restartPolicy: 'Never' }, [record('i', 'CONTAINER_EXITED', 1)], false, 'Failed'],
    ['init failed, Always', { initContainers: [{ name: 'i' }] }, [record('i', 'CONTAINER_EXITED', 1)], false, 'Pending'],
  ])('%s', (_name, spec, containers, terminating, phase) => {
    expect(status(pod(spec), state(containers), { terminating })?.phase).toBe(phase);
  });

  test('what has ended stays ended', () => {
    expect(status(pod({}, { phase: 'Succeeded' }), state([]))?.phase).toBe('Succeeded');
  });
});

describe('container statuses and conditions', () => {
  test('reasons of waiting containers', () => {
    expect(status(pod({}), state([]))?.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
    expect(status(pod({ initContainers: [{ name: 'i' }] }), state([]))?.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
    const crashed = status(pod({}), state([record('a', 'CONTAINER_EXITED', 2, { restartCount: 4 })]), { waiting: new Map([['a', { reason: 'CrashLoopBackOff', message: 'back-off' }]]) });
    expect(crashed?.containerStatuses?.[0]).toMatchObject({ state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode: 2, reason: 'Error', finishedAt: '1970-01-01T00:00:02Z' } }, restartCount: 4, ready: false });
  });

  test('readiness follows the probes, and the started state', () => {
    const probed = pod({ containers: [{ name: 'a', image: 'i:1', readinessProbe: {}, startupProbe: {} }] });
    const running = state([record('a', 'CONTAINER_RUNNING')]);
    expect(status(probed, running, { ready: () => true })?.containerStatuses?.[0]).toMatchObject({ ready: false, started: false });
    expect(status(probed, running, { ready: () => true, started: () => true })?.containerStatuses?.[0]).toMatchObject({ ready: true, started: true });
    const unready = status(probed, running, { started: () => true })?.conditions?.find((condition) => condition.type === 'Ready');
    expect(unready).toMatchObject({ status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [a]' });
  });

  test('a readiness gate holds back Ready, not ContainersReady', () => {
    const gated = status(pod({ readinessGates: [{ conditionType: 'x/y' }] }), state([record('a', 'CONTAINER_RUNNING')]));
    expect(gated?.conditions?.map((condition) => [condition.type, condition.status])).toEqual([['PodReadyToStartContainers', 'True'], ['Initialized', 'True'], ['Ready', 'False'], ['ContainersReady', 'True'], ['PodScheduled', 'True']]);
    expect(gated?.conditions?.[2]?.message).toBe('corresponding condition of pod readiness gate "x/y" does not exist.');
  });

  test('a transition time changes only with the status', () => {
    const old = [{ type: 'Ready', status: 'True', lastTransitionTime: '2020-01-01T00:00:00Z' }, { type: 'Initialized', status: 'False', lastTransitionTime: '2020-01-01T00:00:00Z' }];
    const next = status(pod({}, { conditions: old }), state([record('a', 'CONTAINER_RUNNING')]))?.conditions;
    expect(next?.find((condition) => condition.type === 'Ready')?.lastTransitionTime).toBe('2020-01-01T00:00:00Z');
    expect(next?.find((condition) => condition.type === 'Initialized')?.lastTransitionTime).toBe('1970-01-01T00:00:10Z');
  });
});

describe('what is written', () => {
  test('conditions of others come from the server, the kubelet\'s own from itself', () => {
    const own = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }, { type: 'example.com/gate', status: 'False' }] };
    const server = { phase: 'Pending', conditions: [{ type: 'Ready', status: 'False' }, { type: 'example.com/gate', status: 'True' }] };
    expect(latestStatus(own, server)).toEqual({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }, { type: 'example.com/gate', status: 'True' }] });
    expect([latestStatus(undefined, server), latestStatus(undefined, undefined)]).toEqual([server, {}]);
  });

  test('only what changed; texts that are gone are named', () => {
    const before = { phase: 'Pending', conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'm' }, { type: 'PodScheduled', status: 'True' }], podIPs: [{ ip: '10.0.0.1' }] };
    const after = { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }, { type: 'Ready', status: 'True' }], podIPs: [{ ip: '10.0.0.2' }] };
    expect(statusPatch(before, after)).toEqual({ conditions: [{ type: 'Ready', status: 'True', reason: null, message: null }], podIPs: [{ ip: '10.0.0.2' }, { $patch: 'delete', ip: '10.0.0.1' }] });
    expect(statusPatch(after, { ...after, conditions: [...after.conditions].reverse() })).toEqual({});
  });
});

describe('next actions', () => {
  const act = (which: Pod, runtime: PodRuntimeState, extra: Partial<ActionInput> = {}): string => {
    const actions = podActions({ pod: which, state: runtime, hash: () => 'h', livenessFailed: () => false, startupFailed: () => false, started: () => undefined, ...extra });
    return [
      ...(actions.killPod ? ['kill pod'] : []), ...(actions.createSandbox ? ['sandbox'] : []), ...actions.kill.map(({ record: killed, message }) => `kill ${killed.name}: ${message}`),
      ...[...actions.startInit, ...actions.start].map((container) => `start ${container.name}`),
    ].join('; ');
  };
  const none: PodRuntimeState = { sandboxes: [], sandbox: undefined, containers: [] };

  test.each<[string, Partial<PodSpec>, PodRuntimeState, string]>([
    ['a new pod', {}, none, 'sandbox; start a'],
    ['a new pod with init', { initContainers: [{ name: 'i' }] }, none, 'sandbox; start i'],
    ['init ended well', { initContainers: [{ name: 'i' }, { name: 'j' }] }, state([record('i', 'CONTAINER_EXITED')]), 'start j'],
    ['the last init ended well', { initContainers: [{ name: 'i' }] }, state([record('i', 'CONTAINER_EXITED')]), 'start a'],
    ['init failed', { initContainers: [{ name: 'i' }] }, state([record('i', 'CONTAINER_EXITED', 1)]), 'start i'],
    ['init failed, Never', { initContainers: [{ name: 'i' }], restartPolicy: 'Never' }, state([record('i', 'CONTAINER_EXITED', 1)]), 'kill pod'],
    ['a sidecar starts before the next init', { initContainers: [{ name: 's', restartPolicy: 'Always' }, { name: 'i' }] }, state([record('s', 'CONTAINER_RUNNING')]), 'start i'],
    ['a sidecar with a startup probe is waited for', { initContainers: [{ name: 's', restartPolicy: 'Always', startupProbe: {} }, { name: 'i' }] }, state([record('s', 'CONTAINER_RUNNING')]), ''],
    ['a sidecar that ended is started again', { initContainers: [{ name: 's', restartPolicy: 'Always' }], restartPolicy: 'Never' }, state([record('a', 'CONTAINER_RUNNING'), record('s', 'CONTAINER_EXITED')]), 'start s'],
    ['all run', two, state([record('a', 'CONTAINER_RUNNING'), record('b', 'CONTAINER_RUNNING')]), ''],
    ['one ended, Always', two, state([record('a', 'CONTAINER_EXITED'), record('b', 'CONTAINER_RUNNING')]), 'start a'],
    ['one ended well, OnFailure', { ...two, restartPolicy: 'OnFailure' }, state([record('a', 'CONTAINER_EXITED'), record('b', 'CONTAINER_RUNNING')]), ''],
    ['ended, Never', { restartPolicy: 'Never' }, state([record('a', 'CONTAINER_EXITED', 1)]), 'kill pod'],
    ['an ephemeral container is added', { ephemeralContainers: [{ name: 'e' }] }, state([record('a', 'CONTAINER_RUNNING')]), 'start e'],
    ['an ephemeral container is added while init runs', { initContainers: [{ name: 'i' }], ephemeralContainers: [{ name: 'e' }] }, state([record('i', 'CONTAINER_RUNNING')]), 'start e'],
    ['an ephemeral container is never restarted', { ephemeralContainers: [{ name: 'e' }] }, state([record('a', 'CONTAINER_RUNNING'), record('e', 'CONTAINER_EXITED', 1)]), ''],
    ['an ephemeral container keeps no pod alive', { restartPolicy: 'Never', ephemeralContainers: [{ name: 'e' }] }, state([record('a', 'CONTAINER_EXITED'), record('e', 'CONTAINER_RUNNING')]), 'kill pod'],
    ['the sandbox is lost', {}, state([record('a', 'CONTAINER_EXITED', 137)], false), 'kill pod; sandbox; start a'],
    ['the sandbox is lost, Never', { restartPolicy: 'Never' }, state([record('a', 'CONTAINER_EXITED', 137)], false), 'kill pod'],
  ])('%s', (_name, spec, runtime, wanted) => {
    expect(act(pod(spec), runtime)).toBe(wanted);
  });

  test('failed probes and changed images restart', () => {
    const running = state([record('a', 'CONTAINER_RUNNING')]);
    expect(act(pod({}), running, { livenessFailed: () => true })).toBe('kill a: Container a failed liveness probe, will be restarted; start a');
    expect(act(pod({}), running, { startupFailed: () => true })).toBe('kill a: Container a failed startup probe, will be restarted; start a');
    const hashed = record('a', 'CONTAINER_RUNNING');
    const changed = state([{ ...hashed, status: { ...hashed.status, annotations: { 'io.kubernetes.container.hash': 'old' } } }]);
    expect(act(pod({}), changed)).toBe('kill a: Container a definition changed, will be restarted; start a');
  });
});
