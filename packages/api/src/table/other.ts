import type { LabelSelector } from 'kubernetes-types/meta/v1';
import type { Json, JsonObject } from '../resource.ts';
import { formatLabelSelector } from '../selectors/labels.ts';
import { condition, createdAt, firstThree, has, nameOf, number, object, objects, text, texts, type CellsOf } from './cells.ts';
import { loadBalancerAddresses } from './core.ts';
import { humanDuration, since } from './human-duration.ts';

export const ingressCells: CellsOf = (ingress, nowMs) => {
  const spec = object(ingress, 'spec');
  const hosts = objects(spec, 'rules').map((rule) => text(rule, 'host', '*'));
  return [
    nameOf(ingress), text(spec, 'ingressClassName', '<none>'), firstThree(hosts, '*'), loadBalancerAddresses(object(ingress, 'status')).join(','),
    objects(spec, 'tls').length > 0 ? '80, 443' : '80', since(createdAt(ingress), nowMs),
  ];
};

export const ingressClassCells: CellsOf = (item, nowMs) => {
  const spec = object(item, 'spec');
  const parameters = object(spec, 'parameters');
  const group = text(parameters, 'apiGroup');
  const shown = has(spec, 'parameters') ? `${text(parameters, 'kind')}${group === '' ? '' : `.${group}`}/${text(parameters, 'name')}` : '<none>';
  return [nameOf(item), text(spec, 'controller'), shown, since(createdAt(item), nowMs)];
};

export const networkPolicyCells: CellsOf = (policy, nowMs) => [
  nameOf(policy), formatLabelSelector(object(policy, 'spec')['podSelector'] as LabelSelector | undefined), since(createdAt(policy), nowMs),
];

export const disruptionBudgetCells: CellsOf = (budget, nowMs) => {
  const spec = object(budget, 'spec');
  return [nameOf(budget), text(spec, 'minAvailable', 'N/A'), text(spec, 'maxUnavailable', 'N/A'), number(object(budget, 'status'), 'disruptionsAllowed'), since(createdAt(budget), nowMs)];
};

export const bindingCells: CellsOf = (binding, nowMs) => {
  const role = object(binding, 'roleRef');
  const names = (kind: string): string => objects(binding, 'subjects').filter((subject) => subject['kind'] === kind)
    .map((subject) => (kind === 'ServiceAccount' ? `${text(subject, 'namespace')}/${text(subject, 'name')}` : text(subject, 'name'))).join(', ');
  return [nameOf(binding), `${text(role, 'kind')}/${text(role, 'name')}`, since(createdAt(binding), nowMs), names('User'), names('Group'), names('ServiceAccount')];
};

export const priorityClassCells: CellsOf = (item, nowMs) => [
  nameOf(item), number(item, 'value'), item['globalDefault'] === true, since(createdAt(item), nowMs), text(item, 'preemptionPolicy'),
];

export const runtimeClassCells: CellsOf = (item, nowMs) => [nameOf(item), text(item, 'handler'), since(createdAt(item), nowMs)];

export const storageClassCells: CellsOf = (item, nowMs) => {
  const annotations = object(item, 'metadata', 'annotations');
  const isDefault = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'].some((key) => annotations[key] === 'true');
  return [
    isDefault ? `${nameOf(item)} (default)` : nameOf(item), text(item, 'provisioner'), text(item, 'reclaimPolicy', 'Delete'), text(item, 'volumeBindingMode', 'Immediate'),
    item['allowVolumeExpansion'] === true, since(createdAt(item), nowMs),
  ];
};

export const csiDriverCells: CellsOf = (driver, nowMs) => {
  const spec = object(driver, 'spec');
  const tokens = objects(spec, 'tokenRequests').map((request) => text(request, 'audience'));
  const flag = (key: string, otherwise: boolean): boolean => (has(spec, key) ? spec[key] === true : otherwise);
  return [
    nameOf(driver), flag('attachRequired', true), flag('podInfoOnMount', false), flag('storageCapacity', false), tokens.length === 0 ? '<unset>' : tokens.join(','),
    flag('requiresRepublish', false), texts(spec, 'volumeLifecycleModes').join(',') || '<none>', since(createdAt(driver), nowMs),
  ];
};

export const volumeAttachmentCells: CellsOf = (attachment, nowMs) => {
  const spec = object(attachment, 'spec');
  return [
    nameOf(attachment), text(spec, 'attacher'), text(object(spec, 'source'), 'persistentVolumeName'), text(spec, 'nodeName'),
    object(attachment, 'status')['attached'] === true, since(createdAt(attachment), nowMs),
  ];
};

