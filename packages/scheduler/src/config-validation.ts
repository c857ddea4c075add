import { duplicate, forbiddenField, invalidValue, labelNameErrors, notSupported, qualifiedNameProblems, required, validateNodeSelectorTerms, validatePreferredTerms, type FieldError, type JsonObject } from '@coxswain/api';
import { parseGoDuration } from '@coxswain/service';

/** Wrong types are refused where the fields are read; here they count as absent. */
class Fields {
  readonly path: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(value: unknown, path: string) {
    this.path = path;
    this.#values = typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Readonly<Record<string, unknown>> : {};
  }

  at(name: string): string { return this.path === '' ? name : `${this.path}.${name}`; }
  raw(name: string): unknown { return this.#values[name] ?? undefined; }
  has(name: string): boolean { return this.raw(name) !== undefined; }
  of(name: string): Fields { return new Fields(this.raw(name), this.at(name)); }

  number(name: string, fallback: number): number {
    const value = this.raw(name);
    return typeof value === 'number' ? value : fallback;
  }

  text(name: string, fallback = ''): string {
    const value = this.raw(name);
    return typeof value === 'string' ? value : fallback;
  }

  list(name: string): readonly Fields[] {
    const value = this.raw(name);
    return Array.isArray(value) ? value.map((one: unknown, index) => new Fields(one, `${this.at(name)}[${index}]`)) : [];
  }

  strings(name: string): readonly (readonly [text: string, path: string])[] {
    const value = this.raw(name);
    return Array.isArray(value) ? value.flatMap((one: unknown, index) => (typeof one === 'string' ? [[one, `${this.at(name)}[${index}]`] as const] : [])) : [];
  }

  /** A number out of `from` to `to`. */
  range(name: string, fallback: number, from: number, to: number, detail: string): readonly FieldError[] {
    const value = this.number(name, fallback);
    return value < from || value > to ? [invalidValue(this.at(name), value, detail)] : [];
  }
}

function percentage(fields: Fields): readonly FieldError[] {
  return fields.range('percentageOfNodesToScore', 0, 0, 100, 'not in valid range [0-100]');
}

function leaderElection(election: Fields): readonly FieldError[] {
  if (election.raw('leaderElect') === false) return [];
  const defaults = { leaseDuration: '15s', renewDeadline: '10s', retryPeriod: '2s' } as const;
  const msOf = (name: keyof typeof defaults): number | undefined => parseGoDuration(election.text(name, defaults[name]));
  const errors = (Object.keys(defaults) as (keyof typeof defaults)[]).flatMap((name) => ((msOf(name) ?? 1) <= 0 ? [invalidValue(election.at(name), election.text(name), 'must be greater than zero')] : []));
  const [leaseMs, renewMs] = [msOf('leaseDuration'), msOf('renewDeadline')];
  // The value is the other one's, as upstream words it.
  if (leaseMs !== undefined && renewMs !== undefined && leaseMs <= renewMs) errors.push(invalidValue(election.at('leaseDuration'), election.text('renewDeadline', defaults.renewDeadline), 'LeaseDuration must be greater than RenewDeadline'));
  const lock = election.text('resourceLock');
  return lock === '' || lock === 'leases' ? errors : [...errors, invalidValue(election.at('resourceLock'), lock, 'resourceLock value must be "leases"')];
}

function shapeErrors(shape: readonly Fields[], path: string): readonly FieldError[] {
  if (shape.length === 0) return [required(path, 'at least one point must be specified')];
  const unsorted = shape.findIndex((point, at) => at > 0 && (shape[at - 1] as Fields).number('utilization', 0) >= point.number('utilization', 0));
  return [
    ...(unsorted < 0 ? [] : [invalidValue(`${path}[${unsorted}].utilization`, (shape[unsorted] as Fields).number('utilization', 0), 'utilization values must be sorted in increasing order')]),
    ...shape.flatMap((point, at) => [['utilization', 100], ['score', 10]].flatMap(([name, most]) => {
      const value = point.number(name as string, 0);
      return value < 0 || value > (most as number) ? [invalidValue(`${path}[${at}].${name}`, value, `not in valid range [0, ${most}]`)] : [];
    })),
  ];
}

function spreadConstraint(one: Fields, at: number, all: readonly Fields[]): readonly FieldError[] {
  const [key, action] = [one.text('topologyKey'), one.text('whenUnsatisfiable')];
  const same = all.slice(0, at).some((other) => other.text('topologyKey') === key && other.text('whenUnsatisfiable') === action);
  return [
    ...one.range('maxSkew', 0, 1, Number.MAX_SAFE_INTEGER, 'not in valid range (0, inf)'),
    ...(key === '' ? [required(one.at('topologyKey'), 'can not be empty')] : labelNameErrors(key, one.at('topologyKey'))),
    ...(action === '' ? [required(one.at('whenUnsatisfiable'), 'can not be empty')] : action === 'DoNotSchedule' || action === 'ScheduleAnyway' ? [] : [notSupported(one.at('whenUnsatisfiable'), action, ['DoNotSchedule', 'ScheduleAnyway'])]),
    ...(one.has('labelSelector') ? [forbiddenField(one.at('labelSelector'), 'constraint must not define a selector, as they deduced for each pod')] : []),
    ...(same ? [duplicate(one.path, `{${key}, ${action}}`)] : []),
  ];
}

function spreading(args: Fields): readonly FieldError[] {
  const constraints = args.list('defaultConstraints');
  const type = args.text('defaultingType', 'System');
  const path = args.at('defaultingType');
  const typeErrors = type !== 'System' && type !== 'List' ? [notSupported(path, type, ['System', 'List'])]
    : type === 'System' && constraints.length > 0 ? [invalidValue(path, type, 'when .defaultConstraints are not empty')] : [];
  return [...typeErrors, ...constraints.flatMap(spreadConstraint)];
}

function fit(args: Fields): readonly FieldError[] {
  const strategy = args.of('scoringStrategy');
  const type = strategy.text('type', 'LeastAllocated');
  const types = ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'];
  const ratio = strategy.of('requestedToCapacityRatio');
  return [
    ...args.strings('ignoredResources').flatMap(([name, path]) => labelNameErrors(name, path)),
    ...args.strings('ignoredResourceGroups').flatMap(([name, path]) => [...(name.includes('/') ? [invalidValue(path, name, "resource group name can't contain '/'")] : []), ...labelNameErrors(name, path)]),
    ...(types.includes(type) ? [] : [notSupported(strategy.at('type'), type, types)]),
    ...strategy.list('resources').flatMap((one) => one.range('weight', 1, 1, 100, `resource weight of ${one.text('name')} not in valid range (0, 100]`)),
    ...(strategy.has('requestedToCapacityRatio') ? shapeErrors(ratio.list('shape'), strategy.at('shape')) : []),
  ];
}

function addedAffinity(args: Fields): readonly FieldError[] {
  const affinity = args.of('addedAffinity');
  const [hard, soft] = ['requiredDuringSchedulingIgnoredDuringExecution', 'preferredDuringSchedulingIgnoredDuringExecution'] as const;
  const node = affinity.of(hard);
  return [
    ...(node.list('nodeSelectorTerms').length === 0 ? [] : validateNodeSelectorTerms(affinity.raw(hard) as JsonObject, node.path)),
    ...validatePreferredTerms(affinity.list(soft).length === 0 ? [] : affinity.raw(soft) as JsonObject[], affinity.at(soft)),
  ];
}

function preemption(args: Fields): readonly FieldError[] {
  const [percent, count] = ['minCandidateNodesPercentage', 'minCandidateNodesAbsolute'] as const;
  const none = args.number(percent, 10) === 0 && args.number(count, 100) === 0;
  return [
    ...args.range(percent, 10, 0, 100, 'not in valid range [0, 100]'), ...args.range(count, 100, 0, Number.MAX_SAFE_INTEGER, 'not in valid range [0, inf)'),
    ...(none ? [invalidValue(args.at(percent), 0, `cannot be zero at the same time as ${count}`), invalidValue(args.at(count), 0, `cannot be zero at the same time as ${percent}`)] : []),
  ];
}

function balance(args: Fields): readonly FieldError[] {
  const resources = args.list('resources');
  return resources.flatMap((one, at) => [
    ...(resources.slice(0, at).some((other) => other.text('name') === one.text('name')) ? [duplicate(one.at('name'), one.text('name'))] : []),
    ...one.range('weight', 1, 1, 1, 'must be 1'),
  ]);
}

/** Of each plugin whose arguments upstream judges. */
const argErrors: Readonly<Record<string, (args: Fields) => readonly FieldError[]>> = {
  DefaultPreemption: preemption,
  InterPodAffinity: (args) => args.range('hardPodAffinityWeight', 1, 0, 100, 'not in valid range [0, 100]'),
  NodeAffinity: addedAffinity,
  NodeResourcesBalancedAllocation: balance,
  NodeResourcesFit: fit,
  PodTopologySpread: spreading,
  VolumeBinding: (args) => [
    ...args.range('bindTimeoutSeconds', 600, 0, Number.MAX_SAFE_INTEGER, 'invalid BindTimeoutSeconds, should not be a negative value'),
    ...(args.has('shape') ? [invalidValue(args.at('shape'), JSON.stringify(args.raw('shape')), 'unexpected field `shape`, remove it or turn on the feature gate VolumeCapacityPriority')] : []),
  ],
};

const removedPlugins: readonly string[] = ['AzureDiskLimits', 'CinderLimits', 'EBSLimits', 'GCEPDLimits'];
const removed = 'was invalid in version "v1" (KubeSchedulerConfiguration is version "kubescheduler.config.k8s.io/v1")';
const points: readonly string[] = ['preEnqueue', 'queueSort', 'preFilter', 'filter', 'postFilter', 'preScore', 'score', 'reserve', 'permit', 'preBind', 'bind', 'postBind'];

function profile(one: Fields, at: number, all: readonly Fields[]): readonly FieldError[] {
  const name = one.text('schedulerName', all.length === 1 ? 'default-scheduler' : '');
  const configs = one.list('pluginConfig');
  const before = all.slice(0, at).some((other) => other.text('schedulerName') === name);
  return [
    ...(name === '' || one.raw('schedulerName') === '' ? [required(one.at('schedulerName'))] : []), ...percentage(one),
    ...points.flatMap((point) => one.of('plugins').of(point).list('enabled').flatMap((plugin) => (removedPlugins.includes(plugin.text('name')) ? [invalidValue(plugin.path, plugin.text('name'), removed)] : []))),
    ...configs.flatMap((config, index) => {
      const plugin = config.text('name');
      const again = configs.slice(0, index).some((other) => other.text('name') === plugin) ? [duplicate(config.path, plugin)] : [];
      return [...again, ...(removedPlugins.includes(plugin) ? [invalidValue(config.path, plugin, removed)] : argErrors[plugin]?.(config.of('args')) ?? [])];
    }),
    ...(before ? [duplicate(one.at('schedulerName'), name)] : []),
  ];
}

function extenders(all: readonly Fields[]): readonly FieldError[] {
  const binders = all.filter((one) => one.text('bindVerb') !== '').length;
  const seen = new Set<string>();
  const errors = all.flatMap((one) => [
    ...(one.text('prioritizeVerb') === '' ? [] : one.range('weight', 0, 1, Number.MAX_SAFE_INTEGER, 'must have a positive weight applied to it')),
    ...one.list('managedResources').flatMap((managed) => {
      const [name, path] = [managed.text('name'), managed.at('name')];
      const problems = qualifiedNameProblems(name);
      const own = !name.includes('/') || name.includes('kubernetes.io/') || name.startsWith('requests.');
      const again = seen.has(name) ? [invalidValue(path, name, 'duplicate extender managed resource name')] : [];
      seen.add(name);
      // Without a domain, or of Kubernetes' own, it is the scheduler's to count.
      return [...(problems.length > 0 ? problems : own ? ['is an invalid extended resource name'] : []).map((problem) => invalidValue(path, name, problem)), ...again];
    }),
  ]);
  return binders > 1 ? [...errors, invalidValue('extenders', `found ${binders} extenders implementing bind`, 'only one extender can implement bind')] : errors;
}

/** What kube-scheduler refuses of a KubeSchedulerConfiguration's values, in its words and order; wrong types and unknown fields are not looked for. */
export function configurationErrors(value: unknown): readonly FieldError[] {
  const file = new Fields(value, '');
  const [initial, most] = [file.number('podInitialBackoffSeconds', 1), file.number('podMaxBackoffSeconds', 10)];
  return [
    ...file.of('clientConnection').range('burst', 0, 0, Number.MAX_SAFE_INTEGER, 'must be non-negative'),
    ...leaderElection(file.of('leaderElection')),
    ...file.range('parallelism', 16, 1, Number.MAX_SAFE_INTEGER, 'should be an integer value greater than zero'),
    ...file.list('profiles').flatMap(profile), ...percentage(file),
    ...(initial <= 0 ? [invalidValue('podInitialBackoffSeconds', initial, 'must be greater than 0')] : []),
    ...(most < initial ? [invalidValue('podMaxBackoffSeconds', most, 'must be greater than or equal to PodInitialBackoffSeconds')] : []),
    ...extenders(file.list('extenders')),
  ];
}
