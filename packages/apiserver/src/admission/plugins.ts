import type { Host } from '@coxswain/host';
import { UsageError } from '@coxswain/service';
import type { Lookup } from '../live-lookup.ts';
import type { AdmissionPlugin, Authorizer, CacheReader, ObjectMutator } from '../types.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from './certificates.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { defaultTolerationSeconds } from './pod-defaults.ts';
import { priorityAdmission } from './priority.ts';
import { resourceQuotaAdmission } from './resource-quota.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { defaultStorageClassAdmission, storageObjectInUseProtection } from './storage-protection.ts';
import { taintNodesByCondition } from './taint-nodes.ts';

export interface AdmissionConfig {
  readonly enableAdmissionPlugins: readonly string[];
  readonly disableAdmissionPlugins: readonly string[];
  readonly defaultNotReadyTolerationSeconds: number;
  readonly defaultUnreachableTolerationSeconds: number;
}

interface Tools {
  readonly host: Host;
  readonly cache: CacheReader;
  readonly lookup: Lookup;
  readonly authorizer: Authorizer;
  readonly objects: ObjectMutator;
}

/** Plugins of the original that are not built: naming them is an error, not silently ignored. */
const unbuilt: ReadonlySet<string> = new Set([
  'AlwaysAdmit', 'AlwaysDeny', 'AlwaysPullImages', 'ClusterTrustBundleAttest', 'DefaultIngressClass',
  'DenyServiceExternalIPs', 'EventRateLimit', 'ExtendedResourceToleration', 'ImagePolicyWebhook', 'LimitPodHardAntiAffinityTopology', 'MutatingAdmissionPolicy',
  'MutatingAdmissionWebhook', 'NamespaceAutoProvision', 'NamespaceExists', 'OwnerReferencesPermissionEnforcement', 'PersistentVolumeClaimResize', 'PodNodeSelector', 'PodSecurity',
  'PodTolerationRestriction', 'RuntimeClass', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionWebhook',
]);

const onlyIfEnabled: ReadonlySet<string> = new Set(['NodeRestriction']);

/** In upstream's order. */
function allPlugins(config: AdmissionConfig, { host, cache, lookup, authorizer, objects }: Tools): readonly AdmissionPlugin[] {
  return [
    namespaceLifecycle(lookup),
    limitRanger(cache),
    serviceAccountAdmission(host, lookup),
    nodeRestriction(lookup),
    taintNodesByCondition,
    priorityAdmission(cache, lookup),
    defaultTolerationSeconds({ notReady: config.defaultNotReadyTolerationSeconds, unreachable: config.defaultUnreachableTolerationSeconds }),
    storageObjectInUseProtection,
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    certificateSubjectRestriction,
    defaultStorageClassAdmission(cache),
    // The last: what another refuses must not be taken from a quota.
    resourceQuotaAdmission(host.clock, cache, objects),
  ];
}

export function admissionPlugins(config: AdmissionConfig, tools: Tools): readonly AdmissionPlugin[] {
  const all = allPlugins(config, tools);
  const known = new Set(all.map((plugin) => plugin.name));
  const check = (flag: string, name: string): void => {
    if (known.has(name)) return;
    if (!unbuilt.has(name)) throw new UsageError(`--${flag}: unknown admission plugin ${JSON.stringify(name)}`);
    // To switch off what is not there is already done.
    if (flag === 'enable-admission-plugins') throw new UsageError(`--${flag}: ${name} is not built yet`);
  };
  for (const name of config.enableAdmissionPlugins) check('enable-admission-plugins', name);
  for (const name of config.disableAdmissionPlugins) check('disable-admission-plugins', name);
  return all.filter(({ name }) => !config.disableAdmissionPlugins.includes(name) && (!onlyIfEnabled.has(name) || config.enableAdmissionPlugins.includes(name)));
}
