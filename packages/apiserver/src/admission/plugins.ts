import type { Client } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import { UsageError } from '@coxswain/service';
import { withCredentials } from '../callouts/credentials.ts';
import type { Callouts } from '../callouts/types.ts';
import type { Lookup } from '../live-lookup.ts';
import type { AdmissionPlugin, Authorizer, CacheReader, ObjectMutator } from '../types.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction, clusterTrustBundleAttest } from './certificates.ts';
import { claimResize } from './claim-resize.ts';
import { defaultAdmissionFile, type AdmissionFile } from './config.ts';
import { eventRateLimit } from './event-rate-limit.ts';
import { alwaysAdmit, alwaysDeny } from './extremes.ts';
import { imagePolicyWebhook } from './image-policy.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceAutoProvision, namespaceExists } from './namespace-exists.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { defaultIngressClass, denyServiceExternalIps } from './network.ts';
import { nodeRestriction } from './node-restriction.ts';
import { ownerReferencesPermissionEnforcement, type ResourcesNow } from './owner-references.ts';
import { defaultTolerationSeconds } from './pod-defaults.ts';
import { alwaysPullImages } from './pod-images.ts';
import { extendedResourceToleration, limitPodHardAntiAffinityTopology, podNodeSelector, podTolerationRestriction } from './pod-placement.ts';
import type { AdmissionMetrics } from './metrics.ts';
import { mutatingPolicies } from './policy/mutating.ts';
import { validatingPolicies } from './policy/validating.ts';
import { podSecurity } from './pod-security/plugin.ts';
import { priorityAdmission } from './priority.ts';
import { resourceQuotaAdmission } from './resource-quota.ts';
import { runtimeClassAdmission } from './runtime-class.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { defaultStorageClassAdmission, storageObjectInUseProtection } from './storage-protection.ts';
import { taintNodesByCondition } from './taint-nodes.ts';
import { mutatingWebhooks } from './webhook/mutating.ts';
import { validatingWebhooks } from './webhook/validating.ts';

export interface AdmissionConfig {
  /** Exactly these, instead of the two below. */
  readonly onlyAdmissionPlugins?: readonly string[] | undefined;
  readonly enableAdmissionPlugins: readonly string[];
  readonly disableAdmissionPlugins: readonly string[];
  readonly defaultNotReadyTolerationSeconds: number;
  readonly defaultUnreachableTolerationSeconds: number;
  /** The feature of this name; default false. */
  readonly mutatingAdmissionPolicy?: boolean | undefined;
  /** --admission-control-config-file. */
  readonly admission?: AdmissionFile | undefined;
}

export interface AdmissionTools {
  readonly host: Host;
  readonly client: Client;
  readonly cache: CacheReader;
  readonly lookup: Lookup;
  readonly authorizer: Authorizer;
  readonly objects: ObjectMutator;
  readonly resourcesNow: ResourcesNow;
  readonly callouts: Callouts;
  readonly admissionMetrics: AdmissionMetrics;
}

const onlyIfEnabled: ReadonlySet<string> = new Set([
  'AlwaysAdmit', 'AlwaysDeny', 'AlwaysPullImages', 'DenyServiceExternalIPs', 'EventRateLimit', 'ExtendedResourceToleration', 'ImagePolicyWebhook', 'LimitPodHardAntiAffinityTopology',
  'NamespaceAutoProvision', 'NamespaceExists', 'NodeRestriction', 'OwnerReferencesPermissionEnforcement', 'PodNodeSelector', 'PodTolerationRestriction',
]);

