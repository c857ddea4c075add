import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { equalJson } from '../patch/values.ts';
import { bool, get, has, list, num, obj, objects, optionalNumber, str } from './access.ts';
import { duplicate, eachInvalid, goText, invalidValue, notSupported, quote, required, tooLong, tooMany } from './errors.ts';
import { domainPrefixedPath, each, goSelector, goStringMap, immutable, immutableText, nonNegative, requireOneOf, selectorMatches, validateLabelSelector } from './common.ts';
import { dns1123Label, maxLength, qualifiedNameProblems } from './formats.ts';
import { goPointerTo, goStruct } from './go-value.ts';
import { successPolicy } from './success-policy.ts';
import { scheduleProblem } from './cron.ts';
import { jobStatus } from './job-status.ts';
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

const mostIndexed = 100_000;
const highCompletions = 10_000;

function highCompletionLimits(spec: JsonObject | undefined, field: string): FieldError[] {
  if (num(spec, 'completions') <= mostIndexed || !has(spec, 'backoffLimitPerIndex')) return [];
  const text = `must be less than or equal to ${highCompletions} when completions are above ${mostIndexed} and used with backoff limit per index`;
  return [
    ...(has(spec, 'maxFailedIndexes') ? [] : [required(`${field}.maxFailedIndexes`, `must be specified when completions is above ${mostIndexed}`)]),
    ...['parallelism', 'maxFailedIndexes'].flatMap((key) => (num(spec, key) > highCompletions ? [invalidValue(`${field}.${key}`, num(spec, key), text)] : [])),
  ];
}

function indexed(spec: JsonObject | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const failed = optionalNumber(spec, 'maxFailedIndexes');
  const completions = optionalNumber(spec, 'completions');
  const parallelism = num(spec, 'parallelism');
  if (completions === undefined) errors.push(required(`${field}.completions`, 'when completion mode is Indexed'));
  if (parallelism > mostIndexed) errors.push(invalidValue(`${field}.parallelism`, parallelism, `must be less than or equal to ${mostIndexed} when completion mode is Indexed`));
  if (completions !== undefined && failed !== undefined && failed > completions) errors.push(invalidValue(`${field}.maxFailedIndexes`, failed, 'must be less than or equal to completions'));
  if (failed !== undefined && failed > mostIndexed) errors.push(invalidValue(`${field}.maxFailedIndexes`, failed, `must be less than or equal to ${mostIndexed}`));
  return [...errors, ...highCompletionLimits(spec, field)];
}

function completionMode(spec: JsonObject | undefined, field: string): FieldError[] {
  const mode = str(spec, 'completionMode');
  const errors = has(spec, 'completionMode') ? requireOneOf(mode, `${field}.completionMode`, ['NonIndexed', 'Indexed'], 'unsupported') : [];
  if (mode === 'Indexed') return [...errors, ...indexed(spec, field)];
  if (has(spec, 'completionMode') && mode !== 'NonIndexed') return errors;
  for (const key of ['backoffLimitPerIndex', 'maxFailedIndexes']) {
    if (has(spec, key)) errors.push(invalidValue(`${field}.${key}`, num(spec, key), 'requires indexed completion mode'));
  }
  return errors;
}

function managedBy(spec: JsonObject | undefined, field: string): FieldError[] {
  if (!has(spec, 'managedBy')) return [];
  const manager = str(spec, 'managedBy');
  return [...domainPrefixedPath(manager, `${field}.managedBy`), ...(manager.length > 63 ? [tooLong(`${field}.managedBy`, 63)] : [])];
}

/** A refusal that shows no value. */
function bare(field: string, detail: string): FieldError {
  return { type: 'Invalid', field, message: `Invalid value: ${detail}` };
}

function exitCodes(codes: JsonObject, at: string, containers: ReadonlySet<string>): FieldError[] {
  const operator = str(codes, 'operator');
  const values = list(codes, 'values').map(Number);
  const shown = goText(`[]int32${has(codes, 'values') ? `{${values.join(', ')}}` : '(nil)'}`);
  const errors = operator === '' ? [required(`${at}.operator`, 'valid values: ["In" "NotIn"]')] : requireOneOf(operator, `${at}.operator`, ['In', 'NotIn'], 'unsupported');
  if (has(codes, 'containerName') && !containers.has(str(codes, 'containerName'))) {
    errors.push(invalidValue(`${at}.containerName`, str(codes, 'containerName'), 'must be one of the container or initContainer names in the pod template'));
  }
  if (values.length === 0) errors.push(invalidValue(`${at}.values`, shown, 'at least one value is required'));
  else if (values.length > 255) errors.push(tooMany(`${at}.values`, values.length, 255));
  for (const [index, value] of values.entries()) {
    if (operator === 'In' && value === 0) errors.push(invalidValue(`${at}.values[${index}]`, value, 'must not be 0 for the In operator'));
    if (values.indexOf(value) < index) errors.push(duplicate(`${at}.values[${index}]`, value));
  }
  return values.some((value, index) => index > 0 && (values[index - 1] as number) > value) ? [...errors, invalidValue(`${at}.values`, shown, 'must be ordered')] : errors;
}

