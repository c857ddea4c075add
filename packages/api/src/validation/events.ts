import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import type { StrategyContext } from '../strategy.ts';
import { equalJson } from '../patch/values.ts';
import { get, num, obj, str } from './access.ts';
import { labelName, immutableText } from './common.ts';
import { eachInvalid, goText, invalidValue, required, type BadValue } from './errors.ts';
import { dns1123Subdomain } from './formats.ts';
import { goPointerTo, goStruct, goTime } from './go-value.ts';
import { validateMetadata, validateUpdatePass } from './metadata.ts';
import type { Validator } from './validator.ts';

const longest = 128;
const longestNote = 1024;

/** Events are v1's inside; `events.k8s.io` is strict with its own callers. */
function isStrict(context: StrategyContext): boolean {
  return context.requestGroup === 'events.k8s.io';
}

function notTooLong(event: JsonObject, key: string, limit: number): FieldError[] {
  return str(event, key).length > limit ? [invalidValue(key, '', `can have at most ${limit} characters`)] : [];
}

function requiredText(event: JsonObject, key: string): FieldError[] {
  return [...(str(event, key) === '' ? [required(key)] : []), ...notTooLong(event, key, longest)];
}

/** What says when it happened says also who tells of it. */
function timedEvent(event: JsonObject, context: StrategyContext): FieldError[] {
  const field = isStrict(context) ? 'reportingController' : 'reportingComponent';
  const controller = str(event, 'reportingComponent');
  return [
    ...(controller === '' ? [required(field)] : []), ...labelName(controller, field),
    ...requiredText(event, 'reportingInstance'), ...requiredText(event, 'action'), ...requiredText(event, 'reason'), ...notTooLong(event, 'message', longestNote),
  ];
}

/** An event lives where its object lives; what has no namespace tells of itself in `default`. */
function anyEvent(event: JsonObject, context: StrategyContext): FieldError[] {
  const namespace = str(obj(event, 'metadata'), 'namespace');
  const about = str(obj(event, 'involvedObject'), 'namespace');
  const timed = str(event, 'eventTime') !== '';
  const homes = timed ? ['default', 'kube-system'] : ['', 'default'];
  const fits = about === '' ? homes.includes(namespace) : timed || about === namespace;
  return [
    ...(fits ? [] : [invalidValue('involvedObject.namespace', about, 'does not match event.namespace')]),
    ...(timed ? timedEvent(event, context) : []),
    ...eachInvalid('namespace', namespace, dns1123Subdomain(namespace)),
  ];
}

function series(event: JsonObject): FieldError[] {
  const one = obj(event, 'series');
  if (one === undefined) return [];
  return [
    ...(num(one, 'count') < 2 ? [invalidValue('series.count', '', 'should be at least 2')] : []),
    ...(str(one, 'lastObservedTime') === '' ? [required('series.lastObservedTime')] : []),
  ];
}

function strictCreate(event: JsonObject): FieldError[] {
  const type = str(event, 'type');
  const source = obj(event, 'source');
  const unset = (key: string, isSet: boolean): FieldError[] => (isSet ? [invalidValue(key, '', 'needs to be unset')] : []);
  return [
    ...validateMetadata(obj(event, 'metadata') ?? {}, { namespaced: true, nameRule: 'dns1123-subdomain' }), ...series(event),
    ...(str(event, 'eventTime') === '' ? [required('eventTime')] : []),
    ...(type === 'Normal' || type === 'Warning' ? [] : [invalidValue('type', '', `has invalid value: ${type}`)]),
    ...unset('firstTimestamp', str(event, 'firstTimestamp') !== ''), ...unset('lastTimestamp', str(event, 'lastTimestamp') !== ''),
    ...unset('count', num(event, 'count') !== 0), ...unset('source', str(source, 'component') !== '' || str(source, 'host') !== ''),
  ];
}

const reference = 'io.k8s.api.core.v1.ObjectReference';

/** What a told event may not change, how it is shown, and what upstream calls it; `reason` it checks twice. */
const fixed: readonly (readonly [key: string, show: (event: JsonObject) => BadValue, field?: string])[] = [
  ['involvedObject', (event) => goStruct(reference, obj(event, 'involvedObject'))],
  ['reason', (event) => str(event, 'reason')], ['message', (event) => str(event, 'message')],
  ['source', (event) => goStruct('io.k8s.api.core.v1.EventSource', obj(event, 'source'))],
  ['firstTimestamp', (event) => goTime(str(event, 'firstTimestamp'))], ['lastTimestamp', (event) => goTime(str(event, 'lastTimestamp'))],
  ['count', (event) => num(event, 'count')], ['reason', (event) => str(event, 'reason')], ['type', (event) => str(event, 'type')],
  ['eventTime', (event) => goTime(str(event, 'eventTime'))], ['action', (event) => str(event, 'action')],
  ['related', (event) => goPointerTo(reference, obj(event, 'related')) ?? goText('null')],
  ['reportingComponent', (event) => str(event, 'reportingComponent'), 'reportingController'], ['reportingInstance', (event) => str(event, 'reportingInstance')],
];

function isEmpty(event: JsonObject, key: string): boolean {
  const value = get(event, key);
  return value === undefined || value === null || value === '' || value === 0 || (typeof value === 'object' && key !== 'related' && Object.keys(value).length === 0);
}

function strictUpdate(event: JsonObject, old: JsonObject): FieldError[] {
  const moved = (key: string): boolean => !(isEmpty(event, key) && isEmpty(old, key)) && !equalJson(get(event, key) ?? null, get(old, key) ?? null);
  return [
    ...validateUpdatePass(obj(event, 'metadata') ?? {}, obj(old, 'metadata') ?? {}, { namespaced: true, nameRule: 'dns1123-subdomain' }),
    ...(moved('series') ? series(event) : []),
    ...fixed.flatMap(([key, show, field]) => (moved(key) ? [invalidValue(field ?? key, show(event), immutableText)] : [])),
  ];
}

const rules: Validator = {
  create: (event, context) => [...anyEvent(event, context), ...(isStrict(context) ? strictCreate(event) : [])],
  update: (event, old, context) => [...anyEvent(event, context), ...(isStrict(context) ? strictUpdate(event, old) : [])],
};

export const eventValidators: Readonly<Record<string, Validator>> = { events: rules, 'events.events.k8s.io': rules };
