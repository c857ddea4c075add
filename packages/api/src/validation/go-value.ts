import type { Json, JsonObject } from '../resource.ts';
import { planOf } from '../description/plan.ts';
import type { GoField, Shape } from '../description/raw.ts';
import { isObject } from '../patch/values.ts';
import { formatQuantity, parseQuantity } from '../quantity/index.ts';
import { entries, get } from './access.ts';
import { goText, quote, type GoText } from './errors.ts';

/** Go's names where they are not the JSON name with a capital letter. */
const goNames: Readonly<Record<string, string>> = {
  apiGroup: 'APIGroup', apiGroups: 'APIGroups', apiVersion: 'APIVersion', apiVersions: 'APIVersions', ip: 'IP', uid: 'UID', url: 'URL', http: 'HTTP', tls: 'TLS',
  caBundle: 'CABundle', fsType: 'FSType', cidr: 'CIDR', seLinuxOptions: 'SELinuxOptions', metadata: 'ObjectMeta', cel: 'CEL',
};

function goName(field: GoField): string {
  return goNames[field.name] ?? `${(field.name[0] ?? '').toUpperCase()}${field.name.slice(1)}`;
}

const scalarNames: Readonly<Record<string, string>> = {
  string: 'string', boolean: 'bool', int32: 'int32', int64: 'int64', double: 'float64', bytes: 'uint8', time: 'v1.Time', 'micro-time': 'v1.MicroTime',
  duration: 'v1.Duration', quantity: 'resource.Quantity', 'int-or-string': 'intstr.IntOrString', any: 'runtime.RawExtension',
};

/** Types of the machinery keep their version; those of a group are shown as the server's own. */
function typeText(name: string): string {
  const parts = name.split('.');
  const simple = parts.at(-1) as string;
  return name.includes('apimachinery') ? `v1.${simple}` : `${parts.at(-3) ?? ''}.${simple}`;
}

function shapeText(shape: Shape, named: string | undefined): string {
  switch (shape.kind) {
    case 'object': return typeText(shape.type);
    case 'list': return `[]${shapeText(shape.of, named)}`;
    case 'map': return `map[string]${shapeText(shape.of, undefined)}`;
    default: return named ?? scalarNames[shape.kind] as string;
  }
}

const scales: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/** Go's `%#v` of a quantity; of one too precise for an integer only the text is told. */
export function goQuantity(value: Json): GoText {
  const quantity = parseQuantity(typeof value === 'string' ? value : String(value as number));
  const text = formatQuantity(quantity);
  const written = /^(-?[0-9]+)([numkMGTPE]?)$/.exec(text);
  // A fraction was written as one: upstream keeps its digits, and no text.
  const isFraction = written?.[2] === 'm' && !/^-?[0-9]{1,3}m$/.test(text);
  let scale = isFraction ? -3 : (scales[written?.[2] ?? ''] ?? 0);
  let amount = written === null ? quantity.nanos / 1_000_000_000n : BigInt(written[1] as string);
  for (; isFraction && amount % 10n === 0n; scale += 1) amount /= 10n;
  return goText(`resource.Quantity{i:resource.int64Amount{value:${amount}, scale:${scale}}, d:resource.infDecAmount{Dec:(*inf.Dec)(nil)}, s:${quote(isFraction ? '' : text)}, Format:"${quantity.format}"}`);
}

function zero(shape: Shape, field: GoField | undefined): string {
  const pointer = field?.presence === 'pointer';
  if (pointer && shape.kind === 'time') return '<nil>';
  if (pointer) return `(*${pointerType(shape, field)})(nil)`;
  switch (shape.kind) {
    case 'string': return '""';
    case 'boolean': return 'false';
    case 'list': return `${shapeText(shape, namedElement(field))}(nil)`;
    case 'map': return `${shapeText(shape, undefined)}(nil)`;
    case 'object': return render(shape, {}, undefined);
    case 'int-or-string': return 'intstr.IntOrString{Type:0, IntVal:0, StrVal:""}';
    case 'time': return 'time.Date(1, time.January, 1, 0, 0, 0, 0, time.UTC)';
    default: return '0';
  }
}

/** The name of a list's element where it is a named string, as `core.PersistentVolumeAccessMode`. */
function namedElement(field: GoField | undefined): string | undefined {
  const named = /^\[\]v\d\w*\.(\w+)$/.exec(field?.goType ?? '')?.[1];
  return named === undefined ? undefined : `core.${named}`;
}

/** Named strings that are not the core group's. */
const packages: Readonly<Record<string, string>> = { UnhealthyPodEvictionPolicyType: 'policy' };

function pointerType(shape: Shape, field: GoField): string {
  const named = /^\*?v\d\w*\.(\w+)$/.exec(field.goType)?.[1];
  if (shape.kind === 'object') return typeText(shape.type);
  return named === undefined || shape.kind !== 'string' ? shapeText(shape, undefined) : `${packages[named] ?? 'core'}.${named}`;
}

function renderStruct(type: string, value: JsonObject): string {
  const fields = planOf(type).fields.map((field) => {
    const item = get(value, field.name);
    if (item !== undefined && field.presence === 'pointer') return `${goName(field)}:(*${pointerType(field.shape, field)})(0x0)`;
    return `${goName(field)}:${item === undefined ? zero(field.shape, field) : render(field.shape, item, field)}`;
  });
  return `${typeText(type)}{${fields.join(', ')}}`;
}

function render(shape: Shape, value: Json, field: GoField | undefined): string {
  switch (shape.kind) {
    case 'object': return renderStruct(shape.type, isObject(value) ? value : {});
    case 'list': return `${shapeText(shape, namedElement(field))}{${(Array.isArray(value) ? value : []).map((item) => render(shape.of, item, undefined)).join(', ')}}`;
    case 'map': return `${shapeText(shape, undefined)}{${entries(isObject(value) ? value : {}).map(([key, item]) => `${quote(key)}:${render(shape.of, item, undefined)}`).join(', ')}}`;
    case 'quantity': return goQuantity(value).text;
    case 'int-or-string': return typeof value === 'string' ? `intstr.IntOrString{Type:1, IntVal:0, StrVal:${quote(value)}}` : `intstr.IntOrString{Type:0, IntVal:${String(value as number)}, StrVal:""}`;
    default: return typeof value === 'string' ? quote(value) : String(value as number);
  }
}

/**
 * Go's `%#v` of a value of a described type, as upstream shows objects in refusals. What is behind a pointer inside of it is an address there;
 * here it is always the same one.
 */
export function goStruct(type: string, value: JsonObject | undefined): GoText {
  return goText(renderStruct(type, value ?? {}));
}

export function goStructs(type: string, values: readonly JsonObject[] | undefined): GoText {
  return goText(values === undefined ? `[]${typeText(type)}(nil)` : `[]${typeText(type)}{${values.map((value) => renderStruct(type, value)).join(', ')}}`);
}

/** As what stands behind a pointer is shown: an absent one is null. */
export function goPointerTo(type: string, value: JsonObject | undefined): GoText | null {
  return value === undefined ? null : goStruct(type, value);
}

/** A time as Go's String method tells it; '' is Go's zero. */
export function goTime(time: string): GoText {
  const [date, clock] = (time === '' ? '0001-01-01T00:00:00' : time.replace('Z', '').replace(/\.?0*$/, (tail) => (tail.startsWith('.') ? '' : tail))).split('T');
  return goText(`${date} ${clock} +0000 UTC`);
}
