import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { equalJson } from '../patch/values.ts';
import { bool, get, has, list, num, obj, objects, optionalNumber, str } from './access.ts';
import { forbiddenField, goText, invalidValue, notSupported, required } from './errors.ts';
import { each, goSelector, goStringMap, immutable, immutableText, nonNegative, requireOneOf, selectorMatches, validateLabelSelector } from './common.ts';
import { maxLength } from './formats.ts';
import { scheduleProblem } from './cron.ts';
import { validatePodTemplate } from './pod/template.ts';
import type { Validator } from './validator.ts';
import { mismatchText, templateLabels } from './workloads.ts';

const uidLabel = 'batch.kubernetes.io/controller-uid';
const nameLabel = 'batch.kubernetes.io/job-name';

function restartPolicy(spec: JsonObject | undefined, field: string): FieldError[] {
  const policy = str(obj(obj(spec, 'template'), 'spec'), 'restartPolicy');
  const at = `${field}.template.spec.restartPolicy`;
  if (policy === '' || policy === 'Always') return [required(at, 'valid values: "OnFailure", "Never"')];
  if (policy !== 'OnFailure' && policy !== 'Never') return [notSupported(at, policy, ['OnFailure', 'Never'])];
  return has(spec, 'podFailurePolicy') && policy !== 'Never' ? [invalidValue(at, policy, 'only "Never" is supported when podFailurePolicy is specified')] : [];
}

function indexedOnly(spec: JsonObject | undefined, field: string): FieldError[] {
  const mode = str(spec, 'completionMode');
  const errors: FieldError[] = [];
  if (mode !== '' && mode !== 'NonIndexed' && mode !== 'Indexed') errors.push(notSupported(`${field}.completionMode`, mode, ['NonIndexed', 'Indexed']));
  if (mode === 'Indexed' && !has(spec, 'completions')) errors.push(required(`${field}.completions`, 'when completion mode is Indexed'));
  const perIndex = optionalNumber(spec, 'backoffLimitPerIndex');
  if (perIndex !== undefined && mode !== 'Indexed') errors.push(invalidValue(`${field}.backoffLimitPerIndex`, perIndex, 'requires indexed completion mode'));
  const failed = optionalNumber(spec, 'maxFailedIndexes');
  if (failed !== undefined && mode !== 'Indexed') errors.push(invalidValue(`${field}.maxFailedIndexes`, failed, 'requires indexed completion mode'));
  return errors;
}

function failurePolicy(spec: JsonObject | undefined, field: string): FieldError[] {
  return each(objects(obj(spec, 'podFailurePolicy'), 'rules'), `${field}.podFailurePolicy.rules`, (rule, at) => {
    const action = str(rule, 'action');
    const errors = requireOneOf(action, `${at}.action`, ['Count', 'FailIndex', 'FailJob', 'Ignore'], 'required');
    const codes = obj(rule, 'onExitCodes');
    const conditions = objects(rule, 'onPodConditions');
    if (codes !== undefined && conditions.length > 0) errors.push(invalidValue(at, '', 'specifying both OnExitCodes and OnPodConditions is not supported'));
    if (codes === undefined && conditions.length === 0) errors.push(invalidValue(at, '', 'specifying one of OnExitCodes and OnPodConditions is required'));
    if (codes !== undefined) {
      errors.push(...requireOneOf(str(codes, 'operator'), `${at}.onExitCodes.operator`, ['In', 'NotIn'], 'required'));
      if (list(codes, 'values').length === 0) errors.push(invalidValue(`${at}.onExitCodes.values`, goText('[]int32(nil)'), 'at least one value is required'));
    }
    return errors;
  });
}

function jobSpec(spec: JsonObject | undefined, field: string): FieldError[] {
  return [
    ...['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished', 'backoffLimitPerIndex', 'maxFailedIndexes'].flatMap((key) => nonNegative(spec, key, field)),
    ...indexedOnly(spec, field),
    ...failurePolicy(spec, field),
    ...validatePodTemplate(obj(spec, 'template'), `${field}.template`),
    ...restartPolicy(spec, field),
  ];
}

