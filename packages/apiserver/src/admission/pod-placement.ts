import { forbidden, internalError, StatusError } from '@coxswain/api';
import { resources } from '@coxswain/client';
import type { Namespace, Pod, Toleration } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';
import { groupResource, podOf } from './attributes.ts';
import { allCovered, mergeTolerations, setToleration } from './tolerations.ts';

type Labels = Readonly<Record<string, string>>;

/** `a=b,c=d`. Throws what upstream says of others. */
export function parseLabelList(text: string): Labels {
  const labels: Record<string, string> = {};
  for (const part of text === '' ? [] : text.split(',')) {
    const [key = '', value, more] = part.split('=');
    if (value === undefined || more !== undefined) throw new Error(`invalid selector: ${part}`);
    labels[key.trim()] = value.trim();
  }
  return labels;
}

function parsed(text: string): Labels {
  try {
    return parseLabelList(text);
  } catch (error) {
    throw new StatusError('', (error as Error).message);
  }
}

async function namespaceOf(lookup: Lookup, a: AdmissionAttributes): Promise<Namespace> {
  const namespace = await lookup<Namespace>(resources.namespaces, '', a.namespace);
  if (namespace === undefined) throw internalError(`namespace ${a.namespace} does not exist`);
  return namespace;
}

function refusePod(a: AdmissionAttributes, pod: Pod, why: string): StatusError {
  return forbidden(groupResource(a), pod.metadata?.name ?? '', why);
}

const nodeSelectorAnnotation = 'scheduler.alpha.kubernetes.io/node-selector';

/** `selectors`: by namespace which labels its pods may select nodes by, and `clusterDefaultNodeSelector`. */
export function podNodeSelector(lookup: Lookup, selectors: Labels): AdmissionPlugin {
  async function namespaceSelector(a: AdmissionAttributes): Promise<Labels> {
    const { metadata } = await namespaceOf(lookup, a);
    return parsed(metadata?.annotations?.[nodeSelectorAnnotation] ?? selectors['clusterDefaultNodeSelector'] ?? '');
  }

  async function check(a: AdmissionAttributes, pod: Pod): Promise<Labels> {
    const [wanted, own] = [await namespaceSelector(a), pod.spec?.nodeSelector ?? {}];
    if (Object.entries(wanted).some(([key, value]) => own[key] !== undefined && own[key] !== value)) throw refusePod(a, pod, 'pod node label selector conflicts with its namespace node label selector');
    return { ...wanted, ...own };
  }

  function checkAllowed(a: AdmissionAttributes, pod: Pod): void {
    const allowed = parsed(selectors[a.namespace] ?? '');
    if (Object.keys(allowed).length === 0) return;
    if (Object.entries(pod.spec?.nodeSelector ?? {}).some(([key, value]) => allowed[key] !== value)) throw refusePod(a, pod, 'pod node label selector labels conflict with its namespace whitelist');
  }

  return {
    name: 'PodNodeSelector',
    operations: ['CREATE'],
    async admit(a) {
      const pod = podOf(a);
      if (pod?.spec === undefined) return;
      const merged = await check(a, pod);
      if (Object.keys(merged).length > 0) pod.spec.nodeSelector = { ...merged };
      checkAllowed(a, pod);
    },
    async validate(a) {
      const pod = podOf(a);
      if (pod === undefined) return;
      await check(a, pod);
      checkAllowed(a, pod);
    },
  };
}

export interface TolerationConfig {
  readonly default: readonly Toleration[];
  readonly whitelist: readonly Toleration[];
}

/** Undefined: the annotation is not there. */
function annotatedTolerations(namespace: Namespace, name: string): readonly Toleration[] | undefined {
  const text = namespace.metadata?.annotations?.[`scheduler.alpha.kubernetes.io/${name}`];
  if (text === undefined || text === '') return text === undefined ? undefined : [];
  try {
    return JSON.parse(text) as Toleration[];
  } catch (error) {
    throw new StatusError('', (error as Error).message);
  }
}

function isBestEffort(pod: Pod): boolean {
  const containers = [...pod.spec?.containers ?? [], ...pod.spec?.initContainers ?? []];
  return containers.every(({ resources: asked }) => [asked?.requests, asked?.limits].every((amounts) => ['cpu', 'memory'].every((name) => [undefined, '0'].includes(amounts?.[name]))));
}

export function podTolerationRestriction(lookup: Lookup, config: TolerationConfig): AdmissionPlugin {
  async function check(a: AdmissionAttributes, pod: Pod, namespace: Namespace): Promise<void> {
    const ofNamespace = annotatedTolerations(namespace, 'tolerationsWhitelist');
    if (allCovered(pod.spec?.tolerations ?? [], ofNamespace ?? config.whitelist)) return;
    throw new StatusError('', `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${ofNamespace === undefined ? 'cluster' : 'namespace'} whitelist`);
  }

  return {
    name: 'PodTolerationRestriction',
    operations: ['CREATE', 'UPDATE'],
    async admit(a) {
      const pod = podOf(a);
      if (pod?.spec === undefined) return;
      const namespace = await namespaceOf(lookup, a);
      const extra = a.operation === 'CREATE' ? [...annotatedTolerations(namespace, 'defaultTolerations') ?? config.default] : [];
      if (!isBestEffort(pod)) extra.push({ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' });
      if (extra.length > 0) pod.spec.tolerations = structuredClone(mergeTolerations(pod.spec.tolerations ?? [], extra));
      await check(a, pod, namespace);
    },
    async validate(a) {
      const pod = podOf(a);
      if (pod !== undefined && (pod.spec?.tolerations ?? []).length > 0) await check(a, pod, await namespaceOf(lookup, a));
    },
  };
}

export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: 'LimitPodHardAntiAffinityTopology',
  operations: ['CREATE', 'UPDATE'],
  validate(a) {
    const pod = podOf(a);
    const terms = pod?.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const other = terms.find(({ topologyKey }) => topologyKey !== 'kubernetes.io/hostname');
    if (pod !== undefined && other !== undefined) {
      throw refusePod(a, pod, `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${other.topologyKey} but only key kubernetes.io/hostname is allowed`);
    }
    return Promise.resolve();
  },
};

/** Of a device plugin: in a domain that is not Kubernetes' own. */
function isExtendedResource(name: string): boolean {
  const [domain = '', rest = ''] = name.split('/', 2);
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.') && rest !== '' && domain.length + 'requests.'.length <= 253;
}

/** Nodes with costly devices are tainted by the devices' names: who asks for one may go there. */
export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  operations: ['CREATE', 'UPDATE'],
  admit(a) {
    const spec = podOf(a)?.spec;
    if (spec === undefined) return Promise.resolve();
    const asked = [...spec.containers, ...spec.initContainers ?? []].flatMap((container) => Object.keys(container.resources?.requests ?? {}));
    for (const key of [...new Set(asked.filter(isExtendedResource))].toSorted()) {
      spec.tolerations = setToleration(spec.tolerations ?? [], { key, operator: 'Exists', effect: 'NoSchedule' });
    }
    return Promise.resolve();
  },
};
