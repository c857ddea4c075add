import { UsageError } from '@coxswain/service';
import { defaultProfile, defaultSchedulerConfig, type EnabledPlugin, type PluginArgs, type ProfileConfig, type SchedulerConfig } from './config.ts';
import { enabledAt } from './profile.ts';
import { mistake, Section } from './config-section.ts';
import { configurationErrors } from './config-validation.ts';
import { ignoredResources, readExtenders, type ReadFile } from './extender/extender-section.ts';
import type { ExtensionPoint } from './framework/plugin-sets.ts';
import { defaultWeights, optionalPluginNames, pluginNames, queueSortNames, unbuiltPlugins, type PluginName } from './plugins/names.ts';

function pluginName(section: Section): PluginName {
  const name = section.string('name', '');
  const known: readonly string[] = [...pluginNames, ...optionalPluginNames];
  if (known.includes(name)) return name as PluginName;
  if (unbuiltPlugins.includes(name)) throw mistake(section.path, `plugin ${name} is not built yet`);
  throw mistake(section.path, `unknown plugin ${JSON.stringify(name)}; known are ${known.join(', ')}`);
}

interface PluginSet { readonly enabled: readonly EnabledPlugin[]; readonly disabled: ReadonlySet<string> }

function readPluginSet(section: Section): PluginSet {
  const enabled = section.sections('enabled').map((item) => {
    const name = pluginName(item);
    const weight = item.int('weight', 0, 0, 1_000_000);
    item.end();
    return { name, weight: weight === 0 ? defaultWeights[name] ?? 1 : weight };
  });
  const again = enabled.find(({ name }, at) => enabled.findIndex((other) => other.name === name) < at);
  if (again !== undefined) throw mistake(`${section.path}.enabled`, `plugin ${JSON.stringify(again.name)} already registered`);
  const disabled = new Set(section.sections('disabled').map((item) => {
    item.ignore('weight');
    const name = item.string('name', '');
    item.end();
    return name;
  }));
  section.end();
  return { enabled, disabled };
}

function readMultiPoint(section: Section): readonly EnabledPlugin[] {
  const { enabled, disabled } = readPluginSet(section);
  const named = new Set(enabled.map(({ name }) => name));
  const kept = defaultProfile.multiPoint.filter(({ name }) => !disabled.has('*') && !disabled.has(name));
  const merged = kept.map((plugin) => enabled.find(({ name }) => name === plugin.name) ?? plugin);
  const present = new Set(kept.map(({ name }) => name));
  return [...merged, ...enabled.filter(({ name }) => named.has(name) && !present.has(name))];
}

const points: readonly ExtensionPoint[] = ['preEnqueue', 'queueSort', 'preFilter', 'filter', 'postFilter', 'preScore', 'score', 'reserve', 'permit', 'preBind', 'bind', 'postBind'];

function readPlugins(section: Section): Pick<ProfileConfig, 'multiPoint' | 'points'> {
  const multiPoint = readMultiPoint(section.section('multiPoint'));
  const own: Partial<Record<ExtensionPoint, PluginSet>> = {};
  for (const point of points) if (section.raw(point) !== undefined) own[point] = readPluginSet(section.section(point));
  section.end();
  return { multiPoint, points: own };
}

function readResources(section: Section, fallback: PluginArgs['balancedAllocation']['resources']): PluginArgs['balancedAllocation']['resources'] {
  const items = section.sections('resources').map((item) => {
    const resource = { name: item.string('name', ''), weight: item.int('weight', 1, 1, 100) };
    item.end();
    return resource;
  });
  return items.length === 0 ? fallback : items;
}

