import type { ApiResource } from '@coxswain/api';
import { apiServiceGroup, apiServiceName, type ApiService } from './api-service.ts';

export const managedLabel = 'kube-aggregator.kubernetes.io/automanaged';

interface Priority {
  readonly group: number;
  readonly version: number;
}

const groupPriorities: Readonly<Record<string, number>> = {
  '': 18000, 'apps': 17800, 'events.k8s.io': 17750, 'authentication.k8s.io': 17700, 'authorization.k8s.io': 17600, 'autoscaling': 17500, 'batch': 17400, 'certificates.k8s.io': 17300,
  'networking.k8s.io': 17200, 'policy': 17100, 'rbac.authorization.k8s.io': 17000, 'storage.k8s.io': 16800, 'apiextensions.k8s.io': 16700, 'admissionregistration.k8s.io': 16700,
  'scheduling.k8s.io': 16600, 'coordination.k8s.io': 16500, 'node.k8s.io': 16300, 'discovery.k8s.io': 16200, 'resource.k8s.io': 16200, 'flowcontrol.apiserver.k8s.io': 16100,
  'internal.apiserver.k8s.io': 16000, 'storagemigration.k8s.io': 16800,
};

/** Where the version does not say it all. */
const versionPriorities: Readonly<Record<string, number>> = {
  'v1.': 1, 'v2.autoscaling': 30, 'v1.flowcontrol.apiserver.k8s.io': 21, 'v1beta1.admissionregistration.k8s.io': 12, 'v1alpha2.coordination.k8s.io': 12, 'v1alpha1.storage.k8s.io': 1,
  'v1alpha3.resource.k8s.io': 1,
};

const custom: Priority = { group: 1000, version: 100 };

function priorityOf(group: string, version: string): Priority {
  const usual = /^v\d+$/.test(version) ? 15 : 9;
  return { group: groupPriorities[group] ?? custom.group, version: versionPriorities[apiServiceName(group, version)] ?? usual };
}

/** What this server says of its own groups and versions: built-in ones once at the start, custom ones as long as they are served. */
export function localServices(resources: readonly ApiResource[]): readonly ApiService[] {
  const found = new Map<string, ApiService>();
  for (const { group, version, custom: isCustom } of resources) {
    const name = apiServiceName(group, version);
    if (found.has(name) || group === apiServiceGroup) continue;
    const priority = isCustom === true ? custom : priorityOf(group, version);
    found.set(name, {
      metadata: { name, labels: { [managedLabel]: isCustom === true ? 'true' : 'onstart' } },
      spec: { ...(group === '' ? {} : { group }), version, groupPriorityMinimum: priority.group, versionPriority: priority.version },
    });
  }
  return [...found.values()];
}
