import type { FlowSchema, PolicyRulesWithSubjects, PriorityLevelConfiguration, ResourcePolicyRule, Subject } from 'kubernetes-types/flowcontrol/v1';

const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';
const autoUpdateSpec = { 'apf.kubernetes.io/autoupdate-spec': 'true' };

function level(name: string, nominalConcurrencyShares: number, lendablePercent: number, queuing?: readonly [queues: number, handSize: number]): PriorityLevelConfiguration {
  return {
    apiVersion, kind: 'PriorityLevelConfiguration', metadata: { name, annotations: autoUpdateSpec },
    spec: {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares, lendablePercent,
        limitResponse: queuing === undefined ? { type: 'Reject' } : { type: 'Queue', queuing: { queues: queuing[0], handSize: queuing[1], queueLengthLimit: 50 } },
      },
    },
  };
}

export const priorityLevels: readonly PriorityLevelConfiguration[] = [
  { apiVersion, kind: 'PriorityLevelConfiguration', metadata: { name: 'exempt', annotations: autoUpdateSpec }, spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } } },
  level('catch-all', 5, 0),
  level('system', 30, 33, [64, 6]),
  level('node-high', 40, 25, [64, 6]),
  level('leader-election', 10, 0, [16, 4]),
  level('workload-high', 40, 50, [128, 6]),
  level('workload-low', 100, 90, [128, 6]),
  level('global-default', 20, 50, [128, 6]),
];

const groups = (...names: readonly string[]): Subject[] => names.map((name) => ({ kind: 'Group', group: { name } }));
const users = (...names: readonly string[]): Subject[] => names.map((name) => ({ kind: 'User', user: { name } }));
const accounts = (...names: readonly string[]): Subject[] => names.map((name) => ({ kind: 'ServiceAccount', serviceAccount: { name, namespace: 'kube-system' } }));

function rule(apiGroup: string, resources: string[], verbs: string[], where: Pick<ResourcePolicyRule, 'namespaces' | 'clusterScope'>): ResourcePolicyRule {
  return { verbs, apiGroups: [apiGroup], resources, ...where };
}

function everything(subjects: Subject[]): PolicyRulesWithSubjects[] {
  return [{
    subjects,
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  }];
}

function schema(name: string, priorityLevel: string, matchingPrecedence: number, distinguisher: '' | 'ByUser' | 'ByNamespace', rules: PolicyRulesWithSubjects[]): FlowSchema {
  return {
    apiVersion, kind: 'FlowSchema', metadata: { name, annotations: autoUpdateSpec },
    spec: { priorityLevelConfiguration: { name: priorityLevel }, matchingPrecedence, ...(distinguisher === '' ? {} : { distinguisherMethod: { type: distinguisher } }), rules },
  };
}

const elect = ['get', 'create', 'update'];
const leases = (): ResourcePolicyRule => rule('coordination.k8s.io', ['leases'], elect, { namespaces: ['*'] });
const controllerManager = 'system:kube-controller-manager';
const scheduler = 'system:kube-scheduler';

export const flowSchemas: readonly FlowSchema[] = [
  schema('exempt', 'exempt', 1, '', everything(groups('system:masters'))),
  schema('probes', 'exempt', 2, '', [{
    subjects: groups('system:unauthenticated', 'system:authenticated'),
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  }]),
  schema('system-leader-election', 'leader-election', 100, 'ByUser', [{ subjects: [...users(controllerManager, scheduler), ...accounts('*')], resourceRules: [leases()] }]),
  schema('endpoint-controller', 'workload-high', 150, 'ByUser', [{
    subjects: [...users(controllerManager), ...accounts('endpoint-controller', 'endpointslicemirroring-controller')],
    resourceRules: [rule('', ['endpoints'], elect, { namespaces: ['*'] })],
  }]),
  schema('workload-leader-election', 'leader-election', 200, 'ByUser', [{ subjects: accounts('*'), resourceRules: [leases()] }]),
  schema('system-node-high', 'node-high', 400, 'ByUser', [{
    subjects: groups('system:nodes'),
    resourceRules: [rule('', ['nodes', 'nodes/status'], ['*'], { clusterScope: true }), rule('coordination.k8s.io', ['leases'], ['*'], { namespaces: ['*'] })],
  }]),
  schema('system-nodes', 'system', 500, 'ByUser', everything(groups('system:nodes'))),
  schema('kube-controller-manager', 'workload-high', 800, 'ByNamespace', everything(users(controllerManager))),
  schema('kube-scheduler', 'workload-high', 800, 'ByNamespace', everything(users(scheduler))),
  schema('kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', everything(accounts('*'))),
  schema('service-accounts', 'workload-low', 9000, 'ByUser', everything(groups('system:serviceaccounts'))),
  schema('global-default', 'global-default', 9900, 'ByUser', everything(groups('system:unauthenticated', 'system:authenticated'))),
  schema('catch-all', 'catch-all', 10000, 'ByUser', everything(groups('system:unauthenticated', 'system:authenticated'))),
];