function readFitArgs(args: Section, before: PluginArgs['nodeResourcesFit']): PluginArgs['nodeResourcesFit'] {
  const strategy = args.section('scoringStrategy');
  const type = strategy.string('type', before.scoringStrategy.type);
  if (type !== 'LeastAllocated' && type !== 'MostAllocated' && type !== 'RequestedToCapacityRatio') throw mistake(`${strategy.path}.type`, `unknown strategy ${JSON.stringify(type)}`);
  const ratio = strategy.section('requestedToCapacityRatio');
  const shape = ratio.sections('shape').map((point) => {
    const out = { utilization: point.int('utilization', 0, 0, 100), score: point.int('score', 0, 0, 10) };
    point.end();
    return out;
  });
  const resources = readResources(strategy, before.scoringStrategy.resources);
  ratio.end();
  strategy.end();
  return { ignoredResources: args.strings('ignoredResources'), ignoredResourceGroups: args.strings('ignoredResourceGroups'), scoringStrategy: { type, resources, shape } };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Arguments of each plugin that has some. */
const readArgs: Readonly<Partial<Record<PluginName, (args: Section, into: Mutable<PluginArgs>) => void>>> = {
  NodeAffinity: (args, into) => { into.nodeAffinity = args.raw('addedAffinity') === undefined ? {} : { addedAffinity: args.raw('addedAffinity') as NonNullable<PluginArgs['nodeAffinity']['addedAffinity']> }; },
  NodeResourcesFit: (args, into) => { into.nodeResourcesFit = readFitArgs(args, into.nodeResourcesFit); },
  NodeResourcesBalancedAllocation: (args, into) => { into.balancedAllocation = { resources: readResources(args, into.balancedAllocation.resources) }; },
  PodTopologySpread: (args, into) => {
    const defaultConstraints = (args.raw('defaultConstraints') ?? []) as PluginArgs['podTopologySpread']['defaultConstraints'];
    const defaultingType = args.string('defaultingType', 'System');
    if (defaultingType !== 'System' && defaultingType !== 'List') throw mistake(`${args.path}.defaultingType`, 'must be System or List');
    into.podTopologySpread = { defaultingType, defaultConstraints };
  },
  VolumeBinding: (args, into) => {
    into.volumeBinding = { bindTimeoutMs: 1000 * args.int('bindTimeoutSeconds', 600, 0, 1_000_000) };
  },
  InterPodAffinity: (args, into) => {
    into.interPodAffinity = { hardPodAffinityWeight: args.int('hardPodAffinityWeight', 1, 0, 100), ignorePreferredTermsOfExistingPods: args.bool('ignorePreferredTermsOfExistingPods', false) };
  },
  DefaultPreemption: (args, into) => {
    into.defaultPreemption = { minCandidateNodesPercentage: args.int('minCandidateNodesPercentage', 10, 0, 100), minCandidateNodesAbsolute: args.int('minCandidateNodesAbsolute', 100, 0, 1_000_000) };
  },
  Coscheduling: (args, into) => {
    into.coscheduling = { permitWaitingTimeMs: 1000 * args.int('permitWaitingTimeSeconds', 60, 1, 1_000_000) };
    // Pods of a group that was refused wait for their own back-off.
    if (args.int('podGroupBackoffSeconds', 0, 0, 1_000_000) > 0) throw mistake(`${args.path}.podGroupBackoffSeconds`, 'is not built; leave it out');
  },
  DataLocality: (args, into) => { into.dataLocality = { zoneScorePercent: args.int('zoneScorePercent', 50, 0, 100) }; },
  Deadline: (args, into) => { into.deadline = { defaultLaxityMs: 1000 * args.int('defaultLaxitySeconds', 3600, 0, 1_000_000_000) }; },
};

function readPluginArgs(profile: Section): PluginArgs {
  const into: Mutable<PluginArgs> = { ...defaultProfile.args };
  for (const item of profile.sections('pluginConfig')) {
    const name = pluginName(item);
    const args = item.section('args');
    args.ignore('apiVersion', 'kind');
    readArgs[name]?.(args, into);
    args.end();
    item.end();
  }
  return into;
}

function readProfile(section: Section): ProfileConfig {
  const profile: ProfileConfig = {
    schedulerName: section.string('schedulerName', defaultProfile.schedulerName),
    percentageOfNodesToScore: section.raw('percentageOfNodesToScore') === undefined ? undefined : section.int('percentageOfNodesToScore', 0, 0, 100),
    ...readPlugins(section.section('plugins')),
    args: readPluginArgs(section),
  };
  section.end();
  return profile;
}

/** The plugins that order the queue: exactly one may. */
function sortsOf(profile: ProfileConfig): PluginName {
  const sorts = enabledAt(profile, 'queueSort').filter(({ name }) => queueSortNames.includes(name)).map(({ name }) => name);
  const [only] = sorts;
  if (only !== undefined && sorts.length === 1) return only;
  throw mistake('profiles', `only one queue sort plugin required for profile with scheduler name ${JSON.stringify(profile.schedulerName)}, but got ${sorts.length}`
    + (sorts.length > 1 ? `: ${sorts.join(', ')}; name one in plugins.queueSort.enabled and "*" in its disabled` : ''));
}

function readProfiles(file: Section): readonly ProfileConfig[] {
  const profiles = file.sections('profiles').map(readProfile);
  if (new Set(profiles.map(sortsOf)).size > 1) throw mistake('profiles', 'all profiles must use the same queueSort plugin');
  return profiles.length === 0 ? [defaultProfile] : profiles;
}

export interface SchedulerFile {
  readonly config: SchedulerConfig;
  /** clientConnection.kubeconfig */
  readonly kubeconfig: string;
}

function noFiles(path: string): string {
  throw new Error(`no file can be read here, so not ${path}`);
}

/** What extenders say the scheduler is to ignore takes the place of what the profile says. */
function withoutResources(profile: ProfileConfig, ignored: readonly string[]): ProfileConfig {
  if (ignored.length === 0) return profile;
  return { ...profile, args: { ...profile.args, nodeResourcesFit: { ...profile.args.nodeResourcesFit, ignoredResources: ignored } } };
}

/** Reads a KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1); throws UsageError with the path of the first mistake. */
export function parseSchedulerFile(value: unknown, identity: string, readFile: ReadFile = noFiles): SchedulerFile {
  const file = new Section(value, '');
  const apiVersion = file.string('apiVersion', '');
  if (apiVersion !== 'kubescheduler.config.k8s.io/v1' || file.string('kind', '') !== 'KubeSchedulerConfiguration') {
    throw mistake('apiVersion', 'expected kind KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1');
  }
  const errors = configurationErrors(value).map(({ field, message }) => `${field}: ${message}`);
  if (errors.length > 0) throw new UsageError(`KubeSchedulerConfiguration: ${errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`}`);
  const defaults = defaultSchedulerConfig(identity);
  const election = file.section('leaderElection');
  const connection = file.section('clientConnection');
  const kubeconfig = connection.string('kubeconfig', '');
  connection.ignore('acceptContentTypes', 'contentType', 'qps', 'burst');
  connection.end();
  election.ignore('resourceLock');
  const extenders = file.sections('extenders');
  const ignored = ignoredResources(extenders);
  // One thread decides, and profiling is Node's; neither changes an outcome.
  file.ignore('parallelism', 'enableProfiling', 'enableContentionProfiling', 'delayCacheUntilActive');
  const config: SchedulerConfig = {
    profiles: readProfiles(file).map((profile) => withoutResources(profile, ignored)),
    dynamicResources: false, popFromBackoff: true, extenders: readExtenders(extenders, readFile),
    percentageOfNodesToScore: file.int('percentageOfNodesToScore', 0, 0, 100),
    podInitialBackoffMs: 1000 * file.int('podInitialBackoffSeconds', 1, 1, 86_400),
    podMaxBackoffMs: 1000 * file.int('podMaxBackoffSeconds', 10, 1, 86_400),
    podMaxUnschedulableMs: defaults.podMaxUnschedulableMs,
    leaderElection: {
      leaderElect: election.bool('leaderElect', true),
      leaseDurationMs: election.durationMs('leaseDuration', defaults.leaderElection.leaseDurationMs),
      renewDeadlineMs: election.durationMs('renewDeadline', defaults.leaderElection.renewDeadlineMs),
      retryPeriodMs: election.durationMs('retryPeriod', defaults.leaderElection.retryPeriodMs),
      resourceName: election.string('resourceName', defaults.leaderElection.resourceName),
      resourceNamespace: election.string('resourceNamespace', defaults.leaderElection.resourceNamespace),
    },
    identity,
  };
  election.end();
  file.end();
  return { config, kubeconfig };
}
