import type { LabelSelector } from 'kubernetes-types/meta/v1';
import type { JsonObject } from '../resource.ts';
import { formatLabelSelector } from '../selectors/labels.ts';
import { condition, containersAndImages, createdAt, formatLabels, has, nameOf, number, object, objects, text, type CellsOf } from './cells.ts';
import { humanDuration, since } from './human-duration.ts';

function selector(spec: JsonObject): string {
  return formatLabelSelector(spec['selector'] as LabelSelector | undefined);
}

function template(spec: JsonObject): [string, string] {
  return containersAndImages(object(spec, 'template', 'spec'));
}

export const deploymentCells: CellsOf = (deployment, nowMs) => {
  const [spec, status] = [object(deployment, 'spec'), object(deployment, 'status')];
  return [
    nameOf(deployment), `${number(status, 'readyReplicas')}/${number(spec, 'replicas')}`, number(status, 'updatedReplicas'), number(status, 'availableReplicas'),
    since(createdAt(deployment), nowMs), ...template(spec), selector(spec),
  ];
};

export const replicaSetCells: CellsOf = (set, nowMs) => {
  const [spec, status] = [object(set, 'spec'), object(set, 'status')];
  return [nameOf(set), number(spec, 'replicas'), number(status, 'replicas'), number(status, 'readyReplicas'), since(createdAt(set), nowMs), ...template(spec), selector(spec)];
};

export const replicationControllerCells: CellsOf = (controller, nowMs) => {
  const [spec, status] = [object(controller, 'spec'), object(controller, 'status')];
  return [
    nameOf(controller), number(spec, 'replicas'), number(status, 'replicas'), number(status, 'readyReplicas'), since(createdAt(controller), nowMs), ...template(spec),
    formatLabels(object(spec, 'selector')),
  ];
};

export const statefulSetCells: CellsOf = (set, nowMs) => {
  const [spec, status] = [object(set, 'spec'), object(set, 'status')];
  return [nameOf(set), `${number(status, 'readyReplicas')}/${number(spec, 'replicas')}`, since(createdAt(set), nowMs), ...template(spec)];
};

export const daemonSetCells: CellsOf = (set, nowMs) => {
  const [spec, status] = [object(set, 'spec'), object(set, 'status')];
  return [
    nameOf(set), number(status, 'desiredNumberScheduled'), number(status, 'currentNumberScheduled'), number(status, 'numberReady'), number(status, 'updatedNumberScheduled'),
    number(status, 'numberAvailable'), formatLabels(object(spec, 'template', 'spec', 'nodeSelector')), since(createdAt(set), nowMs), ...template(spec), selector(spec),
  ];
};

export const controllerRevisionCells: CellsOf = (revision, nowMs) => {
  const owner = objects(object(revision, 'metadata'), 'ownerReferences').find((reference) => reference['controller'] === true);
  const [group = '', version] = text(owner, 'apiVersion').split('/');
  const kind = text(owner, 'kind').toLowerCase();
  const controller = owner === undefined ? '<none>' : `${version === undefined ? kind : `${kind}.${group}`}/${text(owner, 'name')}`;
  return [nameOf(revision), controller, number(revision, 'revision'), since(createdAt(revision), nowMs)];
};

function jobStatus(job: JsonObject): string {
  const status = object(job, 'status');
  const is = (type: string): boolean => condition(status, type)?.['status'] === 'True';
  if (is('Complete')) return 'Complete';
  if (is('Failed')) return 'Failed';
  if (has(object(job, 'metadata'), 'deletionTimestamp')) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(is) ?? 'Running';
}

function completions(spec: JsonObject, status: JsonObject): string {
  const succeeded = number(status, 'succeeded');
  if (has(spec, 'completions')) return `${succeeded}/${number(spec, 'completions')}`;
  const parallelism = number(spec, 'parallelism');
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration(status: JsonObject, nowMs: number): string {
  const [start, end] = [text(status, 'startTime'), text(status, 'completionTime')];
  if (start === '') return '';
  return humanDuration((end === '' ? nowMs : Date.parse(end)) - Date.parse(start));
}

export const jobCells: CellsOf = (job, nowMs) => {
  const [spec, status] = [object(job, 'spec'), object(job, 'status')];
  return [nameOf(job), jobStatus(job), completions(spec, status), jobDuration(status, nowMs), since(createdAt(job), nowMs), ...template(spec), selector(spec)];
};

export const cronJobCells: CellsOf = (job, nowMs) => {
  const [spec, status] = [object(job, 'spec'), object(job, 'status')];
  const jobSpec = object(spec, 'jobTemplate', 'spec');
  const suspend = has(spec, 'suspend') ? (spec['suspend'] === true ? 'True' : 'False') : '<unset>';
  return [
    nameOf(job), text(spec, 'schedule'), text(spec, 'timeZone', '<none>'), suspend, objects(status, 'active').length,
    has(status, 'lastScheduleTime') ? since(status['lastScheduleTime'], nowMs) : '<none>', since(createdAt(job), nowMs), ...template(jobSpec), selector(jobSpec),
  ];
};
