import { expect, test } from 'vitest';
import { parseSchedulerFile } from './config-file.ts';

const head = { apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration' };

test('reads what kube-scheduler reads', () => {
  const { config, kubeconfig } = parseSchedulerFile({
    ...head, clientConnection: { kubeconfig: '/etc/scheduler.conf' }, leaderElection: { leaderElect: false, leaseDuration: '30s' }, podMaxBackoffSeconds: 20,
    profiles: [{
      schedulerName: 'packer',
      plugins: { score: { disabled: [{ name: 'ImageLocality' }], enabled: [{ name: 'NodeAffinity', weight: 7 }] } },
      pluginConfig: [{ name: 'NodeResourcesFit', args: { scoringStrategy: { type: 'MostAllocated', resources: [{ name: 'cpu', weight: 3 }] } } }],
    }],
  }, 'me');
  expect(kubeconfig).toBe('/etc/scheduler.conf');
  expect(config.leaderElection).toMatchObject({ leaderElect: false, leaseDurationMs: 30_000, renewDeadlineMs: 10_000 });
  expect(config.podMaxBackoffMs).toBe(20_000);
  expect(config.profiles[0]?.args.nodeResourcesFit.scoringStrategy).toMatchObject({ type: 'MostAllocated', resources: [{ name: 'cpu', weight: 3 }] });
  expect(config.profiles[0]?.points.score?.enabled).toEqual([{ name: 'NodeAffinity', weight: 7 }]);
});

test.each([
  [{ ...head, profils: [] }, 'profils: unknown field; did you mean profiles?'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x' }] }, 'extenders: is not built yet'],
  [{ ...head, profiles: [{ pluginConfig: [{ name: 'VolumeBinding', args: { bindTimeoutSeconds: -1 } }] }] }, 'bindTimeoutSeconds: expected a whole number from 0'],
  [{ ...head, percentageOfNodesToScore: 101 }, 'percentageOfNodesToScore: expected a whole number from 0 to 100'],
  [{ ...head, profiles: [{ plugins: { filter: { enabled: [{ name: 'DynamicResources' }] } } }] }, 'plugin DynamicResources is not built yet'],
  [{ ...head, profiles: [{}, {}] }, 'two profiles have the same schedulerName'],
  [{ apiVersion: 'v1', kind: 'Pod' }, 'expected kind KubeSchedulerConfiguration'],
])('%j is refused in one line', (file, text) => {
  expect(() => parseSchedulerFile(file, 'me')).toThrow(text);
});