function podConditions(rule: JsonObject, at: string): FieldError[] {
  const all = objects(rule, 'onPodConditions');
  const errors = all.length > 20 ? [tooMany(at, all.length, 20)] : [];
  return [...errors, ...each(all, at, (one, oneAt) => {
    const type = str(one, 'type');
    const status = str(one, 'status');
    return [
      ...eachInvalid(`${oneAt}.type`, type, qualifiedNameProblems(type)),
      ...(status === '' ? [required(`${oneAt}.status`, 'valid values: ["False" "True" "Unknown"]')] : requireOneOf(status, `${oneAt}.status`, ['False', 'True', 'Unknown'], 'unsupported')),
    ];
  })];
}

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];

function failureAction(spec: JsonObject | undefined, action: string, field: string): FieldError[] {
  if (action === '') return [required(field, `valid values: [${actions.map(quote).join(' ')}]`)];
  if (action === 'FailIndex') return has(spec, 'backoffLimitPerIndex') ? [] : [invalidValue(field, action, 'requires the backoffLimitPerIndex to be set')];
  return requireOneOf(action, field, actions, 'unsupported');
}

function failurePolicy(spec: JsonObject | undefined, field: string): FieldError[] {
  const template = obj(obj(spec, 'template'), 'spec');
  const containers = new Set(['containers', 'initContainers'].flatMap((key) => objects(template, key).map((one) => str(one, 'name'))));
  const rules = objects(obj(spec, 'podFailurePolicy'), 'rules');
  const at = `${field}.podFailurePolicy.rules`;
  return [...(rules.length > 20 ? [tooMany(at, rules.length, 20)] : []), ...each(rules, at, (rule, ruleAt) => {
    const errors = failureAction(spec, str(rule, 'action'), `${ruleAt}.action`);
    const codes = obj(rule, 'onExitCodes');
    const conditions = objects(rule, 'onPodConditions');
    if (codes !== undefined) append(errors, exitCodes(codes, `${ruleAt}.onExitCodes`, containers));
    append(errors, podConditions(rule, `${ruleAt}.onPodConditions`));
    if (codes !== undefined && conditions.length > 0) errors.push(bare(ruleAt, 'specifying both OnExitCodes and OnPodConditions is not supported'));
    if (codes === undefined && conditions.length === 0) errors.push(bare(ruleAt, 'specifying one of OnExitCodes and OnPodConditions is required'));
    return errors;
  })];
}

function replacementPolicy(spec: JsonObject | undefined, field: string): FieldError[] {
  if (!has(spec, 'podReplacementPolicy')) return [];
  return requireOneOf(str(spec, 'podReplacementPolicy'), `${field}.podReplacementPolicy`, has(spec, 'podFailurePolicy') ? ['Failed'] : ['Failed', 'TerminatingOrFailed'], 'unsupported');
}

