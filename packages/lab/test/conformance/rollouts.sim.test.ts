import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any, type Stage } from './world.ts';

const labels = { app: 'web' };

function template(image: string, extra: Any = {}): Any {
  return { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'httpd', image }], ...extra } };
}

function deployment(name: string, replicas: number, image: string, extra: Any = {}): Any {
  return { metadata: { name, labels: { set: name } }, spec: { replicas, selector: { matchLabels: labels }, template: template(image), ...extra } };
}

async function rolledOut(t: Stage, path: string, replicas: number): Promise<void> {
  await t.eventually('the rollout is done', async () => {
    const { metadata, status } = await t.get(path);
    return status.observedGeneration === metadata.generation && status.updatedReplicas === replicas && status.replicas === replicas && status.availableReplicas === replicas;
  }, 300_000);
}

async function setsOf(t: Stage): Promise<Any[]> {
  return (await t.get(t.path('apps/v1', 'replicasets'))).items as Any[];
}

async function images(t: Stage): Promise<string[]> {
  return ((await t.get(`${t.path('v1', 'pods')}?labelSelector=app=web`)).items as Any[]).filter((pod) => pod.metadata.deletionTimestamp === undefined).map((pod) => String(pod.spec.containers[0].image)).toSorted();
}

const image = (t: Stage, path: string, value: string): Promise<Any> => t.patch(path, { spec: { template: { spec: { containers: [{ name: 'httpd', image: value }] } } } }, 'strategic');

