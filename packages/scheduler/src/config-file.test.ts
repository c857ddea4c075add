import { expect, test } from 'vitest';
import { UsageError } from '@coxswain/service';
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
  [{ ...head, extenders: [{ urlPrefix: 'http://x', prioritizeVerb: 'p' }] }, 'extenders[0].weight: Invalid value: 0: must have a positive weight applied to it'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x', bindVerb: 'b' }, { urlPrefix: 'http://y', bindVerb: 'b' }] }, 'extenders: Invalid value: "found 2 extenders implementing bind": only one extender can implement bind'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x', managedResources: [{ name: 'cpu' }] }] }, 'extenders[0].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x', managedResources: [{ name: 'a.b/c' }, { name: 'a.b/c' }] }] }, 'extenders[0].managedResources[1].name: Invalid value: "a.b/c": duplicate extender managed resource name'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x', filterverb: 'f' }] }, 'extenders[0].filterverb: unknown field; did you mean filterVerb?'],
  [{ ...head, extenders: [{ urlPrefix: 'http://x', httpTimeout: 'soon' }] }, 'extenders[0].httpTimeout: expected a duration such as 15s'],
  [{ ...head, extenders: [{ urlPrefix: 'https://x', tlsConfig: { certData: 'eA==' } }] }, 'extenders[0].tlsConfig: certFile (or certData) and keyFile (or keyData) go together'],
  [{ ...head, extenders: [{ urlPrefix: 'https://x', tlsConfig: { caFile: '/gone' } }] }, 'extenders[0].tlsConfig.caFile: no file can be read here'],
  [{ ...head, profiles: [{ pluginConfig: [{ name: 'VolumeBinding', args: { bindTimeoutSeconds: -1 } }] }] }, 'profiles[0].pluginConfig[0].args.bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value'],
  [{ ...head, percentageOfNodesToScore: 101 }, 'percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]'],
  [{ ...head, profiles: [{ plugins: { filter: { enabled: [{ name: 'EBSLimits' }] } } }] }, 'profiles[0].plugins.filter.enabled[0]: Invalid value: "EBSLimits": was invalid in version "v1" (KubeSchedulerConfiguration is version "kubescheduler.config.k8s.io/v1")'],
  [{ ...head, profiles: [{ plugins: { multiPoint: { enabled: [{ name: 'Coscheduling' }] } } }] }, 'only one queue sort plugin required for profile with scheduler name "default-scheduler", but got 2: PrioritySort, Coscheduling'],
  [{ ...head, profiles: [{ plugins: { queueSort: { disabled: [{ name: '*' }] } } }] }, 'only one queue sort plugin required for profile with scheduler name "default-scheduler", but got 0'],
  [{ ...head, profiles: [{ schedulerName: 'a' }, { schedulerName: 'b', plugins: { queueSort: { enabled: [{ name: 'Deadline' }], disabled: [{ name: '*' }] } } }] }, 'all profiles must use the same queueSort plugin'],
  [{ ...head, profiles: [{ pluginConfig: [{ name: 'Coscheduling', args: { podGroupBackoffSeconds: 3 } }] }] }, 'podGroupBackoffSeconds: is not built; leave it out'],
  [{ ...head, profiles: [{ pluginConfig: [{ name: 'DataLocality', args: { zoneScorePercent: 101 } }] }] }, 'zoneScorePercent: expected a whole number from 0 to 100'],
  [{ ...head, profiles: [{ plugins: { filter: { enabled: [{ name: 'NodeName' }, { name: 'NodeName' }] } } }] }, 'plugin "NodeName" already registered'],
  [{ apiVersion: 'v1', kind: 'Pod' }, 'expected kind KubeSchedulerConfiguration'],
])('%j is refused in one line', (file, text) => {
  expect(() => parseSchedulerFile(file, 'me')).toThrow(text);
});

const args = (name: string, given: object): object => ({ profiles: [{ pluginConfig: [{ name, args: given }] }] });
const at = 'profiles[0].pluginConfig[0].args';

