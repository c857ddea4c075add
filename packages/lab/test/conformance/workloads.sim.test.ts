import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any, type Stage } from './world.ts';

const labels = { app: 'web' };
const container = { name: 'httpd', image: 'example.com/httpd:1' };
const template = { metadata: { labels }, spec: { containers: [container] } };

interface Workload {
  readonly groupVersion: string;
  readonly resource: string;
  readonly spec: (replicas: number) => Any;
}

const deployments: Workload = { groupVersion: 'apps/v1', resource: 'deployments', spec: (replicas) => ({ replicas, selector: { matchLabels: labels }, template }) };
const replicaSets: Workload = { ...deployments, resource: 'replicasets' };
const statefulSets: Workload = { groupVersion: 'apps/v1', resource: 'statefulsets', spec: (replicas) => ({ replicas, serviceName: 'test', selector: { matchLabels: labels }, template }) };
const daemonSets: Workload = { groupVersion: 'apps/v1', resource: 'daemonsets', spec: () => ({ selector: { matchLabels: labels }, template }) };
const controllers: Workload = { groupVersion: 'v1', resource: 'replicationcontrollers', spec: (replicas) => ({ replicas, selector: labels, template }) };

async function make(t: Stage, workload: Workload, replicas: number, name = 'web'): Promise<string> {
  await t.create(t.path(workload.groupVersion, workload.resource), { metadata: { name, labels: { set: t.namespace } }, spec: workload.spec(replicas) });
  const path = t.path(workload.groupVersion, workload.resource, name);
  if (workload !== daemonSets) await t.eventually(`${replicas} are ready`, async () => ((await t.get(path)).status.readyReplicas ?? 0) === replicas, 180_000);
  return path;
}

async function scale(t: Stage, workload: Workload): Promise<void> {
  const path = await make(t, workload, 1);
  expect((await t.get(`${path}/scale`)).spec.replicas).toBe(1);
  await readAndUpdate(t, `${path}/scale`, (object) => { object.spec.replicas = 2; });
  expect((await t.get(path)).spec.replicas).toBe(2);
  const patched = await t.patch(`${path}/scale`, { spec: { replicas: 4 } });
  expect([patched.kind, patched.apiVersion, patched.spec.replicas]).toEqual(['Scale', 'autoscaling/v1', 4]);
  await t.eventually('four run', async () => (await t.get(path)).status.readyReplicas === 4, 180_000);
}

