import { goText } from '../errors.ts';
import type { FieldError } from '../../field-error.ts';
import { equalJson } from '../../patch/values.ts';
import type { JsonObject } from '../../resource.ts';
import { addressText, cidrProblems, parseCidr } from '../addresses.ts';
import { get, has, obj, objects, str, strings } from '../access.ts';
import { immutableText, requireOneOf } from '../common.ts';
import { conditionErrors } from '../conditions.ts';
import { eachInvalid, forbiddenField, invalidValue, required, tooMany } from '../errors.ts';
import { goStruct } from '../go-value.ts';
import { validateNodeSelectorTerms } from '../pod/placement.ts';
import { configuration, maxConfigs, maxRequests, opaqueObject, requestNamesOf, requestReference, requestReferences } from './claims.ts';
import { driverName, eachOf, eachOnce, label, poolName, tooLongText } from './names.ts';

const maxConsumers = 256;
const maxConditions = 8;
const maxAddresses = 16;
const longestInterfaceName = 256;
const longestHardwareAddress = 128;

function consumer(one: JsonObject, field: string): FieldError[] {
  return ['resource', 'name', 'uid'].filter((key) => str(one, key) === '').map((key) => required(`${field}.${key}`));
}

function deviceOf(one: JsonObject): string {
  return `${str(one, 'driver')}/${str(one, 'pool')}/${str(one, 'device')}`;
}

function namesOfDevice(one: JsonObject, field: string): FieldError[] {
  return [...driverName(str(one, 'driver'), `${field}.driver`), ...poolName(str(one, 'pool'), `${field}.pool`), ...label(str(one, 'device'), `${field}.device`)];
}

/** However it is written. */
function canonicalRange(text: string): string {
  const range = parseCidr(text);
  return range === undefined ? '' : `${addressText(range.address)}/${range.prefixLength}`;
}

function networkData(data: JsonObject | undefined, field: string): FieldError[] {
  if (data === undefined) return [];
  return [
    ...tooLongText(str(data, 'interfaceName'), `${field}.interfaceName`, longestInterfaceName), ...tooLongText(str(data, 'hardwareAddress'), `${field}.hardwareAddress`, longestHardwareAddress),
    ...eachOnce(strings(data, 'ips'), `${field}.ips`, maxAddresses, (address, at) => eachInvalid(at, address, cidrProblems(address)), (address) => ({ key: canonicalRange(address), at: '' })),
  ];
}

function deviceStatus(one: JsonObject, field: string, allocated: ReadonlySet<string>): FieldError[] {
  const conditions = objects(one, 'conditions');
  const device = deviceOf(one);
  return [
    ...namesOfDevice(one, field), ...(allocated.has(device) ? [] : [invalidValue(field, goText(device), 'must be an allocated device in the claim')]),
    ...(conditions.length > maxConditions ? [tooMany(`${field}.conditions`, conditions.length, maxConditions)] : []), ...conditionErrors(conditions, `${field}.conditions`),
    ...(has(one, 'data') ? opaqueObject(get(one, 'data'), `${field}.data`, false) : []), ...networkData(obj(one, 'networkData'), `${field}.networkData`),
  ];
}

function allocationErrors(allocation: JsonObject, field: string, known: ReadonlySet<string>): FieldError[] {
  const devices = obj(allocation, 'devices');
  const selector = obj(allocation, 'nodeSelector');
  return [
    ...eachOf(objects(devices, 'results'), `${field}.devices.results`, maxRequests, (result, at) => [...requestReference(str(result, 'request'), `${at}.request`, known), ...namesOfDevice(result, at)]),
    ...eachOf(objects(devices, 'config'), `${field}.devices.config`, 2 * maxConfigs, (config, at) => [
      ...requireOneOf(str(config, 'source'), `${at}.source`, ['FromClaim', 'FromClass'], 'required'), ...requestReferences(config, at, known), ...configuration(config, at, false),
    ]),
    ...(selector === undefined ? [] : validateNodeSelectorTerms(selector, `${field}.nodeSelector`)),
  ];
}

function reservations(claim: JsonObject, status: JsonObject | undefined, before: JsonObject | undefined): FieldError[] {
  const consumers = objects(status, 'reservedFor');
  if (consumers.length === 0) return [];
  if (!has(status, 'allocation')) return [forbiddenField('status.reservedFor', 'may not be specified when `allocated` is not set')];
  if (!has(obj(claim, 'metadata'), 'deletionTimestamp')) return [];
  const isNew = consumers.some((one) => !objects(before, 'reservedFor').some((old) => equalJson(one, old)));
  return isNew ? [forbiddenField('status.reservedFor', 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set')] : [];
}

/** An allocation is made or taken back, never changed; one that was there before is not looked at again. */
export function claimStatusErrors(claim: JsonObject, old: JsonObject): FieldError[] {
  const [status, before] = [obj(claim, 'status'), obj(old, 'status')];
  const [allocation, former] = [obj(status, 'allocation'), obj(before, 'allocation')];
  const allocated = new Set(objects(obj(allocation, 'devices'), 'results').map(deviceOf));
  const errors = [
    ...eachOnce(objects(status, 'reservedFor'), 'status.reservedFor', maxConsumers, consumer, (one) => ({ key: str(one, 'uid'), at: '.uid' })),
    ...eachOnce(objects(status, 'devices'), 'status.devices', Infinity, (one, at) => deviceStatus(one, at, allocated), (one) => ({ key: deviceOf(one), at: '.deviceID', shown: goText(deviceOf(one)) })),
    ...reservations(claim, status, before),
  ];
  if (allocation === undefined) return errors;
  if (former === undefined) return [...errors, ...allocationErrors(allocation, 'status.allocation', requestNamesOf(obj(claim, 'spec')))];
  return equalJson(allocation, former) ? errors : [...errors, invalidValue('status.allocation', goStruct('io.k8s.api.resource.v1beta1.AllocationResult', allocation), immutableText)];
}