/** As kube-scheduler 1.32.2 refuses them. */
test.each<[object, string]>([
  [{ parallelism: 0 }, 'parallelism: Invalid value: 0: should be an integer value greater than zero'],
  [{ leaderElection: { resourceLock: 'endpoints' } }, 'leaderElection.resourceLock: Invalid value: "endpoints": resourceLock value must be "leases"'],
  [{ clientConnection: { burst: -1 } }, 'clientConnection.burst: Invalid value: -1: must be non-negative'],
  [{ podInitialBackoffSeconds: 0 }, 'podInitialBackoffSeconds: Invalid value: 0: must be greater than 0'],
  [{ podInitialBackoffSeconds: 20 }, 'podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds'],
  [{ profiles: [{ schedulerName: '' }] }, 'profiles[0].schedulerName: Required value'],
  [{ profiles: [{ schedulerName: 'a' }, { schedulerName: 'a', percentageOfNodesToScore: -1 }] }, '[profiles[1].percentageOfNodesToScore: Invalid value: -1: not in valid range [0-100], profiles[1].schedulerName: Duplicate value: "a"]'],
  [{ profiles: [{ pluginConfig: [{ name: 'InterPodAffinity', args: { hardPodAffinityWeight: 101 } }, { name: 'InterPodAffinity', args: { hardPodAffinityWeight: 1 } }] }] }, `[${at}.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100], profiles[0].pluginConfig[1]: Duplicate value: "InterPodAffinity"]`],
  [args('DefaultPreemption', { minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0 }), `[${at}.minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute, ${at}.minCandidateNodesAbsolute: Invalid value: 0: cannot be zero at the same time as minCandidateNodesPercentage]`],
  [args('DefaultPreemption', { minCandidateNodesPercentage: 101, minCandidateNodesAbsolute: -1 }), `[${at}.minCandidateNodesPercentage: Invalid value: 101: not in valid range [0, 100], ${at}.minCandidateNodesAbsolute: Invalid value: -1: not in valid range [0, inf)]`],
  [args('PodTopologySpread', { defaultConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'x', labelSelector: {} }] }), `[${at}.defaultingType: Invalid value: "System": when .defaultConstraints are not empty, ${at}.defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range (0, inf), ${at}.defaultConstraints[0].topologyKey: Required value: can not be empty, ${at}.defaultConstraints[0].whenUnsatisfiable: Unsupported value: "x": supported values: "DoNotSchedule", "ScheduleAnyway", ${at}.defaultConstraints[0].labelSelector: Forbidden: constraint must not define a selector, as they deduced for each pod]`],
  [args('PodTopologySpread', { defaultingType: 'Lists', defaultConstraints: [{ maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule' }, { maxSkew: 2, topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule' }] }), `[${at}.defaultingType: Unsupported value: "Lists": supported values: "System", "List", ${at}.defaultConstraints[1]: Duplicate value: "{z, DoNotSchedule}"]`],
  [args('NodeResourcesBalancedAllocation', { resources: [{ name: 'cpu', weight: 2 }, { name: 'cpu', weight: 1 }] }), `[${at}.resources[0].weight: Invalid value: 2: must be 1, ${at}.resources[1].name: Duplicate value: "cpu"]`],
  [{ profiles: [{ pluginConfig: [{ name: 'EBSLimits' }] }] }, 'profiles[0].pluginConfig[0]: Invalid value: "EBSLimits": was invalid in version "v1" (KubeSchedulerConfiguration is version "kubescheduler.config.k8s.io/v1")'],
])('%j: %s', (fields, message) => {
  expect(() => parseSchedulerFile({ ...head, ...fields }, 'me')).toThrow(new UsageError(`KubeSchedulerConfiguration: ${message}`));
});

test('who asks for no lead may say of it what is wrong, as upstream', () => {
  expect(parseSchedulerFile({ ...head, leaderElection: { leaderElect: false, resourceLock: 'endpoints' } }, 'me').config.leaderElection.leaderElect).toBe(false);
});