area('rollouts', (conformance) => {
  conformance('[sig-apps] Deployment RollingUpdateDeployment should delete old pods and create new ones [Conformance]', async (t) => {
    await t.create(t.path('apps/v1', 'replicasets'), { metadata: { name: 'controller', labels, annotations: { 'deployment.kubernetes.io/revision': '3546342826724365832' } }, spec: { replicas: 1, selector: { matchLabels: labels }, template: template('example.com/httpd:1') } });
    await t.eventually('the old pod runs', async () => (await t.get(t.path('apps/v1', 'replicasets', 'controller'))).status.readyReplicas === 1, 120_000);
    const path = t.path('apps/v1', 'deployments', 'rolling');
    await t.create(t.path('apps/v1', 'deployments'), deployment('rolling', 1, 'example.com/agnhost:1'));
    await rolledOut(t, path, 1);
    await t.eventually('the old pod is gone', async () => JSON.stringify(await images(t)) === '["example.com/agnhost:1"]', 120_000);
    expect((await t.get(path)).metadata.annotations['deployment.kubernetes.io/revision']).toBe('3546342826724365833');
    const old = await t.get(t.path('apps/v1', 'replicasets', 'controller'));
    expect([old.spec.replicas, old.metadata.ownerReferences[0].name]).toEqual([0, 'rolling']);
  });

  conformance('[sig-apps] Deployment RecreateDeployment should delete old pods and create new ones [Conformance]', async (t) => {
    const path = t.path('apps/v1', 'deployments', 'recreate');
    await t.create(t.path('apps/v1', 'deployments'), deployment('recreate', 2, 'example.com/agnhost:1', { strategy: { type: 'Recreate' } }));
    await rolledOut(t, path, 2);
    const watch = await t.watch('v1', 'pods', { namespace: t.namespace, labelSelector: 'app=web' });
    await image(t, path, 'example.com/httpd:1');
    await rolledOut(t, path, 2);
    // No new pod while an old one runs.
    const running = new Set(['old-1', 'old-2']);
    let oldLeft = 2;
    for (const event of watch.events) {
      const object = event.object as Any;
      const isOld = object.spec.containers[0].image === 'example.com/agnhost:1';
      if (event.type === 'DELETED' && isOld) oldLeft -= 1;
      if (event.type === 'ADDED' && !isOld) expect(oldLeft).toBe(0);
    }
    expect([running.size, oldLeft]).toEqual([2, 0]);
    watch.stop();
  });

  conformance('[sig-apps] Deployment deployment should delete old replica sets [Conformance]', async (t) => {
    const path = t.path('apps/v1', 'deployments', 'cleanup');
    await t.create(t.path('apps/v1', 'deployments'), deployment('cleanup', 1, 'example.com/httpd:1', { revisionHistoryLimit: 0 }));
    await rolledOut(t, path, 1);
    await image(t, path, 'example.com/httpd:2');
    await rolledOut(t, path, 1);
    await t.eventually('the old set is gone', async () => (await setsOf(t)).length === 1, 120_000);
    expect((await setsOf(t))[0].spec.template.spec.containers[0].image).toBe('example.com/httpd:2');
  });

  conformance('[sig-apps] Deployment deployment should support rollover [Conformance]', async (t) => {
    const path = t.path('apps/v1', 'deployments', 'rollover');
    await t.create(t.path('apps/v1', 'deployments'), deployment('rollover', 1, 'example.com/stuck:1', { minReadySeconds: 10, strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } }));
    await t.eventually('the first set is made', async () => (await setsOf(t)).length === 1);
    await image(t, path, 'example.com/agnhost:2');
    await rolledOut(t, path, 1);
    expect(await images(t)).toEqual(['example.com/agnhost:2']);
    const old = (await setsOf(t)).find((set) => set.spec.template.spec.containers[0].image === 'example.com/stuck:1');
    expect(old?.spec.replicas).toBe(0);
  });

  conformance('[sig-apps] Deployment deployment should support proportional scaling [Conformance]', async (t) => {
    const path = t.path('apps/v1', 'deployments', 'scaled');
    await t.create(t.path('apps/v1', 'deployments'), deployment('scaled', 10, 'example.com/httpd:1', { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }));
    await rolledOut(t, path, 10);
    // Pods of the second revision never get a node, so both sets have replicas when it is scaled.
    await t.patch(path, { spec: { template: { spec: { nodeSelector: { none: 'such' } } } } }, 'strategic');
    const [first] = (await setsOf(t)).filter((set) => set.spec.template.spec.nodeSelector === undefined);
    const sizes = async (): Promise<number[]> => { const sets = await setsOf(t); return [sets.find((set) => set.metadata.name === first.metadata.name)?.spec.replicas, sets.find((set) => set.metadata.name !== first.metadata.name)?.spec.replicas].map(Number); };
    await t.eventually('the rollout is stuck half-way', async () => JSON.stringify(await sizes()) === '[8,5]', 120_000);
    await readAndUpdate(t, path, (object) => { object.spec.replicas = 30; });
    await t.eventually('both are scaled by their share', async () => JSON.stringify(await sizes()) === '[20,13]', 120_000);
  });

  conformance('[sig-apps] Deployment should run the lifecycle of a Deployment [Conformance]', async (t) => {
    const path = t.path('apps/v1', 'deployments', 'lifecycle');
    const watch = await t.watch('apps/v1', 'deployments', { namespace: t.namespace, labelSelector: 'set=lifecycle' });
    await t.create(t.path('apps/v1', 'deployments'), deployment('lifecycle', 2, 'example.com/httpd:1'));
    await watch.until('MODIFIED', (seen) => seen.status.readyReplicas === 2);
    const patched = await t.patch(path, { metadata: { labels: { patched: 'yes' } }, spec: { replicas: 1, template: { spec: { containers: [{ name: 'httpd', image: 'example.com/httpd:2' }] } } } }, 'strategic');
    expect([patched.metadata.labels.patched, patched.spec.replicas]).toEqual(['yes', 1]);
    await rolledOut(t, path, 1);
    expect((await t.get('/apis/apps/v1/deployments?labelSelector=set=lifecycle')).items).toHaveLength(1);
    const status = await t.patch(`${path}/status`, { status: { conditions: [{ type: 'Progressing', status: 'False', reason: 'E2E' }] } });
    expect(status.status.conditions[0].type).toBe('Progressing');
    await t.delete(`${t.path('apps/v1', 'deployments')}?labelSelector=set=lifecycle`);
    await watch.until('DELETED');
    watch.stop();
  });

  conformance('[sig-apps] Daemon set [Serial] should run and stop simple daemon [Conformance]', async (t) => {
    const path = t.path('apps/v1', 'daemonsets', 'd');
    await t.create(t.path('apps/v1', 'daemonsets'), { metadata: { name: 'd' }, spec: { selector: { matchLabels: labels }, template: template('example.com/httpd:1') } });
    await t.eventually('one runs on each node', async () => (await t.get(path)).status.numberReady === 2, 120_000);
    const [pod] = (await t.get(`${t.path('v1', 'pods')}?labelSelector=app=web`)).items as [Any];
    await t.delete(t.path('v1', 'pods', pod.metadata.name as string), { gracePeriodSeconds: 0 });
    await t.eventually('the stopped one is revived', async () => ((await t.get(`${t.path('v1', 'pods')}?labelSelector=app=web`)).items as Any[]).filter((one) => one.metadata.uid !== pod.metadata.uid && one.status.phase === 'Running').length === 2, 120_000);
    await t.delete(path);
    await t.eventually('all have stopped', async () => (await images(t)).length === 0, 120_000);
  });

  conformance('[sig-apps] Daemon set [Serial] should run and stop complex daemon [Conformance]', async (t) => {
    const key = `colour-${t.namespace}`;
    const path = t.path('apps/v1', 'daemonsets', 'd');
    await t.create(t.path('apps/v1', 'daemonsets'), { metadata: { name: 'd' }, spec: { selector: { matchLabels: labels }, template: template('example.com/httpd:1', { nodeSelector: { [key]: 'blue' } }) } });
    const paint = (colour: string): Promise<Any> => t.patch('/api/v1/nodes/node-1', { metadata: { labels: { [key]: colour } } });
    await t.eventually('it is seen, and runs nowhere', async () => { const { status } = await t.get(path); return status.observedGeneration === 1 && status.desiredNumberScheduled === 0; });
    await paint('blue');
    await t.eventually('it runs on the blue node', async () => (await t.get(path)).status.numberReady === 1, 120_000);
    await paint('green');
    await t.eventually('it has left', async () => (await images(t)).length === 0, 120_000);
    await t.patch(path, { spec: { template: { spec: { nodeSelector: { [key]: 'green' } } }, updateStrategy: { type: 'RollingUpdate' } } });
    await t.eventually('it runs on the green node', async () => (await t.get(path)).status.numberReady === 1, 120_000);
  });

  conformance('[sig-apps] Daemon set [Serial] should retry creating failed daemon pods [Conformance]', async (t) => {
    const path = t.path('apps/v1', 'daemonsets', 'd');
    await t.create(t.path('apps/v1', 'daemonsets'), { metadata: { name: 'd' }, spec: { selector: { matchLabels: labels }, template: template('example.com/httpd:1') } });
    await t.eventually('one runs on each node', async () => (await t.get(path)).status.numberReady === 2, 120_000);
    const [pod] = (await t.get(`${t.path('v1', 'pods')}?labelSelector=app=web`)).items as [Any];
    await readAndUpdate(t, t.path('v1', 'pods', pod.metadata.name as string), (object) => { object.status.phase = 'Failed'; }, t.path('v1', 'pods', pod.metadata.name as string, 'status'));
    await t.eventually('the failed one is gone and there are two', async () => ((await t.get(`${t.path('v1', 'pods')}?labelSelector=app=web`)).items as Any[]).every((one) => one.metadata.uid !== pod.metadata.uid) && (await t.get(path)).status.numberReady === 2, 120_000);
  });

  conformance('[sig-apps] Daemon set [Serial] should update pod when spec was updated and update strategy is RollingUpdate [Conformance]', async (t) => {
    const path = t.path('apps/v1', 'daemonsets', 'd');
    await t.create(t.path('apps/v1', 'daemonsets'), { metadata: { name: 'd' }, spec: { selector: { matchLabels: labels }, template: template('example.com/httpd:1'), updateStrategy: { type: 'RollingUpdate' } } });
    await t.eventually('one runs on each node', async () => (await t.get(path)).status.numberReady === 2, 120_000);
    await image(t, path, 'example.com/agnhost:1');
    await t.eventually('all are replaced', async () => JSON.stringify(await images(t)) === '["example.com/agnhost:1","example.com/agnhost:1"]' && (await t.get(path)).status.updatedNumberScheduled === 2, 300_000);
  });

  conformance('[sig-apps] Daemon set [Serial] should rollback without unnecessary restarts [Conformance]', async (t) => {
    const path = t.path('apps/v1', 'daemonsets', 'd');
    await t.create(t.path('apps/v1', 'daemonsets'), { metadata: { name: 'd' }, spec: { selector: { matchLabels: labels }, template: template('example.com/httpd:1'), updateStrategy: { type: 'RollingUpdate' } } });
    await t.eventually('one runs on each node', async () => (await t.get(path)).status.numberReady === 2, 120_000);
    await image(t, path, 'missing.example.com/foo:non-existent');
    const pods = async (): Promise<Any[]> => ((await t.get(`${t.path('v1', 'pods')}?labelSelector=app=web`)).items as Any[]).filter((pod) => pod.metadata.deletionTimestamp === undefined);
    await t.eventually('one waits for an image that there is not', async () => (await pods()).some((pod) => ['ErrImagePull', 'ImagePullBackOff'].includes(pod.status.containerStatuses?.[0]?.state?.waiting?.reason as string)), 120_000);
    const kept = (await pods()).filter((pod) => pod.spec.containers[0].image === 'example.com/httpd:1');
    expect(kept).toHaveLength(1);
    await image(t, path, 'example.com/httpd:1');
    await t.eventually('all have the image of before', async () => JSON.stringify(await images(t)) === '["example.com/httpd:1","example.com/httpd:1"]' && (await t.get(path)).status.numberReady === 2, 300_000);
    const last = (await pods()).find((pod) => pod.metadata.uid === kept[0].metadata.uid);
    expect(last?.status.containerStatuses[0].restartCount).toBe(0);
  });

  conformance('[sig-apps] ReplicationController should test the lifecycle of a ReplicationController [Conformance]', async (t) => {
    const path = t.path('v1', 'replicationcontrollers', 'rc-test');
    const watch = await t.watch('v1', 'replicationcontrollers', { namespace: t.namespace, labelSelector: 'test-rc-static=true' });
    await t.create(t.path('v1', 'replicationcontrollers'), { metadata: { name: 'rc-test', labels: { 'test-rc-static': 'true' } }, spec: { replicas: 1, selector: labels, template: template('example.com/httpd:1') } });
    await watch.until('MODIFIED', (seen) => seen.status.readyReplicas === 1);
    await t.patch(path, { metadata: { labels: { 'test-rc': 'patched' } } }, 'strategic');
    await watch.until('MODIFIED', (seen) => seen.metadata.labels['test-rc'] === 'patched');
    const status = await t.patch(`${path}/status`, { status: { readyReplicas: 0, availableReplicas: 0 } });
    expect(status.status.readyReplicas ?? 0).toBe(0);
    await t.patch(`${path}/scale`, { spec: { replicas: 2 } });
    await watch.until('MODIFIED', (seen) => seen.status.readyReplicas === 2);
    expect((await t.get('/api/v1/replicationcontrollers?labelSelector=test-rc-static=true')).items).toHaveLength(1);
    await t.delete(`${t.path('v1', 'replicationcontrollers')}?labelSelector=test-rc-static=true`);
    await watch.until('DELETED');
    watch.stop();
  });
});
