import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { bool, entries, has, num, obj, objects, str } from '../access.ts';
import { immutableText } from '../common.ts';
import { invalidValue, required } from '../errors.ts';
import { goStruct, goStructs } from '../go-value.ts';
import { validateNodeSelectorTerms } from '../pod/placement.ts';
import { driverName, eachOnce, label, poolName, qualifiedName, subdomain, tooLongText } from './names.ts';

const maxDevices = 128;
const maxAttributesAndCapacities = 32;
const longestValue = 64;
/** A domain, a slash and a name. */
const longestKey = 63 + 1 + 32;

function shortened(key: string): string {
  if (key.length <= longestKey) return key;
  const remaining = longestKey - 3;
  return `${key.slice(0, Math.floor((remaining + 1) / 2))}...${key.slice(key.length - Math.floor(remaining / 2))}`;
}

const numeric = '(0|[1-9]\\d*)';
const preRelease = '(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
const build = '[0-9a-zA-Z-]+';
const version = new RegExp(`^${numeric}\\.${numeric}\\.${numeric}(-${preRelease}(\\.${preRelease})*)?(\\+${build}(\\.${build})*)?$`);

function versionErrors(text: string, field: string): FieldError[] {
  // What is longer is refused for its length anyway.
  const isVersion = text.length <= 4096 && version.test(text);
  return [...(isVersion ? [] : [invalidValue(field, text, 'must be a string compatible with semver.org spec 2.0.0')]), ...tooLongText(text, field, longestValue)];
}

const oneValueText = 'exactly one value must be specified';

function attribute(value: JsonObject, field: string): FieldError[] {
  const given = ['bool', 'int', 'string', 'version'].filter((key) => has(value, key)).length;
  return [
    ...(has(value, 'string') ? tooLongText(str(value, 'string'), `${field}.string`, longestValue) : []), ...(has(value, 'version') ? versionErrors(str(value, 'version'), `${field}.version`) : []),
    ...(given === 0 ? [required(field, oneValueText)] : []), ...(given > 1 ? [invalidValue(field, goStruct('io.k8s.api.resource.v1beta1.DeviceAttribute', value), oneValueText)] : []),
  ];
}

function basicDevice(basic: JsonObject, field: string): FieldError[] {
  const [attributes, capacity] = [entries(obj(basic, 'attributes')), entries(obj(basic, 'capacity'))];
  const together = attributes.length + capacity.length;
  return [
    ...attributes.flatMap(([key, value]) => {
      const at = `${field}.attributes[${shortened(key)}]`;
      return [...qualifiedName(key, at), ...attribute(value as JsonObject, at)];
    }),
    ...capacity.flatMap(([key]) => qualifiedName(key, `${field}.capacity[${shortened(key)}]`)),
    ...(together > maxAttributesAndCapacities ? [invalidValue(field, together, `the total number of attributes and capacities must not exceed ${maxAttributesAndCapacities}`)] : []),
  ];
}

function device(one: JsonObject, field: string): FieldError[] {
  const basic = obj(one, 'basic');
  return [...label(str(one, 'name'), `${field}.name`), ...(basic === undefined ? [required(`${field}.basic`)] : basicDevice(basic, `${field}.basic`))];
}

function pool(spec: JsonObject | undefined): FieldError[] {
  const found = obj(spec, 'pool');
  const [count, generation] = [num(found, 'resourceSliceCount'), num(found, 'generation')];
  return [
    ...poolName(str(found, 'name'), 'spec.pool.name'), ...(count > 0 ? [] : [invalidValue('spec.pool.resourceSliceCount', count, 'must be greater than zero')]),
    ...(generation < 0 ? [invalidValue('spec.pool.generation', generation, 'must be greater than or equal to zero')] : []),
  ];
}

function nodesOf(spec: JsonObject | undefined): FieldError[] {
  const selector = obj(spec, 'nodeSelector');
  const terms = objects(selector, 'nodeSelectorTerms');
  const termsAt = 'spec.nodeSelector.nodeSelectorTerms';
  const wrong = 'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required';
  const nodeName = str(spec, 'nodeName');
  const given = [nodeName !== '', selector !== undefined, bool(spec, 'allNodes')].filter(Boolean).length;
  return [
    ...(nodeName === '' ? [] : subdomain(nodeName, 'spec.nodeName')), ...(selector === undefined ? [] : validateNodeSelectorTerms(selector, 'spec.nodeSelector')),
    ...(selector === undefined || terms.length === 1 ? [] : [invalidValue(termsAt, goStructs('io.k8s.api.core.v1.NodeSelectorTerm', has(selector, 'nodeSelectorTerms') ? terms : undefined), 'must have exactly one node selector term')]),
    ...(given === 0 ? [required('spec', wrong)] : []), ...(given > 1 ? [invalidValue('spec', undefined, wrong)] : []),
  ];
}

function sameText(now: string, before: string, field: string): FieldError[] {
  return now === before ? [] : [invalidValue(field, now, immutableText)];
}

export function sliceErrors(object: JsonObject, old?: JsonObject): FieldError[] {
  const [spec, before] = [obj(object, 'spec'), obj(old, 'spec')];
  return [
    ...driverName(str(spec, 'driver'), 'spec.driver'), ...pool(spec),
    ...(old === undefined ? [] : [
      ...sameText(str(obj(spec, 'pool'), 'name'), str(obj(before, 'pool'), 'name'), 'spec.pool.name'), ...sameText(str(spec, 'driver'), str(before, 'driver'), 'spec.driver'),
      ...sameText(str(spec, 'nodeName'), str(before, 'nodeName'), 'spec.nodeName'),
    ]),
    ...nodesOf(spec), ...eachOnce(objects(spec, 'devices'), 'spec.devices', maxDevices, device, (one) => ({ key: str(one, 'name'), at: '.name' })),
  ];
}
