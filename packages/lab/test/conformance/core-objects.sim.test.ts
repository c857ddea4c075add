import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any } from './world.ts';

const container = { name: 'pause', image: 'example.com/pause:1' };

area('config maps, secrets, pods, nodes, leases', (conformance) => {
  conformance('[sig-node] ConfigMap should fail to create ConfigMap with empty key [Conformance]', async (t) => {
    expect(await t.refused('POST', t.path('v1', 'configmaps'), { metadata: { name: 'm' }, data: { '': 'value-1' } })).toMatchObject({ code: 422, reason: 'Invalid' });
  });
  conformance('[sig-node] Secrets should fail to create secret due to empty secret key [Conformance]', async (t) => {
    expect(await t.refused('POST', t.path('v1', 'secrets'), { metadata: { name: 's' }, data: { '': 'dmFsdWUtMQ==' } })).toMatchObject({ code: 422, reason: 'Invalid' });
  });

  conformance('[sig-node] ConfigMap should run through a ConfigMap lifecycle [Conformance]', async (t) => {
    const maps = t.path('v1', 'configmaps');
    const watch = await t.watch('v1', 'configmaps', { namespace: t.namespace, labelSelector: 'test-configmap-static=true' });
    await t.create(maps, { metadata: { name: 'm', labels: { 'test-configmap-static': 'true' } }, data: { valueName: 'value' } });
    await watch.until('ADDED');
    await t.patch(`${maps}/m`, { metadata: { labels: { 'test-configmap': 'patched' } }, data: { valueName: 'value1' } }, 'strategic');
    await watch.until('MODIFIED', (seen) => seen.data.valueName === 'value1');
    expect((await t.get(`${maps}/m`)).metadata.labels['test-configmap']).toBe('patched');
    expect((await t.get('/api/v1/configmaps?labelSelector=test-configmap-static=true')).items).toHaveLength(1);
    await t.delete(`${maps}?labelSelector=test-configmap-static=true`);
    await watch.until('DELETED');
    watch.stop();
  });

  conformance('[sig-node] Secrets should patch a secret [Conformance]', async (t) => {
    const secrets = t.path('v1', 'secrets');
    await t.create(secrets, { metadata: { name: 's', labels: { testsecret: t.namespace } }, data: { key: 'dmFsdWU=' }, type: 'Opaque' });
    expect((await t.get(`/api/v1/secrets?labelSelector=testsecret=${t.namespace}`)).items).toHaveLength(1);
    await t.patch(`${secrets}/s`, { metadata: { labels: { patched: 'true' } }, data: { key: 'dmFsdWUx' } }, 'strategic');
    expect((await t.get(`${secrets}/s`))).toMatchObject({ data: { key: 'dmFsdWUx' }, metadata: { labels: { patched: 'true' } } });
    await t.delete(`${secrets}?labelSelector=testsecret=${t.namespace}`);
    expect((await t.get(`/api/v1/secrets?labelSelector=testsecret=${t.namespace}`)).items).toHaveLength(0);
  });

  for (const [name, resource] of [['[sig-storage] ConfigMap should be immutable if `immutable` field is set [Conformance]', 'configmaps'], ['[sig-storage] Secrets should be immutable if `immutable` field is set [Conformance]', 'secrets']] as const) {
    conformance(name, async (t) => {
      const collection = t.path('v1', resource);
      await t.create(collection, { metadata: { name: 'immutable' }, data: { 'data-1': 'dmFsdWUtMQ==' } });
      await readAndUpdate(t, `${collection}/immutable`, (object) => { object.data['data-4'] = 'dmFsdWUtNA=='; });
      const frozen = await readAndUpdate(t, `${collection}/immutable`, (object) => { object.immutable = true; });
      const refusedWith = async (change: (object: Any) => void): Promise<void> => {
        const next = structuredClone(frozen);
        change(next);
        expect(await t.refused('PUT', `${collection}/immutable`, next)).toMatchObject({ code: 422, reason: 'Invalid' });
      };
      await refusedWith((object) => { object.immutable = false; });
      await refusedWith((object) => { object.data['data-4'] = 'dmFsdWUtMg=='; });
      await readAndUpdate(t, `${collection}/immutable`, (object) => { object.metadata.labels = { label1: 'value1' }; });
      await t.delete(`${collection}/immutable`);
    });
  }

  conformance('[sig-node] Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu [Conformance]', async (t) => {
    const resources = { cpu: '100m', memory: '100Mi' };
    const made = await t.create(t.path('v1', 'pods'), { metadata: { name: 'qos' }, spec: { containers: [{ ...container, resources: { requests: resources, limits: resources } }] } });
    expect(made.status.qosClass).toBe('Guaranteed');
    expect((await t.get(t.path('v1', 'pods', 'qos'))).status.qosClass).toBe('Guaranteed');
  });

  conformance('[sig-node] Pods should be submitted and removed [NodeConformance] [Conformance]', async (t) => {
    const pods = t.path('v1', 'pods');
    const watch = await t.watch('v1', 'pods', { namespace: t.namespace, labelSelector: 'time=now' });
    await t.create(pods, { metadata: { name: 'submitted', labels: { time: 'now' } }, spec: { containers: [container] } });
    await watch.until('ADDED');
    await watch.until('MODIFIED', (seen) => seen.status.phase === 'Running');
    await t.delete(`${pods}/submitted`, { gracePeriodSeconds: 30 });
    const leaving = await watch.until('MODIFIED', (seen) => seen.metadata.deletionTimestamp !== undefined);
    expect(leaving.metadata.deletionGracePeriodSeconds).toBe(30);
    await watch.until('DELETED');
    watch.stop();
    expect((await t.get(`${pods}?labelSelector=time=now`)).items).toEqual([]);
  });

  conformance('[sig-node] Pods should get a host IP [NodeConformance] [Conformance]', async (t) => {
    await t.create(t.path('v1', 'pods'), { metadata: { name: 'pod-hostip' }, spec: { containers: [{ name: 'test', image: 'example.com/i:1' }] } });
    await t.eventually('it has a host\'s address', async () => ((await t.get(t.path('v1', 'pods', 'pod-hostip'))).status.hostIP ?? '') !== '', 120_000);
    const { spec, status } = await t.get(t.path('v1', 'pods', 'pod-hostip'));
    const node = await t.get(`/api/v1/nodes/${spec.nodeName as string}`);
    expect((node.status.addresses as Any[]).map((one) => one.address)).toContain(status.hostIP);
  });

  conformance('[sig-architecture] Conformance Tests should have at least two untainted nodes [Conformance]', async (t) => {
    const nodes = (await t.get('/api/v1/nodes')).items as Any[];
    expect(nodes.filter((node) => (node.spec.taints ?? []).length === 0 && node.spec.unschedulable !== true).length).toBeGreaterThanOrEqual(2);
  });

  conformance('[sig-node] Pods should be updated [NodeConformance] [Conformance]', async (t) => {
    const pods = t.path('v1', 'pods');
    await t.create(pods, { metadata: { name: 'updated', labels: { time: 'before' } }, spec: { containers: [container] } });
    await t.eventually('it runs', async () => (await t.get(`${pods}/updated`)).status.phase === 'Running');
    await readAndUpdate(t, `${pods}/updated`, (pod) => { pod.metadata.labels.time = 'after'; });
    expect((await t.get(`${pods}?labelSelector=time=after`)).items).toHaveLength(1);
  });

  conformance('[sig-node] Pods should allow activeDeadlineSeconds to be updated [NodeConformance] [Conformance]', async (t) => {
    const pods = t.path('v1', 'pods');
    await t.create(pods, { metadata: { name: 'deadline' }, spec: { containers: [container] } });
    await t.eventually('it runs', async () => (await t.get(`${pods}/deadline`)).status.phase === 'Running');
    await readAndUpdate(t, `${pods}/deadline`, (pod) => { pod.spec.activeDeadlineSeconds = 5; });
    await t.eventually('its time is up', async () => { const { status } = await t.get(`${pods}/deadline`); return status.phase === 'Failed' && status.reason === 'DeadlineExceeded'; }, 120_000);
  });

  conformance('[sig-node] Pods should delete a collection of pods [Conformance]', async (t) => {
    const pods = t.path('v1', 'pods');
    for (const name of ['a', 'b', 'c']) await t.create(pods, { metadata: { name, labels: { type: 'Testing' } }, spec: { containers: [container] } });
    await t.eventually('all run', async () => ((await t.get(pods)).items as Any[]).every((pod) => pod.status.phase === 'Running'));
    await t.delete(`${pods}?labelSelector=type=Testing`, { gracePeriodSeconds: 1 });
    await t.eventually('all are gone', async () => (await t.get(`${pods}?labelSelector=type=Testing`)).items.length === 0, 120_000);
  });

  conformance('[sig-node] Pods should patch a pod status [Conformance]', async (t) => {
    const pods = t.path('v1', 'pods');
    await t.create(pods, { metadata: { name: 'p' }, spec: { containers: [container] } });
    await t.eventually('it runs', async () => (await t.get(`${pods}/p`)).status.phase === 'Running');
    const patched = await t.patch(`${pods}/p/status`, { metadata: { annotations: { patched: 'yes' } }, status: { message: 'Patched by e2e test', reason: 'E2E' } });
    expect(patched.status).toMatchObject({ message: 'Patched by e2e test', reason: 'E2E' });
  });

  conformance('[sig-node] Pods should run through the lifecycle of Pods and PodStatus [Conformance]', async (t) => {
    const pods = t.path('v1', 'pods');
    const watch = await t.watch('v1', 'pods', { namespace: t.namespace, labelSelector: 'test-pod-static=true' });
    await t.create(pods, { metadata: { name: 'pod-test', labels: { 'test-pod-static': 'true' } }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } });
    await watch.until('ADDED');
    await watch.until('MODIFIED', (seen) => seen.status.phase === 'Running');
    await t.patch(`${pods}/pod-test`, { metadata: { labels: { 'test-pod': 'patched' } }, spec: { containers: [{ name: 'pause', image: 'example.com/pause:2' }] } }, 'strategic');
    await watch.until('MODIFIED', (seen) => seen.metadata.labels['test-pod'] === 'patched' && seen.spec.containers[0].image === 'example.com/pause:2');
    const written = await readAndUpdate(t, `${pods}/pod-test/status`, (pod) => { for (const one of pod.status.conditions) if (one.type === 'Ready') one.status = 'False'; });
    expect(written.status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False' }));
    await t.delete(`${pods}?labelSelector=test-pod-static=true`);
    await watch.until('DELETED');
    watch.stop();
  });

  conformance('[sig-node] Ephemeral Containers [NodeConformance] should update the ephemeral containers in an existing pod [Conformance]', async (t) => {
    const path = t.path('v1', 'pods', 'p');
    await t.create(t.path('v1', 'pods'), { metadata: { name: 'p' }, spec: { containers: [container] } });
    await t.eventually('it runs', async () => (await t.get(path)).status.phase === 'Running');
    await t.patch(`${path}/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'debugger', image: 'example.com/busybox:1' }] } }, 'strategic');
    expect((await t.get(`${path}/ephemeralcontainers`)).spec.ephemeralContainers).toHaveLength(1);
    await readAndUpdate(t, `${path}/ephemeralcontainers`, (pod) => { pod.spec.ephemeralContainers.push({ name: 'debugger2', image: 'example.com/busybox:1' }); });
    expect((await t.get(path)).spec.ephemeralContainers.map((one: Any) => one.name)).toEqual(['debugger', 'debugger2']);
  });

  conformance('[sig-node] Sysctls [LinuxOnly] [NodeConformance] should reject invalid sysctls [MinimumKubeletVersion:1.21] [Conformance]', async (t) => {
    const sysctls = [{ name: 'foo-', value: 'bar' }, { name: 'kernel.shmmax', value: '100000000' }, { name: 'safe-and-unsafe', value: '100000000' }, { name: 'bar..', value: '42' }];
    const { code, message } = await t.refused('POST', t.path('v1', 'pods'), { metadata: { name: 'p' }, spec: { securityContext: { sysctls }, containers: [container] } });
    expect(code).toBe(422);
    expect(message).toContain('Invalid value: "foo-"');
    expect(message).toContain('Invalid value: "bar.."');
    expect(message).not.toContain('safe-and-unsafe');
    expect(message).not.toContain('kernel.shmmax');
  });

  conformance('[sig-node] RuntimeClass should reject a Pod requesting a non-existent RuntimeClass [NodeConformance] [Conformance]', async (t) => {
    expect(await t.refused('POST', t.path('v1', 'pods'), { metadata: { name: 'p' }, spec: { runtimeClassName: 'nonexistent', containers: [container] } })).toMatchObject({ code: 403, reason: 'Forbidden' });
  });

  conformance('[sig-node] RuntimeClass should reject a Pod requesting a deleted RuntimeClass [NodeConformance] [Conformance]', async (t) => {
    const path = `/apis/node.k8s.io/v1/runtimeclasses/${t.namespace}`;
    await t.create('/apis/node.k8s.io/v1/runtimeclasses', { metadata: { name: t.namespace }, handler: 'delete-me' });
    await t.delete(path);
    expect((await t.call('GET', path)).status).toBe(404);
    expect(await t.refused('POST', t.path('v1', 'pods'), { metadata: { name: 'p' }, spec: { runtimeClassName: t.namespace, containers: [container] } })).toMatchObject({ code: 403, reason: 'Forbidden' });
  });

  for (const [name, overhead] of [
    ['[sig-node] RuntimeClass should schedule a Pod requesting a RuntimeClass without PodOverhead [NodeConformance] [Conformance]', undefined],
    ['[sig-node] RuntimeClass should schedule a Pod requesting a RuntimeClass and initialize its Overhead [NodeConformance] [Conformance]', { cpu: '10m', memory: '1Mi' }],
  ] as const) {
    conformance(name, async (t) => {
      await t.create('/apis/node.k8s.io/v1/runtimeclasses', { metadata: { name: t.namespace }, handler: 'runc', ...(overhead === undefined ? {} : { overhead: { podFixed: overhead } }) });
      const made = await t.create(t.path('v1', 'pods'), { metadata: { name: 'p' }, spec: { runtimeClassName: t.namespace, containers: [container] } });
      expect(made.spec.overhead).toEqual(overhead);
      await t.eventually('it is scheduled', async () => ((await t.get(t.path('v1', 'pods', 'p'))).spec.nodeName ?? '') !== '');
      await t.delete(`/apis/node.k8s.io/v1/runtimeclasses/${t.namespace}`);
    });
  }

  conformance('[sig-node] Lease lease API should be available [Conformance]', async (t) => {
    const leases = t.path('coordination.k8s.io/v1', 'leases');
    await t.create(leases, { metadata: { name: 'lease' }, spec: { holderIdentity: 'holder', leaseDurationSeconds: 30, acquireTime: '2026-01-01T00:00:00.000000Z', renewTime: '2026-01-01T00:00:05.000000Z', leaseTransitions: 0 } });
    await readAndUpdate(t, `${leases}/lease`, (lease) => { lease.spec = { holderIdentity: 'holder2', leaseDurationSeconds: 60, acquireTime: '2026-01-01T00:00:10.000000Z', renewTime: '2026-01-01T00:00:15.000000Z', leaseTransitions: 1 }; });
    expect((await t.get(`${leases}/lease`)).spec).toMatchObject({ holderIdentity: 'holder2', leaseTransitions: 1 });
    const patched = await t.patch(`${leases}/lease`, { spec: { leaseDurationSeconds: 70 } }, 'strategic');
    expect(patched.spec).toMatchObject({ holderIdentity: 'holder2', leaseDurationSeconds: 70 });
    await t.create(leases, { metadata: { name: 'lease2', labels: { deletecollection: 'yes' } }, spec: {} });
    expect((await t.get(`${leases}?labelSelector=deletecollection=yes`)).items).toHaveLength(1);
    await t.delete(`${leases}?labelSelector=deletecollection=yes`);
    expect((await t.call('GET', `${leases}/lease2`)).status).toBe(404);
    await t.delete(`${leases}/lease`);
  });

  conformance('[sig-node] Node Lifecycle should run through the lifecycle of a node [Conformance]', async (t) => {
    const nodes = '/api/v1/nodes';
    const name = `fake-${t.namespace}`;
    await t.create(nodes, { metadata: { name, labels: { fake: t.namespace } }, spec: { unschedulable: true } });
    expect((await t.get(`${nodes}/${name}`)).metadata.name).toBe(name);
    await t.patch(`${nodes}/${name}`, { metadata: { labels: { patched: 'yes' } } }, 'strategic');
    expect((await t.get(`${nodes}?labelSelector=patched=yes`)).items).toHaveLength(1);
    await readAndUpdate(t, `${nodes}/${name}`, (node) => { node.metadata.labels.updated = 'yes'; });
    const status = await t.patch(`${nodes}/${name}/status`, { metadata: { annotations: { statuspatched: 'yes' } }, status: { phase: 'Running' } });
    expect(status.metadata.annotations.statuspatched).toBe('yes');
    await readAndUpdate(t, `${nodes}/${name}/status`, (node) => { node.metadata.annotations.statusupdated = 'yes'; });
    await t.delete(`${nodes}?labelSelector=fake=${t.namespace}`);
    expect((await t.get(`${nodes}?labelSelector=fake=${t.namespace}`)).items).toEqual([]);
  });

  conformance('[sig-storage] CSIInlineVolumes should support CSIVolumeSource in Pod API [Conformance]', async (t) => {
    const pods = t.path('v1', 'pods');
    const volumes = [{ name: 'inline', csi: { driver: 'e2e.example.com' } }];
    await t.create(pods, { metadata: { name: 'inline', labels: { csi: t.namespace } }, spec: { volumes, containers: [{ ...container, volumeMounts: [{ name: 'inline', mountPath: '/mnt' }] }] } });
    expect((await t.get(`${pods}/inline`)).spec.volumes).toContainEqual(volumes[0]);
    expect((await t.get(`/api/v1/pods?labelSelector=csi=${t.namespace}`)).items).toHaveLength(1);
    await t.patch(`${pods}/inline`, { metadata: { labels: { patched: 'yes' } } });
    await t.delete(`${pods}?labelSelector=patched=yes`, { gracePeriodSeconds: 0 });
    await t.eventually('it is gone', async () => (await t.get(`${pods}?labelSelector=patched=yes`)).items.length === 0);
  });
});