function jobSpec(spec: JsonObject | undefined, field: string): FieldError[] {
  return [
    ...['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished', 'backoffLimitPerIndex', 'maxFailedIndexes'].flatMap((key) => nonNegative(spec, key, field)),
    ...(has(spec, 'maxFailedIndexes') && !has(spec, 'backoffLimitPerIndex') ? [required(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')] : []),
    ...managedBy(spec, field),
    ...completionMode(spec, field),
    ...failurePolicy(spec, field),
    ...successPolicy(spec, field),
    ...replacementPolicy(spec, field),
    ...validatePodTemplate(obj(spec, 'template'), `${field}.template`),
    ...restartPolicy(spec, field),
  ];
}

const legacy = { uid: 'controller-uid', name: 'job-name' } as const;

/** Labels that the server gave, and that a writer may have given otherwise. */
function generatedLabels(job: JsonObject): FieldError[] {
  const labels = templateLabels(obj(obj(job, 'spec'), 'template'));
  const metadata = obj(job, 'metadata');
  return ([[legacy.uid, 'uid'], [legacy.name, 'name'], [uidLabel, 'uid'], [nameLabel, 'name']] as const).flatMap(([key, from]) => {
    const wanted = str(metadata, from);
    const field = `spec.template.metadata.labels`;
    if (!has(labels, key)) return [required(`${field}[${key}]`, `must be '${wanted}'`)];
    return str(labels, key) === wanted ? [] : [invalidValue(`${field}[${key}]`, goText(goStringMap(labels)), `must be '${wanted}'`)];
  });
}

/** Of a selector that the server makes: what it is made of must be there. */
function generatedSelector(job: JsonObject): FieldError[] {
  const spec = obj(job, 'spec');
  const selector = obj(spec, 'selector');
  if (bool(spec, 'manualSelector') || selector === undefined) return [];
  const [uid, name] = [str(obj(job, 'metadata'), 'uid'), str(obj(job, 'metadata'), 'name')];
  const generated = { [uidLabel]: uid, [nameLabel]: name, [legacy.uid]: uid, [legacy.name]: name };
  return [...generatedLabels(job), ...(selectorMatches(selector, generated) === false ? [invalidValue('spec.selector', goSelector(selector), '`selector` not auto-generated')] : [])];
}

function specWithSelector(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const selector = obj(spec, 'selector');
  const labels = templateLabels(obj(spec, 'template'));
  const errors = [...jobSpec(spec, 'spec'), ...(selector === undefined ? [required('spec.selector')] : validateLabelSelector(selector, 'spec.selector'))];
  if (selector === undefined || selectorMatches(selector, labels) === false) errors.push(invalidValue('spec.template.metadata.labels', goText(goStringMap(labels)), mismatchText));
  return errors;
}

function job(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const name = str(obj(object, 'metadata'), 'name');
  const errors = [...generatedSelector(object), ...specWithSelector(object)];
  const last = `${name}-${num(spec, 'completions') - 1}`;
  if (str(spec, 'completionMode') === 'Indexed' && num(spec, 'completions') > 0 && dns1123Label(last).length > 0) {
    errors.push(invalidValue('metadata.name', name, `will not able to create pod with invalid DNS label: ${last}`));
  }
  return errors;
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
  // Upstream looks at the spec twice when it changes, and says twice what it finds.
  const errors = [...job(object), ...specWithSelector(object)];
  const sameCount = equalJson(get(spec, 'completions') ?? null, get(before, 'completions') ?? null);
  if (!sameCount && str(spec, 'completionMode') !== 'Indexed') append(errors, immutable(spec, before, 'completions', 'spec'));
  else if (!sameCount && has(spec, 'completions') && num(spec, 'completions') !== num(spec, 'parallelism')) errors.push(invalidValue('spec.completions', num(spec, 'completions'), 'can only be modified in tandem with spec.parallelism'));
  append(errors, immutable(spec, before, 'selector', 'spec', has(spec, 'selector') ? goSelector(obj(spec, 'selector')) : undefined));
  const canMove = bool(before, 'suspend') && !has(obj(old, 'status'), 'startTime');
  const template = obj(spec, 'template');
  const unchanged = canMove ? equalJson(mutableTemplate(template), mutableTemplate(obj(before, 'template'))) : equalJson(template ?? null, obj(before, 'template') ?? null);
  if (!unchanged) errors.push(invalidValue('spec.template', goStruct('io.k8s.api.core.v1.PodTemplateSpec', template), immutableText));
  const shown = (key: string, type: string): ReturnType<typeof goText> => goPointerTo(`io.k8s.api.batch.v1.${type}`, obj(spec, key)) ?? goText('"null"');
  for (const [key, type] of [['completionMode', ''], ['podFailurePolicy', 'PodFailurePolicy'], ['backoffLimitPerIndex', ''], ['managedBy', ''], ['successPolicy', 'SuccessPolicy']] as const) {
    append(errors, immutable(spec, before, key, 'spec', type === '' ? undefined : shown(key, type)));
  }
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
    ...(has(template, 'selector') ? [invalidValue('spec.jobTemplate.spec.selector', goSelector(obj(template, 'selector')), '`selector` will be auto-generated')] : []),
    ...nonNegative(spec, 'successfulJobsHistoryLimit', 'spec'), ...nonNegative(spec, 'failedJobsHistoryLimit', 'spec'),
  ];
  if (name.length > 52) errors.push(invalidValue('metadata.name', name, maxLength(52)));
  return errors;
}

export const jobValidators: Readonly<Record<string, Validator>> = {
  'jobs.batch': { create: job, update: jobUpdate, updateStatus: jobStatus },
  'cronjobs.batch': { create: cronJob },
};
