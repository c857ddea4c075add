import { expect, test } from 'vitest';
import { parseSchedulerFile } from '../config-file.ts';
import { node, pod } from '../testing/world.ts';
import { stateOf } from './cluster-state.ts';
import { simulate } from './simulate.ts';

const { config } = parseSchedulerFile({
  apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration',
  profiles: [{ plugins: { multiPoint: { enabled: [{ name: 'Coscheduling' }] }, queueSort: { enabled: [{ name: 'Coscheduling' }], disabled: [{ name: '*' }] } } }],
}, 'test');

test.each([['1', []], ['2', ['default/a', 'default/b']]])('a gang of two in a state with a node of %s processors', async (cpu, placed) => {
  const members = ['a', 'b'].map((name) => { const made = pod(name, '1', {}, { 'scheduling.x-k8s.io/pod-group': 'g' }); return { ...made, kind: 'Pod', metadata: { ...made.metadata, uid: name } }; });
  const state = stateOf([{ ...node('n1', { cpu }), kind: 'Node' }, ...members, { apiVersion: 'scheduling.x-k8s.io/v1alpha1', kind: 'PodGroup', metadata: { name: 'g', namespace: 'default' }, spec: { minMember: 2 } }]);
  const { placements } = await simulate(state, { scenario: {}, config, seed: 1, forMs: 5000 });
  expect(placements.map((placement) => placement.pod).toSorted()).toEqual(placed);
});
