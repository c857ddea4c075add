import { SeededRandom } from '@coxswain/host/sim';
import fc from 'fast-check';
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { defaultProfile } from '../config.ts';
import { decide } from '../decide.ts';
import { CycleState } from '../framework/cycle-state.ts';
import { makeFramework } from '../profile.ts';
import { Nominations } from '../queue/nominations.ts';
import { question, volumeQuestion } from '../testing/arbitraries.ts';
import { cacheOf, handleOf, host } from '../testing/history.ts';
import type { SlowCluster } from '../testing/slow-model.ts';
import { podInfoOf } from './pod-info.ts';
import { thrifts } from './thrift.ts';

function decision(cluster: SlowCluster, pod: Pod): unknown {
  const snapshot = cacheOf(cluster).snapshot();
  const options = { nominator: new Nominations(), nominatedNodeName: '', random: new SeededRandom(1), percentageOfNodesToScore: 0, startIndex: 0 };
  const decided = decide(makeFramework(defaultProfile, handleOf(cluster), host.timers), new CycleState(), podInfoOf(pod), snapshot, options);
  return decided.kind === 'unfit' ? { ...decided, diagnosis: [...decided.diagnosis.statuses()] } : decided;
}

test('pods and nodes with less in them are decided as whole ones', () => {
  const { pods, nodes } = thrifts();
  fc.assert(fc.property(fc.oneof(question, volumeQuestion), ({ cluster, pod }) => {
    const lean = { ...cluster, pods: cluster.pods.map((one) => pods.keep(one)), nodes: cluster.nodes.map((one) => nodes.keep(one)) };
    expect(decision(lean, pods.keep(pod))).toEqual(decision(cluster, pod));
  }), { numRuns: 300, seed: 31 });
});

function whole(name: string): Pod {
  return {
    metadata: {
      name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: '7', labels: { app: 'web' }, managedFields: [{ manager: 'kubectl' }], deletionTimestamp: '2026-01-01T00:00:00Z',
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', 'example.com/deadline': '5m' }, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'r', controller: true }],
    },
    spec: {
      schedulerName: 'default-scheduler', nodeName: 'n1', preemptionPolicy: 'Never', schedulingGates: [{ name: 'g' }], serviceAccountName: 'default',
      containers: [{ name: 'c', image: 'web:1', env: [{ name: 'A', value: 'b' }], volumeMounts: [{ name: 'token', mountPath: '/t' }], resources: { requests: { cpu: '1' } } }],
      volumes: [{ name: 'token', projected: { sources: [] } }, { name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    },
    status: { phase: 'Running', nominatedNodeName: 'n1', startTime: '2026-01-01T00:00:00Z', podIP: '10.0.0.1', containerStatuses: [{ name: 'c', image: 'web:1', imageID: '', ready: true, restartCount: 0 }], conditions: [{ type: 'DisruptionTarget', status: 'True' }] },
  };
}

test('what decisions, preemption and messages read stays, what fills memory goes, and equal pods share the rest', () => {
  const { pods } = thrifts();
  const [a, b] = [pods.keep(whole('a')), pods.keep(whole('b'))];
  expect(a).toEqual({
    apiVersion: 'v1', kind: 'Pod',
    metadata: {
      name: 'a', namespace: 'shop', uid: 'uid-a', resourceVersion: '7', labels: { app: 'web' }, deletionTimestamp: '2026-01-01T00:00:00Z',
      annotations: { 'example.com/deadline': '5m' }, ownerReferences: whole('a').metadata?.ownerReferences,
    },
    spec: {
      schedulerName: 'default-scheduler', nodeName: 'n1', preemptionPolicy: 'Never', schedulingGates: [{ name: 'g' }],
      containers: [{ name: 'c', image: 'web:1', resources: { requests: { cpu: '1' } } }], volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    },
    status: { phase: 'Running', nominatedNodeName: 'n1', startTime: '2026-01-01T00:00:00Z', conditions: [{ type: 'DisruptionTarget', status: 'True' }] },
  });
  expect(b.spec?.containers).toBe(a.spec?.containers);
  expect(b.metadata?.labels).toBe(a.metadata?.labels);
  expect(b.metadata?.uid).toBe('uid-b');
});
