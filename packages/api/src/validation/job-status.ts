import type { FieldError } from '../field-error.ts';
import { equalJson } from '../patch/values.ts';
import type { JsonObject } from '../resource.ts';
import { bool, get, has, num, obj, objects, optionalNumber, str, strings } from './access.ts';
import { duplicate, goStrings, goText, invalidValue, required, type GoText } from './errors.ts';
import { goTime } from './go-value.ts';
import { countIndexes, overlap } from './index-intervals.ts';

const counters = ['active', 'succeeded', 'failed', 'ready', 'terminating'];
const terminal = ['Failed', 'Complete', 'FailureTarget'];

/** A pod is counted once, whatever became of it. */
function uncounted(status: JsonObject | undefined): FieldError[] {
  const pods = obj(status, 'uncountedTerminatedPods');
  const seen = new Set<string>();
  return ['succeeded', 'failed'].flatMap((list) => strings(pods, list).flatMap((uid, index) => {
    const field = `status.uncountedTerminatedPods.${list}[${index}]`;
    if (uid === '') return [invalidValue(field, uid, 'must not be empty')];
    if (seen.has(uid)) return [duplicate(field, uid)];
    seen.add(uid);
    return [];
  }));
}

/** One state of a job, as far as the rules look. */
class Look {
  readonly spec: JsonObject | undefined;
  readonly status: JsonObject | undefined;
  readonly #true: ReadonlySet<string>;

  constructor(job: JsonObject) {
    this.spec = obj(job, 'spec');
    this.status = obj(job, 'status');
    this.#true = new Set(objects(this.status, 'conditions').filter((one) => str(one, 'status') === 'True').map((one) => str(one, 'type')));
  }

  is(type: string): boolean {
    return this.#true.has(type);
  }

  get finished(): boolean {
    return this.is('Complete') || this.is('Failed');
  }

  get isIndexed(): boolean {
    return str(this.spec, 'completionMode') === 'Indexed';
  }
}

/** Rules hold for what changes: what was wrong before may stay, so that its owner can mend it. */
class Transition {
  readonly now: Look;
  readonly old: Look;

  constructor(job: JsonObject, before: JsonObject) {
    this.now = new Look(job);
    this.old = new Look(before);
  }

  changed(...fields: readonly string[]): boolean {
    return fields.some((field) => !equalJson(get(this.now.status, field), get(this.old.status, field)));
  }

  turned(...types: readonly string[]): boolean {
    return types.some((type) => this.now.is(type) !== this.old.is(type));
  }

  get finishedTurned(): boolean {
    return this.now.finished !== this.old.finished;
  }
}

/** A message that upstream gives without a value. */
function condition(wrong: boolean, detail: string): FieldError[] {
  return wrong ? [{ type: 'Invalid', field: 'status.conditions', message: `Invalid value: ${detail}` }] : [];
}

function endings(change: Transition): FieldError[] {
  const { now } = change;
  const complete = now.is('Complete');
  return [
    ...condition(change.turned('Complete', 'Failed') && complete && now.is('Failed'), 'cannot set Complete=True and Failed=true conditions'),
    ...condition(change.turned('Complete', 'FailureTarget') && complete && now.is('FailureTarget'), 'cannot set Complete=True and FailureTarget=true conditions'),
  ];
}

function times(change: Transition): FieldError[] {
  const { now, now: { status } } = change;
  const [start, end] = [str(status, 'startTime'), str(status, 'completionTime')];
  const field = 'status.completionTime';
  const either = change.turned('Complete') || change.changed('completionTime');
  return [
    ...(either && end !== '' && !now.is('Complete') ? [invalidValue(field, goTime(end), 'cannot set completionTime when there is no Complete=True condition')] : []),
    ...(either && end === '' && now.is('Complete') ? [required(field, 'completionTime is required for Complete jobs')] : []),
    ...(change.changed('startTime', 'completionTime') && start !== '' && end !== '' && Date.parse(end) < Date.parse(start) ? [invalidValue(field, goTime(end), 'completionTime cannot be set before startTime')] : []),
  ];
}

