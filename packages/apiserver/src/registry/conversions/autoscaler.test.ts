import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../../testing/cluster.ts';

/** What kube-apiserver 1.32.2 answered: v1 has fields for CPU utilization only, and keeps the rest in annotations, in forms of its own. */
let cluster: TestCluster;
beforeAll(async () => { cluster = await startTestCluster(); });
afterAll(() => cluster.stop());

const base = (version: string): string => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;
const key = (name: string): string => `autoscaling.alpha.kubernetes.io/${name}`;
const merge = { 'content-type': 'application/merge-patch+json' };

async function make(version: string, name: string, annotations: Record<string, string>, spec: object): Promise<void> {
  const body = { apiVersion: `autoscaling/${version}`, kind: 'HorizontalPodAutoscaler', metadata: { name, annotations }, spec: { scaleTargetRef: { kind: 'Deployment', name: 'd' }, maxReplicas: 5, ...spec } };
  const made = await cluster.call('POST', base(version), { body });
  expect(made.status, made.text).toBe(201);
}

async function read(version: string, name: string): Promise<{ readonly annotations: unknown; readonly spec: Record<string, unknown>; readonly status: Record<string, unknown> }> {
  const { object } = await cluster.call('GET', `${base(version)}/${name}`);
  return { annotations: object.metadata['annotations'], spec: object.spec, status: object.status };
}

const cpu = (averageUtilization: number): object => ({ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } });

test('every sort of metric, the behavior and the status of v2 as v1 shows them', async () => {
  await make('v2', 'h', { x: 'y', [key('metrics')]: '[]' }, {
    metrics: [
      { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '100Mi' } } }, cpu(70),
      { type: 'Pods', pods: { metric: { name: 'rps', selector: { matchLabels: { a: 'b' } } }, target: { type: 'AverageValue', averageValue: '1500m' } } },
      { type: 'Object', object: { describedObject: { kind: 'Ingress', name: 'i', apiVersion: 'networking.k8s.io/v1' }, metric: { name: 'r' }, target: { type: 'Value', value: '2k' } } },
      { type: 'Object', object: { describedObject: { kind: 'Ingress', name: 'j' }, metric: { name: 'r2' }, target: { type: 'AverageValue', averageValue: '3' } } },
      { type: 'External', external: { metric: { name: 'q', selector: { matchExpressions: [{ key: 'k', operator: 'Exists' }] } }, target: { type: 'AverageValue', averageValue: '30' } } },
      { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'c', target: { type: 'Utilization', averageUtilization: 60 } } },
    ],
    behavior: { scaleDown: { stabilizationWindowSeconds: 60, policies: [{ type: 'Pods', value: 1, periodSeconds: 30 }] } },
  });
  expect((await read('v2', 'h')).annotations).toEqual({ x: 'y' });
  const status = {
    observedGeneration: 1, currentReplicas: 2, desiredReplicas: 3,
    currentMetrics: [
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 55, averageValue: '120m' } } }, { type: 'Pods', pods: { metric: { name: 'rps' }, current: { averageValue: '2' } } },
      { type: 'Object', object: { describedObject: { kind: 'Ingress', name: 'i' }, metric: { name: 'r' }, current: { value: '7' } } }, { type: 'External', external: { metric: { name: 'q' }, current: { averageValue: '9' } } },
      { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'c', current: { averageUtilization: 1, averageValue: '5m' } } },
    ],
    conditions: [{ type: 'AbleToScale', status: 'True', reason: 'R', message: 'a < b & c', lastTransitionTime: '2026-01-02T03:04:05Z' }, { type: 'ScalingActive', status: 'False' }],
  };
  const patched = await cluster.call('PATCH', `${base('v2')}/h/status`, { body: { status }, headers: merge });
  expect(patched.status, patched.text).toBe(200);
  const shown = await read('v1', 'h');
  expect(shown.annotations).toEqual({
    x: 'y',
    [key('behavior')]: '{"ScaleUp":{"StabilizationWindowSeconds":0,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15},{"Type":"Percent","Value":100,"PeriodSeconds":15}]},"ScaleDown":{"StabilizationWindowSeconds":60,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":30}]}}',
    [key('conditions')]: '[{"type":"AbleToScale","status":"True","lastTransitionTime":"2026-01-02T03:04:05Z","reason":"R","message":"a \\u003c b \\u0026 c"},{"type":"ScalingActive","status":"False","lastTransitionTime":null}]',
    [key('current-metrics')]: '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":55,"currentAverageValue":"120m"}},{"type":"Pods","pods":{"metricName":"rps","currentAverageValue":"2"}},{"type":"Object","object":{"target":{"kind":"Ingress","name":"i"},"metricName":"r","currentValue":"7"}},{"type":"External","external":{"metricName":"q","currentValue":"0","currentAverageValue":"9"}},{"type":"ContainerResource","containerResource":{"name":"cpu","currentAverageUtilization":1,"currentAverageValue":"5m","container":"c"}}]',
    [key('metrics')]: '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"100Mi"}},{"type":"Pods","pods":{"metricName":"rps","targetAverageValue":"1500m","selector":{"matchLabels":{"a":"b"}}}},{"type":"Object","object":{"target":{"kind":"Ingress","name":"i","apiVersion":"networking.k8s.io/v1"},"metricName":"r","targetValue":"2k"}},{"type":"Object","object":{"target":{"kind":"Ingress","name":"j"},"metricName":"r2","targetValue":"0","averageValue":"3"}},{"type":"External","external":{"metricName":"q","metricSelector":{"matchExpressions":[{"key":"k","operator":"Exists"}]},"targetAverageValue":"30"}},{"type":"ContainerResource","containerResource":{"name":"cpu","targetAverageUtilization":60,"container":"c"}}]',
  });
  expect(shown.spec).toEqual({ scaleTargetRef: { kind: 'Deployment', name: 'd' }, minReplicas: 1, maxReplicas: 5, targetCPUUtilizationPercentage: 70 });
  expect(shown.status).toEqual({ observedGeneration: 1, currentReplicas: 2, desiredReplicas: 3, currentCPUUtilizationPercentage: 55 });
});

