import { forbidden, internalError } from '@coxswain/api';
import { resources } from '@coxswain/client';
import type { Clock } from '@coxswain/host';
import type { CronJob } from 'kubernetes-types/batch/v1';
import type { Container, Namespace, Pod, PodTemplate, PodTemplateSpec, ReplicationController } from 'kubernetes-types/core/v1';
import type { Lookup } from '../../live-lookup.ts';
import { typed, typedOrNone } from '../../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin, CacheReader } from '../../types.ts';
import { groupResource, isResource } from '../attributes.ts';
import type { PodSecurityConfig } from './config.ts';
import { detailText, violations } from './evaluate.ts';
import { isFullyPrivileged, levelVersionText, policyOf, type LevelVersion } from './levels.ts';
import { checkNamespace } from './namespaces.ts';
import type { Subject } from './subject.ts';

const annotationPrefix = 'pod-security.kubernetes.io/';
const ignoredSubresources: ReadonlySet<string> = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);

type TemplateOf = (a: AdmissionAttributes) => PodTemplateSpec | undefined;

const specTemplate: TemplateOf = (a) => typedOrNone<ReplicationController>(a.object)?.spec?.template;

/** By `resource.group`. */
const templates: Readonly<Record<string, TemplateOf>> = {
  'replicationcontrollers.': specTemplate,
  'podtemplates.': (a) => typedOrNone<PodTemplate>(a.object)?.template,
  'replicasets.apps': specTemplate,
  'deployments.apps': specTemplate,
  'statefulsets.apps': specTemplate,
  'daemonsets.apps': specTemplate,
  'jobs.batch': specTemplate,
  'cronjobs.batch': (a) => typedOrNone<CronJob>(a.object)?.spec?.jobTemplate.spec?.template,
};

/** All that an update of a pod may change and the standards speak of. */
function changesImages(after: Pod, before: Pod): boolean {
  const images = (containers: readonly Container[] = []): string[] => containers.map(({ image = '' }) => image);
  const same = (a: string[], b: string[]): boolean => a.length === b.length && a.every((image, i) => image === b[i]);
  if (!same(images(after.spec?.containers), images(before.spec?.containers)) || !same(images(after.spec?.initContainers), images(before.spec?.initContainers))) return true;
  const known = new Map((before.spec?.ephemeralContainers ?? []).map((container) => [container.name, container.image]));
  return (after.spec?.ephemeralContainers ?? []).some(({ name, image }) => !known.has(name) || known.get(name) !== image);
}

/** The Pod Security Standards, as a namespace's labels ask for them: pods are held to them, what makes pods is warned. */
export function podSecurity(tools: { readonly clock: Clock; readonly cache: CacheReader; readonly lookup: Lookup }, config: PodSecurityConfig): AdmissionPlugin {
  const { exemptions } = config;

  function isExempt(a: AdmissionAttributes): boolean {
    const reason = exemptions.namespaces.includes(a.namespace) ? 'namespace' : exemptions.usernames.includes(a.user.name) ? 'user' : undefined;
    if (reason !== undefined) a.notes.annotate(`${annotationPrefix}exempt`, reason);
    return reason !== undefined;
  }

  async function policyFor(a: AdmissionAttributes): Promise<ReturnType<typeof policyOf>> {
    const namespace = await tools.lookup<Namespace>(resources.namespaces, '', a.namespace);
    if (namespace === undefined) throw internalError(`failed to lookup namespace ${JSON.stringify(a.namespace)}`);
    return policyOf(namespace.metadata?.labels ?? {}, config.defaults);
  }

  function evaluate(a: AdmissionAttributes, { policy, errors }: ReturnType<typeof policyOf>, subject: Subject, enforced: boolean): void {
    const runtimeClass = subject.spec.runtimeClassName;
    if (runtimeClass && exemptions.runtimeClasses.includes(runtimeClass)) {
      a.notes.annotate(`${annotationPrefix}exempt`, 'runtimeClass');
      return;
    }
    if (errors.length > 0) a.notes.annotate(`${annotationPrefix}error`, `Failed to parse policy: ${errors.map(({ field, message }) => `${field}: ${message}`).join(', ')}`);
    const problem = (level: LevelVersion): string | undefined => {
      const found = violations(level, subject);
      return found.length === 0 ? undefined : `violate PodSecurity ${JSON.stringify(levelVersionText(level))}: ${detailText(found)}`;
    };
    const audited = problem(policy.audit);
    if (audited !== undefined) a.notes.annotate(`${annotationPrefix}audit-violations`, `would ${audited}`);
    if (enforced) {
      a.notes.annotate(`${annotationPrefix}enforce-policy`, levelVersionText(policy.enforce));
      const refused = problem(policy.enforce);
      if (refused !== undefined) throw forbidden(groupResource(a), a.name, refused.replace('violate', 'violates'));
    }
    const warned = problem(policy.warn);
    if (warned !== undefined) a.notes.warn(`would ${warned}`);
  }

  async function checkPod(a: AdmissionAttributes): Promise<void> {
    if (a.object === undefined || isExempt(a)) return;
    const found = await policyFor(a);
    if (found.errors.length === 0 && isFullyPrivileged(found.policy)) {
      a.notes.annotate(`${annotationPrefix}enforce-policy`, 'privileged:latest');
      return;
    }
    const pod = typed<Pod>(a.object);
    const old = typedOrNone<Pod>(a.oldObject);
    if (pod.spec === undefined || (old !== undefined && !changesImages(pod, old))) return;
    evaluate(a, found, { metadata: pod.metadata ?? {}, spec: pod.spec }, true);
  }

  async function checkTemplate(a: AdmissionAttributes, template: PodTemplateSpec): Promise<void> {
    if (template.spec === undefined || isExempt(a)) return;
    const found = await policyFor(a);
    if (found.errors.length === 0 && found.policy.warn.level === 'privileged' && found.policy.audit.level === 'privileged') return;
    evaluate(a, found, { metadata: template.metadata ?? {}, spec: template.spec }, false);
  }

  return {
    name: 'PodSecurity',
    operations: ['CREATE', 'UPDATE'],
    validate(a) {
      if (isResource(a, '', 'namespaces')) return checkNamespace({ ...tools, config }, a);
      if (a.resource.group === '' && a.resource.resource === 'pods') return ignoredSubresources.has(a.subresource) ? undefined : checkPod(a);
      const template = a.subresource === '' ? templates[`${a.resource.resource}.${a.resource.group}`]?.(a) : undefined;
      return template === undefined ? undefined : checkTemplate(a, template);
    },
  };
}
