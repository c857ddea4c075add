import type { Pod, PodSpec, PodStatus } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { BackOff } from '../../pod/backoff.ts';
import { runsForEver, type PodBehaviour } from './behaviour.ts';
import { HollowPod } from './life.ts';

const startMs = Date.parse('2026-01-01T00:00:00Z');
const second = 1000;

/** A pod on a clock of its own. */
function world(spec: Partial<PodSpec>, behaviour: Partial<PodBehaviour>, more: Partial<Pod> = {}) {
  const clock = { now: startMs, nowMs: () => clock.now, monotonicMs: () => clock.now };
  const told: string[] = [];
  const free: string[] = [];
  const pod: Pod = { metadata: { name: 'p', namespace: 'd', uid: 'u' }, spec: { containers: [{ name: 'a', image: 'i:1' }], ...spec }, ...more };
  const life = new HollowPod({
    seed: 1, backOff: new BackOff(clock, 10_000, 300_000), hostIp: '198.18.0.1', takeAddress: () => '10.0.0.2', giveBack: (address) => { free.push(address); },
    tell: (_pod, type, reason, message) => { told.push(`${type} ${reason} ${message}`); },
  }, { ...runsForEver, ...behaviour }, pod, clock.now);
  let status: PodStatus = {};
  let nextMs = 0;
  const look = (): PodStatus => {
    nextMs = life.advance(clock.now);
    status = life.status(status, clock.now);
    life.update({ ...life.pod, status });
    return status;
  };
  return {
    life, told, free, look,
    /** Through all that is due until then. */
    until: (seconds: number): PodStatus => {
      const endMs = startMs + seconds * second;
      while (nextMs <= endMs) { clock.now = Math.max(clock.now, nextMs); look(); }
      clock.now = endMs;
      return look();
    },
    remove: (graceSeconds: number): PodStatus => {
      life.update({ ...life.pod, metadata: { ...life.pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: graceSeconds } });
      return look();
    },
  };
}

const span = (seconds: number) => ({ fromMs: seconds * second, toMs: seconds * second });
const conditionsOf = (status: PodStatus) => Object.fromEntries((status.conditions ?? []).map(({ type, status: value, reason }) => [type, reason === undefined ? value : `${value} ${reason}`]));