/** Conditions are written and patched through the status subresource, and a watch sees them. */
async function statusEndpoints(t: Stage, workload: Workload): Promise<void> {
  const path = await make(t, workload, 1);
  if (workload === daemonSets) await t.eventually('it runs', async () => (await t.get(path)).status.numberReady === 2, 180_000);
  const watch = await t.watch(workload.groupVersion, workload.resource, { namespace: t.namespace });
  await readAndUpdate(t, `${path}/status`, (object) => { object.status.conditions = [...(object.status.conditions ?? []), { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from e2e test' }]; });
  await watch.until('MODIFIED', (seen) => seen.status.conditions?.some((one: Any) => one.type === 'StatusUpdate') === true);
  await t.patch(`${path}/status`, { status: { conditions: [{ type: 'StatusPatched', status: 'True' }] } });
  await watch.until('MODIFIED', (seen) => seen.status.conditions?.some((one: Any) => one.type === 'StatusPatched') === true);
  watch.stop();
}

async function collection(t: Stage, workload: Workload): Promise<void> {
  await make(t, workload, 1);
  expect((await t.get(`/apis/${workload.groupVersion}/${workload.resource}?labelSelector=set=${t.namespace}`)).items).toHaveLength(1);
  await t.delete(`${t.path(workload.groupVersion, workload.resource)}?labelSelector=set=${t.namespace}`, { propagationPolicy: 'Background' });
  await t.eventually('all are gone', async () => (await t.get(`/apis/${workload.groupVersion}/${workload.resource}?labelSelector=set=${t.namespace}`)).items.length === 0);
}

/** A pod with the right labels is adopted; one whose labels change is released and replaced. */
async function adoption(t: Stage, workload: Workload, release: boolean): Promise<void> {
  const pods = t.path('v1', 'pods');
  await t.create(pods, { metadata: { name: 'orphan', labels }, spec: template.spec });
  await t.create(t.path(workload.groupVersion, workload.resource), { metadata: { name: 'web' }, spec: workload.spec(1) });
  await t.eventually('the pod is adopted', async () => (await t.get(`${pods}/orphan`)).metadata.ownerReferences?.[0]?.name === 'web');
  if (!release) return;
  await readAndUpdate(t, `${pods}/orphan`, (pod) => { pod.metadata.labels.app = 'not-matching'; });
  await t.eventually('it is released', async () => ((await t.get(`${pods}/orphan`)).metadata.ownerReferences ?? []).length === 0);
}

area('workloads', (conformance) => {
  conformance('[sig-apps] Deployment Deployment should have a working scale subresource [Conformance]', (t) => scale(t, deployments));
  conformance('[sig-apps] ReplicaSet Replicaset should have a working scale subresource [Conformance]', (t) => scale(t, replicaSets));
  conformance('[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should have a working scale subresource [Conformance]', (t) => scale(t, statefulSets));
  conformance('[sig-apps] ReplicationController should get and update a ReplicationController scale [Conformance]', (t) => scale(t, controllers));
  conformance('[sig-apps] Deployment should validate Deployment Status endpoints [Conformance]', (t) => statusEndpoints(t, deployments));
  conformance('[sig-apps] ReplicaSet should validate Replicaset Status endpoints [Conformance]', (t) => statusEndpoints(t, replicaSets));
  conformance('[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should validate Statefulset Status endpoints [Conformance]', (t) => statusEndpoints(t, statefulSets));
  conformance('[sig-apps] Daemon set [Serial] should verify changes to a daemon set status [Conformance]', (t) => statusEndpoints(t, daemonSets));
  conformance('[sig-apps] ReplicaSet should list and delete a collection of ReplicaSets [Conformance]', (t) => collection(t, replicaSets));
  conformance('[sig-apps] Daemon set [Serial] should list and delete a collection of DaemonSets [Conformance]', (t) => collection(t, daemonSets));
  conformance('[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should list, patch and delete a collection of StatefulSets [Conformance]', async (t) => {
    const path = await make(t, statefulSets, 1, 'patched');
    const patched = await t.patch(path, { metadata: { labels: { test: 'patched' } }, spec: { replicas: 2, template: { spec: { containers: [{ name: 'httpd', image: 'example.com/httpd:2' }] } } } }, 'strategic');
    expect([patched.spec.replicas, patched.spec.template.spec.containers[0].image]).toEqual([2, 'example.com/httpd:2']);
    await t.delete(path);
    await t.eventually('it is gone', async () => (await t.call('GET', path)).status === 404);
    await collection(t, statefulSets);
  });
  conformance('[sig-apps] ReplicaSet should adopt matching pods on creation and release no longer matching pods [Conformance]', (t) => adoption(t, replicaSets, true));
  conformance('[sig-apps] ReplicationController should adopt matching pods on creation [Conformance]', (t) => adoption(t, controllers, false));
  conformance('[sig-apps] ReplicationController should release no longer matching pods [Conformance]', (t) => adoption(t, controllers, true));

  conformance('[sig-apps] ReplicaSet Replace and Patch tests [Conformance]', async (t) => {
    const path = await make(t, replicaSets, 1);
    await readAndUpdate(t, path, (object) => { object.spec.replicas = 3; });
    await t.eventually('three are ready', async () => (await t.get(path)).status.readyReplicas === 3, 180_000);
    const patched = await t.patch(path, { metadata: { labels: { patched: 'yes' } }, spec: { replicas: 2, template: { spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'httpd', image: 'example.com/httpd:2' }] } } } }, 'strategic');
    expect(patched.spec.replicas).toBe(2);
    await t.eventually('two are left', async () => (await t.get(path)).status.readyReplicas === 2, 180_000);
  });

  conformance('[sig-apps] ReplicationController should surface a failure condition on a common issue like exceeded quota [Conformance]', async (t) => {
    await t.create(t.path('v1', 'resourcequotas'), { metadata: { name: 'condition-test' }, spec: { hard: { pods: '2' } } });
    await t.eventually('the quota counts', async () => (await t.get(t.path('v1', 'resourcequotas', 'condition-test'))).status?.hard?.pods === '2');
    await t.create(t.path('v1', 'replicationcontrollers'), { metadata: { name: 'condition-test' }, spec: controllers.spec(3) });
    const path = t.path('v1', 'replicationcontrollers', 'condition-test');
    const failed = async (): Promise<boolean> => ((await t.get(path)).status.conditions ?? []).some((one: Any) => one.type === 'ReplicaFailure');
    await t.eventually('it says that it cannot', failed, 120_000);
    await readAndUpdate(t, path, (object) => { object.spec.replicas = 2; });
    await t.eventually('it says so no more', async () => !(await failed()), 120_000);
  });

  conformance('[sig-apps] ControllerRevision [Serial] should manage the lifecycle of a ControllerRevision [Conformance]', async (t) => {
    await make(t, daemonSets, 0);
    const revisions = t.path('apps/v1', 'controllerrevisions');
    await t.eventually('the first revision is there', async () => (await t.get(revisions)).items.length === 1);
    // Nothing else wakes the controller then.
    await t.eventually('it runs on each node', async () => (await t.get(t.path('apps/v1', 'daemonsets', 'web'))).status.numberAvailable === 2, 180_000);
    const [first] = (await t.get(revisions)).items as [Any];
    const patched = await t.patch(`${revisions}/${first.metadata.name as string}`, { metadata: { labels: { patched: 'yes' } } }, 'strategic');
    expect(patched.metadata.labels.patched).toBe('yes');
    const copy = { metadata: { name: 'copied', labels: first.metadata.labels, ownerReferences: first.metadata.ownerReferences }, data: first.data, revision: Number(first.revision) + 1 };
    await t.create(revisions, copy);
    await readAndUpdate(t, `${revisions}/copied`, (object) => { object.metadata.labels.updated = 'yes'; });
    await t.delete(`${revisions}/${first.metadata.name as string}`);
    await t.delete(`${revisions}?labelSelector=updated=yes`);
    await t.eventually('the daemon set makes it again', async () => ((await t.get(revisions)).items as Any[]).some((one) => one.metadata.labels.updated !== 'yes'));
  });

  conformance('[sig-apps] Job should apply changes to a job status [Conformance]', async (t) => {
    const path = t.path('batch/v1', 'jobs', 'j');
    await t.create(t.path('batch/v1', 'jobs'), { metadata: { name: 'j' }, spec: { parallelism: 2, completions: 4, backoffLimit: 6, template: { spec: { restartPolicy: 'Never', containers: [container] } } } });
    await t.eventually('its pods run', async () => (await t.get(path)).status.active === 2, 120_000);
    const patched = await t.patch(`${path}/status`, { metadata: { annotations: { patchedstatus: 'true' } }, status: { conditions: [{ type: 'CustomConditionType', status: 'True', reason: 'E2E', message: 'patched', lastTransitionTime: '2026-01-01T00:00:00Z' }] } });
    expect(patched.status.conditions.map((one: Any) => one.type)).toContain('CustomConditionType');
    await readAndUpdate(t, `${path}/status`, (job) => { job.status.conditions.push({ type: 'Other', status: 'True', reason: 'E2E' }); });
    expect((await t.get(`${path}/status`)).status.conditions.map((one: Any) => one.type)).toEqual(expect.arrayContaining(['CustomConditionType', 'Other']));
  });
});
