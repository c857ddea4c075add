import { keyOfObject } from '@coxswain/client';
import { expect, test } from 'vitest';
import { Binds } from './binds.ts';
import { runWorkload } from './run.ts';
import type { Target } from './target.ts';
import { scaled, workloads, type Workload } from './workloads.ts';

/** Binds pods to the nodes in turn. */
function targetWith(binds: Binds, deleted: string[]): Target {
  const nodes: string[] = [];
  let placed = 0;
  const nothing = async (): Promise<undefined> => undefined;
  return {
    name: 'turns', notes: [], schedulerName: 's', binds, broken: Promise.withResolvers<never>().promise, resumesAtOnce: true,
    createNodes: async (made) => { for (const { metadata } of made) nodes.push(metadata?.name ?? ''); },
    createPods: async (pods) => {
      for (const pod of pods) {
        binds.created(keyOfObject(pod));
        binds.bound(keyOfObject(pod), nodes[placed % nodes.length] as string);
        placed += 1;
      }
    },
    deletePod: async (namespace, name) => { deleted.push(`${namespace}/${name}`); binds.deleted(`${namespace}/${name}`); },
    createNamespaces: nothing, createVolumes: nothing, createCsiNodes: nothing, createDevices: nothing, createPodGroups: nothing, createService: nothing,
    patchPod: nothing, patchNode: nothing, deleteNode: nothing, deleteService: nothing, pause: nothing, resume: nothing, close: nothing, schedulerCounts: nothing, writes: nothing,
    processes: () => [], decisionTimes: () => undefined,
  };
}

test('of the pods in a lost zone only those of the run are deleted', async () => {
  const workload = scaled(workloads.find(({ name }) => name === 'ZoneLoss') as Workload, 3);
  const [binds, deleted]: [Binds, string[]] = [new Binds(), []];
  // As a DaemonSet's pod is, which comes with the node.
  for (const at of [0, 1, 2]) binds.bound(`kube-system/agent-${at}`, `scheduler-perf-${at}`);
  const { pods } = await runWorkload(targetWith(binds, deleted), workload, { drain: false, idleMs: 60_000 });
  expect(workload.params).toEqual({ initNodes: 3, initPods: 7 });
  // The third node's.
  expect(deleted).toEqual(['namespace-1/pod-3', 'namespace-1/pod-6']);
  expect(pods).toBe(2);
});

test('of a queue that a scheduler is started for the fifth that is bound first is warm-up; one that goes on at once is measured whole', async () => {
  const workload = scaled(workloads.find(({ name }) => name === 'SchedulingBasic') as Workload, 5);
  const run = async (resumesAtOnce: boolean) => {
    const binds = new Binds();
    const target: Target = { ...targetWith(binds, []), resumesAtOnce };
    return runWorkload(target, workload, { drain: true, idleMs: 60_000 });
  };
  const [started, goesOn] = [await run(false), await run(true)];
  expect(started).toMatchObject({ pods: 10, warmUp: 2 });
  expect(started.bySecond.reduce((sum, pods) => sum + pods)).toBe(8);
  expect(goesOn.warmUp).toBeUndefined();
});

test('processor time is of the pods that were bound while it was counted, though more came with the last of the warm-up', async () => {
  const workload = scaled(workloads.find(({ name }) => name === 'SchedulingBasic') as Workload, 5);
  const binds = new Binds();
  const target = targetWith(binds, []);
  let waiting: (() => void)[] | undefined;
  let spentMs = 0;
  const { pods, warmUp, processes } = await runWorkload({
    ...target, resumesAtOnce: false, processes: () => [{ name: 's', cpuSeconds: () => spentMs / 1000, residentMb: () => 0 }],
    pause: async () => { waiting = []; },
    createPods: async (made) => {
      if (waiting === undefined) return target.createPods(made);
      for (const pod of made) waiting.push(() => { void target.createPods([pod]); spentMs += 2; });
    },
    // Four with each frame.
    resume: async () => {
      const frame = (): void => {
        for (const bind of waiting?.splice(0, 4) ?? []) bind();
        if (waiting?.length !== 0) setImmediate(frame);
      };
      setImmediate(frame);
    },
  }, workload, { drain: true, idleMs: 60_000 });
  expect({ pods, warmUp }).toEqual({ pods: 10, warmUp: 2 });
  expect(processes[0]?.cpuMsPerPod).toBeCloseTo(2);
});
