import { expect } from 'vitest';
import { area, root, type Any, type Stage } from './world.ts';

async function podTemplates(t: Stage, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    await t.create(t.path('v1', 'podtemplates'), { metadata: { name: `template-${String(at).padStart(4, '0')}` }, template: { spec: { containers: [{ name: 'test', image: 'test2' }] } } });
  }
}

area('lists in pieces, tables, discovery', (conformance) => {
  conformance('[sig-api-machinery] Servers with support for API chunking should return chunks of results for list calls [Conformance]', async (t) => {
    await podTemplates(t, 40);
    const path = t.path('v1', 'podtemplates');
    for (const limit of [7, 13]) {
      const names: string[] = [];
      let version = '';
      for (let token = ''; ;) {
        const page = await t.get(`${path}?limit=${limit}&continue=${encodeURIComponent(token)}`);
        version ||= page.metadata.resourceVersion;
        expect(page.metadata.resourceVersion).toBe(version);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        names.push(...page.items.map((item: Any) => item.metadata.name));
        token = page.metadata.continue ?? '';
        if (token === '') {
          expect(page.metadata.remainingItemCount).toBeUndefined();
          break;
        }
        expect(page.metadata.remainingItemCount + names.length).toBe(40);
      }
      expect(names).toEqual(Array.from({ length: 40 }, (_, at) => `template-${String(at).padStart(4, '0')}`));
    }
    const whole = await t.get(`${path}?limit=0`);
    expect([whole.items.length, whole.metadata.continue]).toEqual([40, undefined]);
  });

  conformance('[sig-api-machinery] Servers with support for API chunking should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent [Slow] [Conformance]', async (t) => {
    await podTemplates(t, 40);
    const path = t.path('v1', 'podtemplates');
    const first = await t.get(`${path}?limit=10`);
    let expired: Any;
    // This cluster's store forgets older history twice a minute, not every five minutes.
    await t.eventually('the token has expired', async () => {
      const answer = await t.call('GET', `${path}?limit=10&continue=${encodeURIComponent(first.metadata.continue)}`);
      if (answer.status === 410) expired = answer.json;
      else await t.sleep(5_000);
      return expired !== undefined;
    }, 200_000);
    expect(expired).toMatchObject({ code: 410, reason: 'Expired' });
    const token = expired.metadata.continue as string;
    expect(token).toBeTruthy();
    const second = await t.get(`${path}?limit=10&continue=${encodeURIComponent(token)}`);
    expect(second.items.map((item: Any) => item.metadata.name)).toEqual(Array.from({ length: 10 }, (_, at) => `template-${String(at + 10).padStart(4, '0')}`));
    expect(Number(second.metadata.resourceVersion)).toBeGreaterThan(Number(first.metadata.resourceVersion));
    const rest = await t.get(`${path}?continue=${encodeURIComponent(second.metadata.continue)}`);
    expect(rest.items).toHaveLength(20);
    expect(rest.metadata.resourceVersion).toBe(second.metadata.resourceVersion);
  });

  conformance('[sig-api-machinery] Servers with support for Table transformation should return a 406 for a backend which does not implement metadata [Conformance]', async (t) => {
    const status = await t.refused('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: { verb: 'list', resource: 'pods' } } }, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    expect(status).toMatchObject({ code: 406, reason: 'NotAcceptable' });
  });

  conformance('[sig-api-machinery] Discovery should validate PreferredVersion for each APIGroup [Conformance]', async (t) => {
    const { groups } = await t.get('/apis');
    for (const group of groups as Any[]) {
      const own = await t.get(`/apis/${group.name}`);
      expect(own.name).toBe(group.name);
      expect(own.preferredVersion.version).toBe(group.preferredVersion.version);
      expect(own.versions).toContainEqual(own.preferredVersion);
    }
  });

  conformance('[sig-api-machinery] Discovery should locate the groupVersion and a resource within each APIGroup [Conformance]', async (t) => {
    const expected: Readonly<Record<string, string>> = {
      'admissionregistration.k8s.io/v1': 'validatingwebhookconfigurations', 'apiextensions.k8s.io/v1': 'customresourcedefinitions', 'apiregistration.k8s.io/v1': 'apiservices',
      'apps/v1': 'deployments', 'authentication.k8s.io/v1': 'tokenreviews', 'authorization.k8s.io/v1': 'selfsubjectaccessreviews', 'autoscaling/v1': 'horizontalpodautoscalers',
      'autoscaling/v2': 'horizontalpodautoscalers', 'batch/v1': 'jobs', 'certificates.k8s.io/v1': 'certificatesigningrequests', 'coordination.k8s.io/v1': 'leases', 'discovery.k8s.io/v1': 'endpointslices',
      'events.k8s.io/v1': 'events', 'networking.k8s.io/v1': 'ingresses', 'node.k8s.io/v1': 'runtimeclasses', 'policy/v1': 'poddisruptionbudgets', 'scheduling.k8s.io/v1': 'priorityclasses', 'storage.k8s.io/v1': 'csinodes',
      'rbac.authorization.k8s.io/v1': 'clusterroles', 'v1': 'pods',
    };
    for (const [groupVersion, resource] of Object.entries(expected)) {
      const list = await t.get(root(groupVersion));
      expect(list.groupVersion).toBe(groupVersion);
      expect(list.resources.map((one: Any) => one.name)).toContain(resource);
    }
  });

  conformance('[sig-api-machinery] server version should find the server version [Conformance]', async (t) => {
    expect(await t.get('/version')).toMatchObject({ major: '1', minor: '32' });
  });

  conformance('[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface [Conformance]', async (t) => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const { json } = await t.call('GET', '/apis', undefined, { accept });
    expect(json).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    const served = new Set((json.items as Any[]).flatMap((group) => (group.versions as Any[]).flatMap((version) => (version.resources as Any[]).map((one) => `${group.metadata.name}/${version.version}/${one.resource}`))));
    for (const id of ['admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', 'apiextensions.k8s.io/v1/customresourcedefinitions', 'apiregistration.k8s.io/v1/apiservices', 'apps/v1/deployments', 'batch/v1/jobs', 'policy/v1/poddisruptionbudgets']) expect(served).toContain(id);
    const core = (await t.call('GET', '/api', undefined, { accept })).json;
    expect(core.items[0].versions[0].resources.map((one: Any) => one.resource)).toEqual(expect.arrayContaining(['namespaces', 'nodes', 'pods', 'services']));
  });

  conformance('[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers [Conformance]', async (t) => {
    const cases = [
      ['application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList', 'APIGroupDiscoveryList'],
      ['application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json', 'APIGroupDiscoveryList'],
      ['application/json', 'APIGroupList'],
    ] as const;
    for (const [accept, kind] of cases) expect((await t.call('GET', '/apis', undefined, { accept })).json.kind).toBe(kind);
  });
}, { compactionIntervalMs: 30_000 });