test('what v1 is given in annotations v2 has in fields, names of the behavior in any case', async () => {
  await make('v1', 'a', {
    [key('metrics')]: '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"0.5Gi"}},{"type":"Pods","pods":{"metricName":"x","targetAverageValue":"1"}},{"type":"Object","object":{"target":{"kind":"K","name":"n"},"metricName":"m","targetValue":"5","averageValue":"6"}},{"type":"External","external":{"metricName":"e","targetValue":"7"}}]',
    [key('behavior')]: '{"ScaleUp":{"SelectPolicy":"Min","Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":10}]},"scaledown":{"policies":[{"type":"Pods","Value":3,"PeriodSeconds":20}]}}',
    [key('conditions')]: '[{"type":"T","status":"True"}]', [key('current-metrics')]: '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":3,"currentAverageValue":"4m"}}]',
  }, { targetCPUUtilizationPercentage: 50 });
  expect(await read('v2', 'a')).toEqual({
    annotations: undefined,
    spec: {
      scaleTargetRef: { kind: 'Deployment', name: 'd' }, minReplicas: 1, maxReplicas: 5,
      metrics: [
        { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '512Mi' } } }, { type: 'Pods', pods: { metric: { name: 'x' }, target: { type: 'AverageValue', averageValue: '1' } } },
        { type: 'Object', object: { describedObject: { kind: 'K', name: 'n' }, target: { type: 'AverageValue', value: '5', averageValue: '6' }, metric: { name: 'm' } } },
        { type: 'External', external: { metric: { name: 'e' }, target: { type: 'Value', value: '7' } } }, cpu(50),
      ],
      behavior: {
        scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Min', policies: [{ type: 'Pods', value: 1, periodSeconds: 10 }] }, scaleDown: { selectPolicy: 'Max', policies: [{ type: 'Pods', value: 3, periodSeconds: 20 }] },
      },
    },
    // A new one has no status, whoever says so.
    status: { desiredReplicas: 0, currentMetrics: null },
  });
});

test('a rule without policies is refused as there', async () => {
  const body = { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler', metadata: { name: 'x', annotations: { [key('behavior')]: '{"ScaleUp":{"SelectPolicy":"Min"}}' } }, spec: { scaleTargetRef: { kind: 'Deployment', name: 'd' }, maxReplicas: 5 } };
  const { status, json } = await cluster.call('POST', base('v1'), { body });
  expect([status, json['message']]).toEqual([422, 'HorizontalPodAutoscaler.autoscaling "x" is invalid: spec.behavior.scaleUp.policies: Required value: must specify at least one Policy']);
});

test.each([
  ['b', { [key('metrics')]: '[{"type":5}]', k: 'v' }, {}, { k: 'v' }, [cpu(80)]],
  ['c', { [key('metrics')]: 'no json' }, { targetCPUUtilizationPercentage: 50 }, undefined, [cpu(50)]],
  ['d', { [key('metrics')]: '[]', [key('behavior')]: '{}' }, {}, undefined, [cpu(80)]],
  ['e', { [key('behavior')]: '{"scaleUp":null}' }, {}, undefined, [cpu(80)]],
  ['f', { [key('metrics')]: 'null' }, {}, undefined, [cpu(80)]],
])('annotations that say nothing are dropped (%s)', async (name, annotations, spec, left, metrics) => {
  await make('v1', name, annotations, spec);
  const { annotations: kept, spec: { behavior, metrics: shown } } = await read('v2', name);
  expect({ kept, behavior, shown }).toEqual({ kept: left, behavior: undefined, shown: metrics });
});

test('what v1 says of the CPU is all that is known of it', async () => {
  await make('v1', 'now', { k: 'v' }, {});
  await cluster.call('PATCH', `${base('v1')}/now/status`, { body: { status: { currentReplicas: 1, desiredReplicas: 1, currentCPUUtilizationPercentage: 33 } }, headers: merge });
  expect((await read('v2', 'now')).status).toEqual({ currentReplicas: 1, desiredReplicas: 1, currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 33 } } }] });
  expect((await read('v1', 'now')).annotations).toEqual({ k: 'v', [key('current-metrics')]: '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":33,"currentAverageValue":"0"}}]' });
});