function selectorRules(job: JsonObject): FieldError[] {
  const spec = obj(job, 'spec');
  const selector = obj(spec, 'selector');
  if (selector === undefined) return [required('spec.selector')];
  const errors = validateLabelSelector(selector, 'spec.selector');
  const labels = templateLabels(obj(spec, 'template'));
  if (!bool(spec, 'manualSelector')) {
    const generated = { [uidLabel]: str(obj(job, 'metadata'), 'uid'), [nameLabel]: str(obj(job, 'metadata'), 'name') };
    if (selectorMatches(selector, generated) !== true) errors.unshift(invalidValue('spec.selector', goSelector(selector), '`selector` not auto-generated'));
  }
  if (selectorMatches(selector, labels) !== true) errors.push(invalidValue('spec.template.metadata.labels', goText(goStringMap(labels)), mismatchText));
  return errors;
}

function job(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  return [...jobSpec(spec, 'spec'), ...selectorRules(object)];
}

/** While suspended and never started, where its pods may go can still change. */
function mutableTemplate(template: JsonObject | undefined): JsonObject {
  const spec = obj(template, 'spec') ?? {};
  const { nodeSelector: _n, tolerations: _t, affinity: _a, schedulingGates: _g, ...rest } = spec;
  return { spec: rest };
}

function jobUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const before = obj(old, 'spec');
  const errors = job(object);
  const sameCount = equalJson(get(spec, 'completions') ?? null, get(before, 'completions') ?? null);
  const elastic = str(spec, 'completionMode') === 'Indexed' && num(spec, 'completions') === num(spec, 'parallelism');
  if (!sameCount && !elastic) errors.push(...immutable(spec, before, 'completions', 'spec'));
  errors.push(...immutable(spec, before, 'selector', 'spec', goSelector(obj(spec, 'selector'))));
  const canMove = bool(before, 'suspend') && !has(obj(old, 'status'), 'startTime');
  const template = obj(spec, 'template');
  const unchanged = canMove ? equalJson(mutableTemplate(template), mutableTemplate(obj(before, 'template'))) : equalJson(template ?? null, obj(before, 'template') ?? null);
  if (!unchanged) errors.push(invalidValue('spec.template', goText('core.PodTemplateSpec{…}'), immutableText));
  for (const key of ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy']) errors.push(...immutable(spec, before, key, 'spec'));
  return errors;
}

function cronSchedule(spec: JsonObject | undefined): FieldError[] {
  const schedule = str(spec, 'schedule');
  if (schedule === '') return [required('spec.schedule')];
  const errors: FieldError[] = [];
  const problem = scheduleProblem(schedule);
  if (problem !== undefined) errors.push(invalidValue('spec.schedule', schedule, problem));
  if (/TZ=/.test(schedule)) {
    return has(spec, 'timeZone')
      ? [invalidValue('spec.schedule', schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule')]
      : [invalidValue('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')];
  }
  return errors;
}

function timeZone(spec: JsonObject | undefined): FieldError[] {
  if (!has(spec, 'timeZone')) return [];
  const zone = str(spec, 'timeZone');
  if (zone === '') return [invalidValue('spec.timeZone', zone, 'timeZone must be nil or non-empty string')];
  if (zone.toLowerCase() === 'local') return [invalidValue('spec.timeZone', zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones')];
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone }).format(0);
    return [];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [invalidValue('spec.timeZone', zone, `unknown time zone ${zone}`)];
  }
}

function cronJob(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const template = obj(obj(spec, 'jobTemplate'), 'spec');
  const name = str(obj(object, 'metadata'), 'name');
  const errors = [
    ...cronSchedule(spec), ...nonNegative(spec, 'startingDeadlineSeconds', 'spec'), ...timeZone(spec),
    ...requireOneOf(str(spec, 'concurrencyPolicy'), 'spec.concurrencyPolicy', ['Allow', 'Forbid', 'Replace'], 'required'),
    ...jobSpec(template, 'spec.jobTemplate.spec'),
    ...(bool(template, 'manualSelector') ? [notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false'])] : []),
    ...(has(template, 'selector') ? [forbiddenField('spec.jobTemplate.spec.selector', '`selector` will be auto-generated')] : []),
    ...nonNegative(spec, 'successfulJobsHistoryLimit', 'spec'), ...nonNegative(spec, 'failedJobsHistoryLimit', 'spec'),
  ];
  if (name.length > 52) errors.push(invalidValue('metadata.name', name, maxLength(52)));
  return errors;
}

export const jobValidators: Readonly<Record<string, Validator>> = {
  'jobs.batch': { create: job, update: jobUpdate },
  'cronjobs.batch': { create: cronJob },
};
