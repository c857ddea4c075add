import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any, type Stage } from './world.ts';

function pod(name: string, spec: Any = {}, requests?: Any): Any {
  return { metadata: { name }, spec: { containers: [{ name: 'c', image: 'example.com/pause:1', ...(requests === undefined ? {} : { resources: { requests, limits: requests } }), ...(spec.ports === undefined ? {} : { ports: spec.ports }) }], ...spec, ports: undefined } };
}

async function scheduled(t: Stage, name: string): Promise<string> {
  const path = t.path('v1', 'pods', name);
  await t.eventually(`${name} has a node`, async () => ((await t.get(path)).spec.nodeName ?? '') !== '', 120_000);
  return (await t.get(path)).spec.nodeName as string;
}

async function unschedulable(t: Stage, name: string): Promise<void> {
  await t.eventually(`${name} cannot be scheduled, and an event says so`, async () => {
    const conditions = (await t.get(t.path('v1', 'pods', name))).status.conditions as Any[] | undefined;
    const events = (await t.get(`${t.path('v1', 'events')}?fieldSelector=involvedObject.name=${name},reason=FailedScheduling`)).items as Any[];
    return conditions?.some((one) => one.type === 'PodScheduled' && one.status === 'False' && one.reason === 'Unschedulable') === true && events.length > 0;
  }, 120_000);
}

/** Every node has `count` of an extended resource. */
async function extend(t: Stage, resource: string, count: number): Promise<string[]> {
  const names = ((await t.get('/api/v1/nodes')).items as Any[]).map((node) => node.metadata.name as string);
  for (const name of names) {
    await t.patch(`/api/v1/nodes/${name}/status`, [{ op: 'add', path: `/status/capacity/${resource.replace('/', '~1')}`, value: String(count) }, { op: 'add', path: `/status/allocatable/${resource.replace('/', '~1')}`, value: String(count) }], 'json');
  }
  return names;
}