test('a pod without a rule runs and is ready at once, as one whose image is there', () => {
  const { look, told } = world({}, {});
  const status = look();
  expect(status).toMatchObject({ phase: 'Running', podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.2' }], hostIP: '198.18.0.1', startTime: '2026-01-01T00:00:00Z', qosClass: 'BestEffort' });
  expect(conditionsOf(status)).toEqual({ PodReadyToStartContainers: 'True', Initialized: 'True', Ready: 'True', ContainersReady: 'True', PodScheduled: 'True' });
  expect(status.containerStatuses?.[0]).toMatchObject({ name: 'a', ready: true, started: true, restartCount: 0, image: 'i:1', state: { running: { startedAt: '2026-01-01T00:00:00Z' } } });
  expect(status.containerStatuses?.[0]?.containerID).toMatch(/^containerd:\/\/[0-9a-f]{64}$/);
  expect(told).toEqual(['Normal Created Created container: a', 'Normal Started Started container a']);
});

test('until its images are there it is Pending, ContainerCreating', () => {
  const { look, until } = world({}, { startAfter: span(5) });
  const waiting = look();
  expect(waiting.phase).toBe('Pending');
  expect(waiting.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
  expect(until(4.9).phase).toBe('Pending');
  expect(until(5).phase).toBe('Running');
});

test('readiness comes later than running', () => {
  const { look, until } = world({}, { readyAfter: span(7) });
  expect(conditionsOf(look())).toMatchObject({ Ready: 'False ContainersNotReady', ContainersReady: 'False ContainersNotReady' });
  expect(conditionsOf(until(6))).toMatchObject({ Ready: 'False ContainersNotReady' });
  const ready = until(7);
  expect(conditionsOf(ready)).toMatchObject({ Ready: 'True' });
  expect(ready.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime).toBe('2026-01-01T00:00:07Z');
});

test('without a rule a readiness probe takes its initial delay', () => {
  const { look, until } = world({ containers: [{ name: 'a', image: 'i:1', readinessProbe: { initialDelaySeconds: 3 } }] }, {});
  expect(look().containerStatuses?.[0]?.ready).toBe(false);
  expect(until(3).containerStatuses?.[0]?.ready).toBe(true);
});

test('init containers come one after the other, and before the app', () => {
  const { look, until } = world({ initContainers: [{ name: 'i1', image: 'i' }, { name: 'i2', image: 'i' }] }, { initFor: span(2) });
  const first = look();
  expect(first.phase).toBe('Pending');
  expect(conditionsOf(first)).toMatchObject({ Initialized: 'False ContainersNotInitialized' });
  expect(first.initContainerStatuses?.map(({ state }) => Object.keys(state ?? {})[0])).toEqual(['running', 'waiting']);
  expect(first.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
  expect(until(3).initContainerStatuses?.map(({ state }) => Object.keys(state ?? {})[0])).toEqual(['terminated', 'running']);
  const done = until(4);
  expect(done.phase).toBe('Running');
  expect(done.initContainerStatuses?.[1]?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed', startedAt: '2026-01-01T00:00:02Z', finishedAt: '2026-01-01T00:00:04Z' });
});

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy */
test.each<[PodSpec['restartPolicy'], number, string, string]>([
  ['Never', 0, 'Succeeded', 'False PodCompleted'],
  ['Never', 3, 'Failed', 'False PodFailed'],
  ['OnFailure', 0, 'Succeeded', 'False PodCompleted'],
])('%s, exit code %i: %s', (restartPolicy, exitCode, phase, ready) => {
  const { look, until, free } = world({ restartPolicy: restartPolicy as string }, { runFor: span(5), exitCode });
  expect(look().phase).toBe('Running');
  const status = until(5);
  expect(status.phase).toBe(phase);
  expect(conditionsOf(status)['Ready']).toBe(ready);
  expect(status.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', finishedAt: '2026-01-01T00:00:05Z' });
  expect(free).toEqual(['10.0.0.2']);
  expect(status.podIP).toBe('10.0.0.2');
});

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy: 10s, 20s, 40s, … capped at five minutes. */
test('a crashing container is restarted at once, then after 10 s, 20 s, 40 s and so on to 5 minutes', () => {
  const { look, until, told } = world({}, { runFor: span(1), exitCode: 1 });
  look();
  const restarted = until(1);
  expect(restarted.containerStatuses?.[0]).toMatchObject({ restartCount: 1, state: { running: { startedAt: '2026-01-01T00:00:01Z' } }, lastState: { terminated: { exitCode: 1 } } });
  const waits = [10, 20, 40, 80, 160, 300, 300];
  let endedAt = 2;
  for (const [at, wait] of waits.entries()) {
    const waiting = until(endedAt);
    const text = { 60: '1m0s', 80: '1m20s', 160: '2m40s', 300: '5m0s' }[wait] ?? `${wait}s`;
    expect(waiting.containerStatuses?.[0]).toMatchObject({
      restartCount: at + 1, ready: false, state: { waiting: { reason: 'CrashLoopBackOff', message: `back-off ${text} restarting failed container=a pod=p_d(u)` } },
    });
    expect(waiting.phase).toBe('Running');
    expect(until(endedAt + wait - 0.1).containerStatuses?.[0]?.restartCount).toBe(at + 1);
    expect(until(endedAt + wait).containerStatuses?.[0]).toMatchObject({ restartCount: at + 2, state: { running: {} } });
    endedAt += wait + 1;
  }
  expect(told.filter((line) => line.startsWith('Warning BackOff'))[0]).toBe('Warning BackOff Back-off restarting failed container a in pod p_d(u)');
});

test('deleted, it ends after its time, at most after its grace period', () => {
  const gentle = world({}, { stopAfter: span(4) });
  gentle.look();
  expect(gentle.remove(30).containerStatuses?.[0]?.state?.running).toBeDefined();
  expect(gentle.life.over).toBe(false);
  const ended = gentle.until(4);
  expect(gentle.life.over).toBe(true);
  expect(ended.phase).toBe('Succeeded');
  expect(ended.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 0, finishedAt: '2026-01-01T00:00:04Z' });
  const deaf = world({}, { stopAfter: span(100) });
  deaf.look();
  deaf.remove(30);
  const killed = deaf.until(30);
  expect(killed.phase).toBe('Failed');
  expect(killed.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(137);
});

test('a shorter grace period counts from the first one', () => {
  const { look, until, remove, life } = world({}, { stopAfter: span(100) });
  look();
  remove(30);
  until(5);
  remove(2);
  expect(life.over).toBe(true);
});

test('past its deadline it fails', () => {
  const { look, until } = world({ activeDeadlineSeconds: 20 }, {});
  look();
  expect(until(19).phase).toBe('Running');
  expect(until(20)).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' });
});

test('refused by its node, it fails with the reason', () => {
  const { life, look } = world({}, {});
  life.reject({ reason: 'OutOfcpu', message: 'too much' });
  expect(look()).toMatchObject({ phase: 'Failed', reason: 'OutOfcpu', message: 'Pod was rejected: too much' });
});

test('a sidecar runs beside the app and does not keep a job alive', () => {
  const { look, until } = world({ restartPolicy: 'Never', initContainers: [{ name: 's', image: 'i', restartPolicy: 'Always' }] }, { runFor: span(5) });
  const status = look();
  expect(status.initContainerStatuses?.[0]).toMatchObject({ started: true, ready: true });
  expect(status.phase).toBe('Running');
  expect(until(5).phase).toBe('Succeeded');
});

test('another image restarts the container', () => {
  const { life, look } = world({}, {});
  look();
  life.update({ ...life.pod, spec: { containers: [{ name: 'a', image: 'i:2' }] } });
  const status = look();
  expect(status.containerStatuses?.[0]).toMatchObject({ image: 'i:2', restartCount: 1 });
});

test('taken over by another process, it goes on where it was', () => {
  const before = world({}, { runFor: span(60), exitCode: 1 });
  before.look();
  const told = before.until(61);
  expect(told.containerStatuses?.[0]).toMatchObject({ restartCount: 1, state: { running: {} } });
  const after = world({}, { runFor: span(60), exitCode: 1 }, { status: told });
  const { life } = after;
  expect(life.advance(startMs + 61 * second)).toBe(startMs + 120 * second);
  expect(life.status(told, startMs + 61 * second)).toEqual(told);
});
