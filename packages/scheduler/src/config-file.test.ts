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

test('reads extenders, and what they ask to be ignored', () => {
  const files: Readonly<Record<string, string>> = { '/ca': 'CA', '/cert': 'CERT', '/key': 'KEY' };
  const { config } = parseSchedulerFile({ ...head, extenders: [
    { urlPrefix: 'https://a:1/x', filterVerb: 'f', prioritizeVerb: 'p', preemptVerb: 'e', bindVerb: 'b', weight: 7, enableHTTPS: true, httpTimeout: '1m', nodeCacheCapable: true, ignorable: true,
      tlsConfig: { caFile: '/ca', certFile: '/cert', keyData: 'REFUQQ==', serverName: 'n' }, managedResources: [{ name: 'example.com/a', ignoredByScheduler: true }, { name: 'example.com/b' }] },
    { urlPrefix: 'https://b', enableHTTPS: true }, { urlPrefix: 'https://c' },
  ] }, 'me', (path) => files[path] as string);
  expect(config.extenders).toEqual([
    { urlPrefix: 'https://a:1/x', filterVerb: 'f', prioritizeVerb: 'p', preemptVerb: 'e', bindVerb: 'b', weight: 7, timeoutMs: 60_000, nodeCacheCapable: true, ignorable: true,
      managedResources: ['example.com/a', 'example.com/b'], tls: { caPem: 'CA', certPem: 'CERT', keyPem: 'DATA', serverName: 'n' } },
    expect.objectContaining({ timeoutMs: 5000, weight: 0, tls: { insecureSkipVerify: true } }), expect.objectContaining({ tls: undefined }),
  ]);
  expect(config.profiles[0]?.args.nodeResourcesFit.ignoredResources).toEqual(['example.com/a']);
});

test.each([
  [{ ...head, profils: [] }, 'profils: unknown field; did you mean profiles?'],
  [{ ...head, extenders: [{ urlPrefix: 'ftp://x' }] }, 'extenders[0].urlPrefix: expected a URL such as http://host:port/path'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x', prioritizeVerb: 'p' }] }, 'extenders[0].weight: must have a positive weight applied to it'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x', bindVerb: 'b' }, { urlPrefix: 'http://y', bindVerb: 'b' }] }, 'extenders: only one extender can implement bind'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x', managedResources: [{ name: 'cpu' }] }] }, 'extenders[0].managedResources[0].name: "cpu" is an invalid extended resource name'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x', managedResources: [{ name: 'a.b/c' }, { name: 'a.b/c' }] }] }, 'extenders[0].managedResources: duplicate extender managed resource name "a.b/c"'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x', filterverb: 'f' }] }, 'extenders[0].filterverb: unknown field; did you mean filterVerb?'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x', httpTimeout: 'soon' }] }, 'extenders[0].httpTimeout: expected a duration such as 15s'],
  [{ ...head, extenders: [{ urlPrefix: 'https://x', tlsConfig: { certData: 'eA==' } }] }, 'extenders[0].tlsConfig: certFile (or certData) and keyFile (or keyData) go together'],
  [{ ...head, extenders: [{ urlPrefix: 'https://x', tlsConfig: { caFile: '/gone' } }] }, 'extenders[0].tlsConfig.caFile: no file can be read here'],
  [{ ...head, profiles: [{ pluginConfig: [{ name: 'VolumeBinding', args: { bindTimeoutSeconds: -1 } }] }] }, 'bindTimeoutSeconds: expected a whole number from 0'],
  [{ ...head, percentageOfNodesToScore: 101 }, 'percentageOfNodesToScore: expected a whole number from 0 to 100'],
  [{ ...head, profiles: [{ plugins: { filter: { enabled: [{ name: 'EBSLimits' }] } } }] }, 'plugin EBSLimits is not built yet'],
  [{ ...head, profiles: [{ plugins: { multiPoint: { enabled: [{ name: 'Coscheduling' }] } } }] }, 'only one queue sort plugin required for profile with scheduler name "default-scheduler", but got 2: PrioritySort, Coscheduling'],
  [{ ...head, profiles: [{ plugins: { queueSort: { disabled: [{ name: '*' }] } } }] }, 'only one queue sort plugin required for profile with scheduler name "default-scheduler", but got 0'],
  [{ ...head, profiles: [{}, { schedulerName: 'b', plugins: { queueSort: { enabled: [{ name: 'Deadline' }], disabled: [{ name: '*' }] } } }] }, 'all profiles must use the same queueSort plugin'],
  [{ ...head, profiles: [{ pluginConfig: [{ name: 'Coscheduling', args: { podGroupBackoffSeconds: 3 } }] }] }, 'podGroupBackoffSeconds: is not built; leave it out'],
  [{ ...head, profiles: [{ pluginConfig: [{ name: 'DataLocality', args: { zoneScorePercent: 101 } }] }] }, 'zoneScorePercent: expected a whole number from 0 to 100'],
  [{ ...head, profiles: [{}, {}] }, 'two profiles have the same schedulerName'],
  [{ apiVersion: 'v1', kind: 'Pod' }, 'expected kind KubeSchedulerConfiguration'],
])('%j is refused in one line', (file, text) => {
  expect(() => parseSchedulerFile(file, 'me')).toThrow(text);
});
