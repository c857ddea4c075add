import type { JsonObject } from '../resource.ts';
import { condition, createdAt, has, nameOf, number, object, objects, text, type Cells } from './cells.ts';
import { since } from './human-duration.ts';

interface PodSummary {
  reason: string;
  restarts: number;
  lastRestart: string;
  ready: number;
}

function later(left: string, right: string): string {
  return right > left ? right : left;
}

function lastFinished(container: JsonObject): string {
  return text(object(container, 'lastState', 'terminated'), 'finishedAt');
}

function terminatedReason(terminated: JsonObject): string {
  const reason = text(terminated, 'reason');
  if (reason !== '') return reason;
  const signal = number(terminated, 'signal');
  return signal === 0 ? `ExitCode:${number(terminated, 'exitCode')}` : `Signal:${signal}`;
}

function isSidecar(container: JsonObject | undefined): boolean {
  return container?.['restartPolicy'] === 'Always';
}

/** What is still to be initialised, if anything; sidecars that run are counted as ready on the way. */
function initReason(spec: JsonObject, status: JsonObject, summary: PodSummary): string | undefined {
  const specs = objects(spec, 'initContainers');
  for (const [index, container] of objects(status, 'initContainerStatuses').entries()) {
    const state = object(container, 'state');
    const terminated = has(state, 'terminated') ? object(state, 'terminated') : undefined;
    if (terminated !== undefined && number(terminated, 'exitCode') === 0) continue;
    if (isSidecar(specs.find((one) => one['name'] === container['name'])) && container['started'] === true) {
      if (container['ready'] === true) summary.ready++;
      continue;
    }
    if (terminated !== undefined) return `Init:${terminatedReason(terminated)}`;
    const waiting = text(object(state, 'waiting'), 'reason');
    return waiting !== '' && waiting !== 'PodInitializing' ? `Init:${waiting}` : `Init:${index}/${specs.length}`;
  }
  return undefined;
}

function countRestarts(summary: PodSummary, containers: readonly JsonObject[]): void {
  for (const container of containers) {
    summary.restarts += number(container, 'restartCount');
    summary.lastRestart = later(summary.lastRestart, lastFinished(container));
  }
}

function containerReasons(status: JsonObject, summary: PodSummary): void {
  let running = false;
  for (const container of objects(status, 'containerStatuses').toReversed()) {
    const state = object(container, 'state');
    const waiting = text(object(state, 'waiting'), 'reason');
    if (waiting !== '') summary.reason = waiting;
    else if (has(state, 'terminated')) summary.reason = terminatedReason(object(state, 'terminated'));
    else if (container['ready'] === true && has(state, 'running')) {
      running = true;
      summary.ready++;
    }
  }
  if (summary.reason === 'Completed' && running) summary.reason = condition(status, 'Ready')?.['status'] === 'True' ? 'Running' : 'NotReady';
}

function summarize(pod: JsonObject): PodSummary {
  const [spec, status] = [object(pod, 'spec'), object(pod, 'status')];
  const summary: PodSummary = { reason: text(status, 'reason') || text(status, 'phase'), restarts: 0, lastRestart: '', ready: 0 };
  if (condition(status, 'PodScheduled')?.['reason'] === 'SchedulingGated') summary.reason = 'SchedulingGated';
  const initializing = initReason(spec, status, summary);
  if (initializing !== undefined) summary.reason = initializing;
  const initStatuses = objects(status, 'initContainerStatuses');
  if (initializing === undefined || condition(status, 'Initialized')?.['status'] === 'True') {
    const sidecars = new Set(objects(spec, 'initContainers').filter(isSidecar).map((container) => container['name']));
    countRestarts(summary, initStatuses.filter((container) => sidecars.has(container['name'])));
    countRestarts(summary, objects(status, 'containerStatuses'));
    containerReasons(status, summary);
  } else countRestarts(summary, initStatuses);
  if (has(object(pod, 'metadata'), 'deletionTimestamp')) {
    const phase = text(status, 'phase');
    if (text(status, 'reason') === 'NodeLost') summary.reason = 'Unknown';
    else if (phase !== 'Failed' && phase !== 'Succeeded') summary.reason = 'Terminating';
  }
  return summary;
}

function readinessGates(spec: JsonObject, status: JsonObject): string {
  const gates = objects(spec, 'readinessGates');
  if (gates.length === 0) return '<none>';
  const met = gates.filter((gate) => condition(status, text(gate, 'conditionType'))?.['status'] === 'True');
  return `${met.length}/${gates.length}`;
}

export function podCells(pod: JsonObject, nowMs: number): Cells {
  const [spec, status] = [object(pod, 'spec'), object(pod, 'status')];
  const summary = summarize(pod);
  const total = objects(spec, 'containers').length + objects(spec, 'initContainers').filter(isSidecar).length;
  const restarts = summary.restarts !== 0 && summary.lastRestart !== '' ? `${summary.restarts} (${since(summary.lastRestart, nowMs)} ago)` : String(summary.restarts);
  const ip = text(objects(status, 'podIPs')[0], 'ip') || text(status, 'podIP', '<none>');
  return [
    nameOf(pod), `${summary.ready}/${total}`, summary.reason, restarts, since(createdAt(pod), nowMs),
    ip, text(spec, 'nodeName', '<none>'), text(status, 'nominatedNodeName', '<none>'), readinessGates(spec, status),
  ];
}

/** Finished pods say so beside the cells, for clients that hide them. */
export function podRowConditions(pod: JsonObject): JsonObject[] | undefined {
  switch (text(object(pod, 'status'), 'phase')) {
    case 'Succeeded': return [{ type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' }];
    case 'Failed': return [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }];
    default: return undefined;
  }
}