/** In upstream's order, which is that of calling them. */
function allPlugins(config: AdmissionConfig, tools: AdmissionTools): readonly AdmissionPlugin[] {
  const { host, client, cache, lookup, authorizer, objects } = tools;
  const webhooks = { callouts: tools.callouts, random: host.random, log: host.log, cache, lookup, authorizer, metrics: tools.admissionMetrics };
  const policies = { cache, lookup, authorizer, resourcesNow: tools.resourcesNow, metrics: tools.admissionMetrics, clock: host.clock };
  const file = config.admission ?? defaultAdmissionFile;
  return [
    alwaysAdmit,
    namespaceAutoProvision(lookup, client),
    namespaceLifecycle(lookup, cache),
    namespaceExists(lookup),
    limitPodHardAntiAffinityTopology,
    limitRanger(cache),
    serviceAccountAdmission(host, lookup),
    nodeRestriction(lookup),
    taintNodesByCondition,
    alwaysPullImages,
    ...(file.imagePolicy === undefined ? [] : [imagePolicyWebhook(host, file.imagePolicy)]),
    podSecurity({ clock: host.clock, cache, lookup }, file.podSecurity),
    podNodeSelector(lookup, file.podNodeSelectors),
    priorityAdmission(cache, lookup),
    defaultTolerationSeconds({ notReady: config.defaultNotReadyTolerationSeconds, unreachable: config.defaultUnreachableTolerationSeconds }),
    podTolerationRestriction(lookup, file.podTolerations),
    eventRateLimit(host.clock, file.eventLimits ?? []),
    extendedResourceToleration,
    defaultStorageClassAdmission(cache),
    storageObjectInUseProtection,
    ownerReferencesPermissionEnforcement(authorizer, tools.resourcesNow),
    claimResize(lookup),
    runtimeClassAdmission(lookup),
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    clusterTrustBundleAttest(authorizer),
    certificateSubjectRestriction,
    defaultIngressClass(cache),
    denyServiceExternalIps,
    mutatingPolicies(policies, config.mutatingAdmissionPolicy ?? false),
    mutatingWebhooks({ ...webhooks, callouts: withCredentials(tools.callouts, file.webhooks?.mutating?.credentials) }),
    validatingPolicies(policies),
    // Policies come before the webhooks of their sort; then, last: what another refuses must not be taken from a quota.
    validatingWebhooks({ ...webhooks, callouts: withCredentials(tools.callouts, file.webhooks?.validating?.credentials) }),
    resourceQuotaAdmission(host.clock, cache, objects, file.limitedResources),
    alwaysDeny,
  ];
}

export function admissionPlugins(config: AdmissionConfig, tools: AdmissionTools): readonly AdmissionPlugin[] {
  const all = allPlugins(config, tools);
  const known = new Set(all.map((plugin) => plugin.name));
  const check = (flag: string, name: string): void => {
    if (known.has(name)) return;
    if (name === 'ImagePolicyWebhook') {
      if (flag !== 'disable-admission-plugins') throw new UsageError('--enable-admission-plugins: ImagePolicyWebhook needs its webhook from --admission-control-config-file');
      return;
    }
    throw new UsageError(`--${flag}: unknown admission plugin ${JSON.stringify(name)}`);
  };
  const { onlyAdmissionPlugins: only } = config;
  for (const name of only ?? []) check('admission-control', name);
  for (const name of config.enableAdmissionPlugins) check('enable-admission-plugins', name);
  for (const name of config.disableAdmissionPlugins) check('disable-admission-plugins', name);
  const both = config.enableAdmissionPlugins.find((name) => config.disableAdmissionPlugins.includes(name));
  if (both !== undefined) throw new UsageError(`--enable-admission-plugins: ${both} is in --disable-admission-plugins too`);
  const enabled = all.filter(({ name }) => (only === undefined ? !config.disableAdmissionPlugins.includes(name) && (!onlyIfEnabled.has(name) || config.enableAdmissionPlugins.includes(name)) : only.includes(name)));
  if (enabled.some(({ name }) => name === 'EventRateLimit') && config.admission?.eventLimits === undefined) {
    throw new UsageError('--enable-admission-plugins: EventRateLimit needs its limits from --admission-control-config-file');
  }
  return enabled;
}