function requestStatus(status: JsonObject): string {
  const main = condition(status, 'Denied') !== undefined ? 'Denied' : condition(status, 'Approved') !== undefined ? 'Approved' : 'Pending';
  return `${main}${condition(status, 'Failed') === undefined ? '' : ',Failed'}${text(status, 'certificate') === '' ? '' : ',Issued'}`;
}

export const signingRequestCells: CellsOf = (request, nowMs) => {
  const spec = object(request, 'spec');
  return [
    nameOf(request), since(createdAt(request), nowMs), text(spec, 'signerName', '<none>'), text(spec, 'username'),
    has(spec, 'expirationSeconds') ? humanDuration(number(spec, 'expirationSeconds') * 1000) : '<none>', requestStatus(object(request, 'status')),
  ];
};

export const leaseCells: CellsOf = (lease, nowMs) => [nameOf(lease), text(object(lease, 'spec'), 'holderIdentity'), since(createdAt(lease), nowMs)];

export const flowSchemaCells: CellsOf = (schema, nowMs) => {
  const spec = object(schema, 'spec');
  return [
    nameOf(schema), text(object(spec, 'priorityLevelConfiguration'), 'name', '<none>'), number(spec, 'matchingPrecedence'), text(object(spec, 'distinguisherMethod'), 'type', '<none>'),
    since(createdAt(schema), nowMs), text(condition(object(schema, 'status'), 'Dangling'), 'status', '?'),
  ];
};

export const priorityLevelCells: CellsOf = (level, nowMs) => {
  const spec = object(level, 'spec');
  const limited = object(spec, text(spec, 'type') === 'Exempt' ? 'exempt' : 'limited');
  const queuing = object(limited, 'limitResponse', 'queuing');
  const amount = (parent: JsonObject, key: string): Json => (has(parent, key) ? number(parent, key) : '<none>');
  return [
    nameOf(level), text(spec, 'type'), amount(limited, 'nominalConcurrencyShares'), amount(queuing, 'queues'), amount(queuing, 'handSize'), amount(queuing, 'queueLengthLimit'),
    since(createdAt(level), nowMs),
  ];
};

export const webhooksCells: CellsOf = (configuration, nowMs) => [nameOf(configuration), objects(configuration, 'webhooks').length, since(createdAt(configuration), nowMs)];

const policyCells = (rules: string): CellsOf => (policy, nowMs) => {
  const spec = object(policy, 'spec');
  const kind = object(spec, 'paramKind');
  return [nameOf(policy), objects(spec, rules).length, has(spec, 'paramKind') ? `${text(kind, 'apiVersion')}/${text(kind, 'kind')}` : '<unset>', since(createdAt(policy), nowMs)];
};

export const admissionPolicyCells = policyCells('validations');
export const mutatingPolicyCells = policyCells('mutations');

export const admissionBindingCells: CellsOf = (binding, nowMs) => {
  const spec = object(binding, 'spec');
  const reference = object(spec, 'paramRef');
  const namespace = text(reference, 'namespace', '*');
  return [nameOf(binding), text(spec, 'policyName'), has(spec, 'paramRef') ? `${namespace}/${text(reference, 'name')}` : '<unset>', since(createdAt(binding), nowMs)];
};

export const apiServiceCells: CellsOf = (service, nowMs) => {
  const spec = object(service, 'spec');
  const backend = object(spec, 'service');
  const available = condition(object(service, 'status'), 'Available');
  const status = text(available, 'status', 'Unknown');
  return [
    nameOf(service), has(spec, 'service') ? `${text(backend, 'namespace')}/${text(backend, 'name')}` : 'Local',
    available === undefined || status === 'True' ? status : `${status} (${text(available, 'reason')})`, since(createdAt(service), nowMs),
  ];
};

/** `allocated,reserved` and the like. */
function claimState(claim: JsonObject): string {
  const status = object(claim, 'status');
  const isDeleted = has(object(claim, 'metadata'), 'deletionTimestamp');
  const states = has(status, 'allocation') ? ['allocated', ...(objects(status, 'reservedFor').length > 0 ? ['reserved'] : [])] : isDeleted ? [] : ['pending'];
  return [...(isDeleted ? ['deleted'] : []), ...states].join(',');
}

export const resourceClaimCells: CellsOf = (claim, nowMs) => [nameOf(claim), claimState(claim), since(createdAt(claim), nowMs)];

export const resourceSliceCells: CellsOf = (slice, nowMs) => {
  const spec = object(slice, 'spec');
  return [nameOf(slice), text(spec, 'nodeName'), text(spec, 'driver'), text(object(spec, 'pool'), 'name'), since(createdAt(slice), nowMs)];
};