area('scheduling', (conformance) => {
  conformance('[sig-scheduling] SchedulerPredicates [Serial] validates resource limits of pods that are allowed to run [Conformance]', async (t) => {
    const nodes = await extend(t, 'example.com/slots', 2);
    for (const [at] of nodes.entries()) for (const half of ['a', 'b']) await t.create(t.path('v1', 'pods'), pod(`filler-${at}-${half}`, {}, { 'example.com/slots': '1' }));
    const used = await Promise.all(nodes.flatMap((_, at) => ['a', 'b'].map((half) => scheduled(t, `filler-${at}-${half}`))));
    for (const node of nodes) expect(used.filter((one) => one === node)).toHaveLength(2);
    await t.create(t.path('v1', 'pods'), pod('additional', {}, { 'example.com/slots': '1' }));
    await unschedulable(t, 'additional');
  });

  conformance('[sig-scheduling] SchedulerPredicates [Serial] validates that NodeSelector is respected if not matching [Conformance]', async (t) => {
    await t.create(t.path('v1', 'pods'), pod('restricted', { nodeSelector: { label: 'nonempty' } }));
    await unschedulable(t, 'restricted');
  });

  conformance('[sig-scheduling] SchedulerPredicates [Serial] validates that NodeSelector is respected if matching [Conformance]', async (t) => {
    await t.patch('/api/v1/nodes/node-2', { metadata: { labels: { [`kubernetes.io/e2e-${t.namespace}`]: '42' } } });
    await t.create(t.path('v1', 'pods'), pod('with-labels', { nodeSelector: { [`kubernetes.io/e2e-${t.namespace}`]: '42' } }));
    expect(await scheduled(t, 'with-labels')).toBe('node-2');
  });

  conformance('[sig-scheduling] SchedulerPredicates [Serial] validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP [Conformance]', async (t) => {
    const port = { containerPort: 8080, hostPort: 54_322, protocol: 'TCP' };
    const nodeSelector = { 'kubernetes.io/hostname': 'node-1' };
    await t.create(t.path('v1', 'pods'), pod('pod4', { nodeSelector, ports: [{ ...port, hostIP: '0.0.0.0' }] }));
    expect(await scheduled(t, 'pod4')).toBe('node-1');
    await t.create(t.path('v1', 'pods'), pod('pod5', { nodeSelector, ports: [{ ...port, hostIP: '10.0.0.1' }] }));
    await unschedulable(t, 'pod5');
  });

  /** Fills each node with pods of which one has a low priority; a pod of a higher one drives that out. */
  async function preempt(t: Stage, priorityClassName: string, namespace = t.namespace): Promise<{ readonly victim: Any; readonly preemptor: Any }> {
    const resource = `example.com/p-${t.namespace}`;
    const nodes = await extend(t, resource, 1);
    for (const [name, value] of [['low', 1], ['middle', 100], ['high', 1000]] as const) await t.create('/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: `${t.namespace}-${name}` }, value });
    for (const [at, node] of nodes.entries()) {
      await t.create(t.path('v1', 'pods'), pod(`filler-${at}`, { priorityClassName: `${t.namespace}-${at === 0 ? 'low' : 'middle'}`, nodeSelector: { 'kubernetes.io/hostname': node } }, { [resource]: '1' }));
      await scheduled(t, `filler-${at}`);
      await t.eventually('it runs', async () => (await t.get(t.path('v1', 'pods', `filler-${at}`))).status.phase === 'Running');
    }
    const watch = await t.watch('v1', 'pods', { namespace: t.namespace, fieldSelector: 'metadata.name=filler-0' });
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    await t.create(pods, pod(`preemptor-${t.namespace}`, { priorityClassName: priorityClassName === 'high' ? `${t.namespace}-high` : priorityClassName }, { [resource]: '1' }));
    const victim = await watch.until('MODIFIED', (seen) => seen.metadata.deletionTimestamp !== undefined || seen.status.conditions?.some((one: Any) => one.type === 'DisruptionTarget'));
    await t.eventually('the preemptor takes the place', async () => (await t.get(`${pods}/preemptor-${t.namespace}`)).spec.nodeName === nodes[0], 180_000);
    watch.stop();
    expect((await t.call('GET', t.path('v1', 'pods', 'filler-1'))).json.metadata.deletionTimestamp).toBeUndefined();
    const preemptor = await t.get(`${pods}/preemptor-${t.namespace}`);
    if (namespace !== t.namespace) await t.delete(`${pods}/preemptor-${t.namespace}`, { gracePeriodSeconds: 0 });
    return { victim, preemptor };
  }

  conformance('[sig-scheduling] SchedulerPreemption [Serial] validates basic preemption works [Conformance]', async (t) => {
    const { preemptor } = await preempt(t, 'high');
    expect(preemptor.spec.priority).toBe(1000);
  });

  conformance('[sig-scheduling] SchedulerPreemption [Serial] validates lower priority pod preemption by critical pod [Conformance]', async (t) => {
    const { preemptor } = await preempt(t, 'system-cluster-critical', 'kube-system');
    expect(preemptor.spec.priority).toBe(2_000_000_000);
  });

  conformance('[sig-scheduling] SchedulerPreemption [Serial] validates pod disruption condition is added to the preempted pod [Conformance]', async (t) => {
    const { victim } = await preempt(t, 'high');
    const condition = (victim.status.conditions as Any[]).find((one) => one.type === 'DisruptionTarget');
    expect(condition).toMatchObject({ status: 'True', reason: 'PreemptionByScheduler' });
  });

  conformance('[sig-scheduling] SchedulerPreemption [Serial] PreemptionExecutionPath runs ReplicaSets to verify preemption running path [Conformance]', async (t) => {
    const resource = `example.com/p-${t.namespace}`;
    await extend(t, resource, 10);
    const sizes = [['1', 4, 1], ['2', 4, 2], ['3', 4, 3], ['4', 4, 4]] as const;
    for (const [name, , value] of sizes) await t.create('/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: `${t.namespace}-p${name}` }, value });
    const set = (name: string, replicas: number): Any => {
      const labels = { name: `pod${name}` };
      return { metadata: { name: `rs-pod${name}` }, spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: {
        terminationGracePeriodSeconds: 0, priorityClassName: `${t.namespace}-p${name}`, nodeSelector: { 'kubernetes.io/hostname': 'node-1' }, containers: [{ name: 'c', image: 'i', resources: { requests: { [resource]: '2' }, limits: { [resource]: '2' } } }],
      } } } };
    };
    const ready = async (name: string): Promise<number> => (await t.get(t.path('apps/v1', 'replicasets', `rs-pod${name}`))).status.readyReplicas ?? 0;
    // Five fit on the node: the most important ones must end up there.
    for (const [name, replicas] of sizes) await t.create(t.path('apps/v1', 'replicasets'), set(name, replicas === 4 ? 2 : replicas));
    await t.eventually('the most important run', async () => (await ready('4')) === 2 && (await ready('3')) === 2 && (await ready('2')) === 1, 300_000);
    expect((await ready('1'))).toBe(0);
  });

  for (const [name, taintFor] of [['[sig-node] NoExecuteTaintManager Multiple Pods [Serial] evicts pods with minTolerationSeconds [Disruptive] [Conformance]', 'long'], ['[sig-node] NoExecuteTaintManager Single Pod [Serial] removing taint cancels eviction [Disruptive] [Conformance]', 'short']] as const) {
    conformance(name, async (t) => {
      const taint = { key: `kubernetes.io/e2e-evict-${t.namespace}`, value: 'evictTaintVal', effect: 'NoExecute' };
      const path = (pod: string): string => t.path('v1', 'pods', pod);
      for (const [at, seconds] of [5, 60].entries()) {
        await t.create(t.path('v1', 'pods'), pod(`tolerant-${at}`, { nodeSelector: { 'kubernetes.io/hostname': 'node-2' }, tolerations: [{ key: taint.key, value: taint.value, effect: 'NoExecute', tolerationSeconds: seconds }] }));
        await t.eventually('it runs', async () => (await t.get(path(`tolerant-${at}`))).status.phase === 'Running');
      }
      const setTaints = (change: (taints: Any[]) => Any[]): Promise<Any> => readAndUpdate(t, '/api/v1/nodes/node-2', (node) => { node.spec.taints = change(node.spec.taints ?? []); });
      await setTaints((taints) => [...taints, taint]);
      await t.eventually('the less patient one is evicted', async () => { const answer = await t.call('GET', path('tolerant-0')); return answer.status === 404 || answer.json.metadata.deletionTimestamp !== undefined; }, 30_000);
      if (taintFor === 'short') {
        await setTaints((taints) => taints.filter((one) => one.key !== taint.key));
        await t.sleep(90_000);
        expect((await t.get(path('tolerant-1'))).metadata.deletionTimestamp).toBeUndefined();
        return;
      }
      await t.eventually('the other one too, later', async () => { const answer = await t.call('GET', path('tolerant-1')); return answer.status === 404 || answer.json.metadata.deletionTimestamp !== undefined; }, 90_000);
      await setTaints((taints) => taints.filter((one) => one.key !== taint.key));
    });
  }
});