function targets(change: Transition): FieldError[] {
  const { now } = change;
  return [
    ...condition((change.turned('Failed') || change.changed('failedIndexes')) && now.is('Failed') && !now.is('FailureTarget'), 'cannot set Failed=True condition without the FailureTarget=true condition'),
    ...condition(change.turned('Complete', 'SuccessCriteriaMet') && now.is('Complete') && !now.is('SuccessCriteriaMet'), 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition'),
  ];
}

function shownPods(pods: JsonObject | undefined): GoText {
  const uids = (list: string): string => goStrings('[]types.UID', has(pods, list) ? strings(pods, list) : undefined).text;
  return goText(`batch.UncountedTerminatedPods{Succeeded:${uids('succeeded')}, Failed:${uids('failed')}}`);
}

function whatIsLeft(change: Transition): FieldError[] {
  const { finishedTurned, now: { finished, status } } = change;
  if (!finished) return [];
  const active = num(status, 'active');
  const pods = obj(status, 'uncountedTerminatedPods');
  const left = strings(pods, 'succeeded').length + strings(pods, 'failed').length;
  return [
    ...((finishedTurned || change.changed('active')) && active > 0 ? [invalidValue('status.active', active, 'active>0 is invalid for finished job')] : []),
    ...((finishedTurned || change.changed('startTime')) && !has(status, 'startTime') ? [required('status.startTime', 'startTime is required for finished job')] : []),
    ...((finishedTurned || change.changed('uncountedTerminatedPods')) && left > 0
      ? [invalidValue('status.uncountedTerminatedPods', shownPods(pods), 'uncountedTerminatedPods needs to be empty for finished job')] : []),
  ];
}

function indexes(change: Transition): FieldError[] {
  const { spec, status, isIndexed } = change.now;
  const completions = optionalNumber(spec, 'completions');
  const [completed, failed] = [str(status, 'completedIndexes'), str(status, 'failedIndexes')];
  const [hasFailed, perIndex] = [has(status, 'failedIndexes'), has(spec, 'backoffLimitPerIndex')];
  const [newCompleted, newFailed] = [change.changed('completedIndexes'), change.changed('failedIndexes')];
  const format = (name: string, text: string): FieldError[] => {
    const found = completions === undefined ? 0 : countIndexes(text, completions);
    return typeof found === 'number' ? [] : [invalidValue(`status.${name}`, text, `error parsing ${name}: ${found}`)];
  };
  const both = (newFailed || newCompleted) && completions !== undefined && completed !== '' && failed !== '' ? overlap(completed, failed, completions) : undefined;
  return [
    ...(newCompleted ? format('completedIndexes', completed) : []), ...(newFailed && perIndex && hasFailed ? format('failedIndexes', failed) : []),
    ...(newCompleted && completed !== '' && !isIndexed ? [invalidValue('status.completedIndexes', completed, 'cannot set non-empty completedIndexes when non-indexed completion mode')] : []),
    ...(newFailed && hasFailed && !perIndex ? [invalidValue('status.failedIndexes', failed, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null')] : []),
    ...(both === undefined ? [] : [invalidValue('status.failedIndexes', failed, `failedIndexes and completedIndexes overlap at index: ${both}`)]),
  ];
}

function pods(change: Transition): FieldError[] {
  const { finished, status } = change.now;
  const [active, ready, terminating] = ['active', 'ready', 'terminating'].map((name) => num(status, name)) as [number, number, number];
  return [
    ...((change.finishedTurned || change.changed('terminating')) && finished && terminating > 0 ? [invalidValue('status.terminating', terminating, 'terminating>0 is invalid for finished job')] : []),
    ...(change.changed('ready', 'active') && has(status, 'ready') && ready > active ? [invalidValue('status.ready', ready, 'cannot set more ready pods than active')] : []),
  ];
}

function criteria({ now }: Transition): FieldError[] {
  const met = now.is('SuccessCriteriaMet');
  return [
    ...condition(met && now.is('Failed'), 'cannot set SuccessCriteriaMet=True and Failed=true conditions'),
    ...condition(met && now.is('FailureTarget'), 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'),
    ...condition(has(now.spec, 'successPolicy') && !met && now.is('Complete'), 'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True'),
  ];
}

/** What was said once and cannot be taken back. */
function lasting(change: Transition): FieldError[] {
  const { now, old } = change;
  const end = str(now.status, 'completionTime');
  const fewer = (name: string): FieldError[] => (num(now.status, name) < num(old.status, name) ? [invalidValue(`status.${name}`, num(now.status, name), `cannot decrease the ${name} counter`)] : []);
  // These can be scaled down.
  const elastic = now.isIndexed && equalJson(get(now.spec, 'completions'), get(now.spec, 'parallelism'));
  const dropped = change.turned('SuccessCriteriaMet') && old.is('SuccessCriteriaMet');
  return [
    ...terminal.flatMap((type) => condition(old.is(type) && !now.is(type), `cannot disable the terminal ${type}=True condition`)), ...fewer('failed'), ...(elastic ? [] : fewer('succeeded')),
    ...(end !== '' && has(old.status, 'completionTime') && change.changed('completionTime') ? [invalidValue('status.completionTime', goTime(end), 'completionTime cannot be mutated')] : []),
    ...(has(old.status, 'startTime') && change.changed('startTime') && !bool(now.spec, 'suspend') ? [required('status.startTime', 'startTime cannot be removed for unsuspended job')] : []),
    ...condition(dropped, 'cannot disable the SuccessCriteriaMet=True condition'),
    ...condition(old.is('Complete') && !old.is('SuccessCriteriaMet') && now.is('SuccessCriteriaMet'), 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'),
  ];
}

/** What whoever manages a job may say of it. */
export function jobStatus(job: JsonObject, old: JsonObject): FieldError[] {
  const status = obj(job, 'status');
  const change = new Transition(job, old);
  const negative = counters.flatMap((name) => (num(status, name) < 0 ? [invalidValue(`status.${name}`, num(status, name), 'must be greater than or equal to 0')] : []));
  return [
    ...negative, ...uncounted(status), ...endings(change), ...times(change), ...targets(change), ...whatIsLeft(change), ...indexes(change), ...pods(change), ...criteria(change), ...lasting(change),
  ];
}
