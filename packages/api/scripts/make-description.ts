/**
 * Turns the published description of the API into this package's compact data files.
 *
 *   node packages/api/scripts/make-description.ts ../shared/data/kubernetes-api-1.32.json
 *
 * data/types.json: package → type → { k: gvks, m: map type, f: fields }; a field is [json name, shape, flags, protobuf number, extras].
 * Shapes are written as text (src/description/shape.ts reads them):
 *   s string · b boolean · i int32 · l int64 · d double · y bytes · T time · M micro time · D duration · Q quantity · I int or string
 *   · * anything · @Name or @package.Name object · []X list · {}X map
 * Flags: one of p v s m (presence), o omit empty, q required, i inlined.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeDynamicResources, dynamicGroup, dynamicKinds } from './dynamic-resources.ts';
import { addOptionalApis } from './optional-apis.ts';
import { unpublishedTypes } from './unpublished-types.ts';

interface PublishedType { type?: string; ref?: string; array?: PublishedType; map?: PublishedType; format?: string; enum?: string[]; default?: unknown }
interface PublishedField extends PublishedType { required?: boolean; listType?: string; listMapKeys?: string[]; mapType?: string }
interface PublishedDefinition { gvk?: string[]; fields?: Record<string, PublishedField>; mapType?: string }
interface GoField {
  json: string; go: string; presence: 'pointer' | 'value' | 'slice' | 'map'; omitEmpty?: boolean; inline?: boolean;
  mergeKey?: string; patchStrategy?: string; proto?: { number: number; name: string | null };
}
interface PublishedResource {
  group: string; version: string; name: string; singular: string; kind: string; namespaced: boolean;
  verbs: string[]; shortNames: string[]; categories: string[];
  subresources: { name: string; group: string; version: string; kind: string; verbs: string[] }[];
}
interface Operation {
  action: string | null; body: string | null; codes: string[]; gvk: string | null; id: string; path: string; query: string[];
  response: string | null; verb: string;
}
interface Published {
  definitions: Record<string, PublishedDefinition>;
  types: Record<string, GoField[]>;
  protobufMessages: Record<string, Record<string, [number, string]>>;
  resources: PublishedResource[];
  operations: Operation[];
}
type Field = [string, string, string, number] | [string, string, string, number, Record<string, unknown>];

const source = process.argv[2];
if (source === undefined) throw new Error('usage: make-description.ts kubernetes-api.json');
const published = JSON.parse(readFileSync(source, 'utf8')) as Published;
const out = join(import.meta.dirname, '..', 'data');
const { isOptional, isUnpublished } = addOptionalApis(published);

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const apiextensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';
const special: Record<string, string> = {
  [`${meta}.Time`]: 'T', [`${meta}.MicroTime`]: 'M', [`${meta}.Duration`]: 'D', 'io.k8s.apimachinery.pkg.api.resource.Quantity': 'Q',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'I', 'io.k8s.apimachinery.pkg.runtime.RawExtension': '*', [`${meta}.FieldsV1`]: '*',
  [`${apiextensions}.JSON`]: '*', 'io.k8s.component-base.logs.api.v1.TimeOrMetaDuration': 'D',
};
/** Types that are a list on the JSON wire and a message of their own in protobuf. */
const listTypes = new Set(['ExtraValue', 'Verbs']);
const goPrimitives: Record<string, string> = {
  string: 's', bool: 'b', int32: 'i', int64: 'l', int: 'l', uint: 'l', uint32: 'l', float64: 'd', '[]uint8': 'y', uint8: 'i', 'time.Duration': 'l', 'resource.QuantityValue': 'Q',
};
const protoScalars: Record<string, string> = { string: 's', bool: 'b', int32: 'i', int64: 'l', double: 'd', bytes: 'y' };

const packageOf = (name: string): string => name.slice(0, name.lastIndexOf('.'));
const simpleName = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

function object(name: string, inPackage: string): string {
  return special[name] ?? (packageOf(name) === inPackage ? `@${simpleName(name)}` : `@${name}`);
}

function fromPublished(type: PublishedType, inPackage: string): string {
  if (type.ref !== undefined) return object(type.ref, inPackage);
  if (type.array !== undefined) return `[]${fromPublished(type.array, inPackage)}`;
  if (type.map !== undefined) return `{}${fromPublished(type.map, inPackage)}`;
  switch (`${type.type}/${type.format ?? ''}`) {
    case 'string/': return 's';
    case 'string/byte': return 'y';
    case 'boolean/': return 'b';
    case 'integer/int32': return 'i';
    case 'integer/int64': return 'l';
    case 'number/double': return 'd';
    case 'object/': return '*';
    default: throw new Error(`unknown type ${JSON.stringify(type)}`);
  }
}

function fromProto(type: string, inPackage: string): string {
  if (type.startsWith('repeated ')) return `[]${fromProto(type.slice(9), inPackage)}`;
  const map = /^map<string,(.*)>$/.exec(type);
  if (map !== null) return `{}${fromProto(map[1] as string, inPackage)}`;
  if (type.startsWith('.')) {
    const name = `io.k8s.${type.slice(1).replace(/^k8s\.io\./, '').replaceAll('kube_aggregator', 'kube-aggregator')}`;
    return listTypes.has(simpleName(name)) ? '[]s' : object(name, inPackage);
  }
  const scalar = protoScalars[type];
  if (scalar === undefined) throw new Error(`unknown protobuf type ${type}`);
  return scalar;
}

/** `v1.Pod` names a package only by its last part; the nearest package that has such a type wins. */
function fromGo(go: string, inPackage: string): string | undefined {
  const primitive = goPrimitives[go];
  if (primitive !== undefined) return primitive;
  if (go.startsWith('[]')) return `[]${fromGo(go.slice(2), inPackage) ?? 's'}`;
  if (go.startsWith('map[string]')) return `{}${fromGo(go.slice(11), inPackage) ?? 's'}`;
  if (go === 'v1.VModuleConfiguration') return '[]@VModuleItem';
  const name = simpleName(go);
  if (listTypes.has(name)) return '[]s';
  const known = [...Object.keys(published.types), ...Object.keys(special)];
  const candidates = [`${inPackage}.${name}`, `${meta}.${name}`, `io.k8s.api.core.v1.${name}`, ...known.filter((type) => type.endsWith(`.${go}`))];
  const found = candidates.find((candidate) => known.includes(candidate) && candidate.endsWith(`.${go}`));
  return found === undefined ? undefined : object(found, inPackage);
}

/** A name that is no struct is a named string, or a named list or map of them. */
const namedDefaults = { value: 's', pointer: 's', slice: '[]s', map: '{}s' } as const;

function goOf(shape: string, inPackage: string): string {
  if (shape.startsWith('[]')) return `[]${goOf(shape.slice(2), inPackage)}`;
  if (shape.startsWith('{}')) return `map[string]${goOf(shape.slice(2), inPackage)}`;
  if (shape.startsWith('@')) {
    const name = shape.includes('.') ? shape.slice(1) : `${inPackage}.${shape.slice(1)}`;
    return name.split('.').slice(-2).join('.');
  }
  return ({ s: 'string', b: 'bool', i: 'int32', l: 'int64', d: 'float64', y: '[]uint8', T: 'v1.Time', M: 'v1.MicroTime', D: 'v1.Duration', Q: 'resource.Quantity', I: 'intstr.IntOrString', '*': 'runtime.RawExtension' })[shape] ?? shape;
}

/** Types that others inline are often not published themselves; what is said of their fields then stands with the outer type. */
const inlinedInto = new Map<string, string[]>();
for (const [outer, fields] of Object.entries(published.types)) {
  for (const field of fields) {
    const shape = field.inline ? fromGo(field.go, packageOf(outer)) : undefined;
    if (shape === undefined || !shape.startsWith('@')) continue;
    const inner = shape.includes('.') ? shape.slice(1) : `${packageOf(outer)}.${shape.slice(1)}`;
    inlinedInto.set(inner, [...(inlinedInto.get(inner) ?? []), outer]);
  }
}

function declaredField(typeName: string, json: string): PublishedField | undefined {
  const own = published.definitions[typeName]?.fields;
  if (own !== undefined) return own[json];
  return (inlinedInto.get(typeName) ?? []).map((outer) => declaredField(outer, json)).find((declared) => declared !== undefined);
}

function shapeOf(typeName: string, field: GoField): string {
  const inPackage = packageOf(typeName);
  const declared = declaredField(typeName, field.json);
  if (declared !== undefined && !field.inline) return fromPublished(declared, inPackage);
  const message = published.protobufMessages[typeName.replace(/^io\.k8s\./, 'k8s.io.').replaceAll('kube-aggregator', 'kube_aggregator')];
  const proto = field.proto === undefined ? undefined : Object.values(message ?? {}).find(([number]) => number === field.proto?.number);
  return proto === undefined ? fromGo(field.go, inPackage) ?? namedDefaults[field.presence] : fromProto(proto[1], inPackage);
}

function fieldOf(typeName: string, field: GoField): Field {
  const declared = declaredField(typeName, field.json);
  const shape = shapeOf(typeName, field);
  const flags = `${field.presence[0]}${field.omitEmpty ? 'o' : ''}${declared?.required ? 'q' : ''}${field.inline ? 'i' : ''}`;
  const go = field.go === goOf(shape, packageOf(typeName)) ? undefined : field.go;
  const enumeration = declared?.enum ?? declared?.array?.enum;
  const extras = {
    g: go, lt: declared?.listType, lk: declared?.listMapKeys, mt: declared?.mapType, ps: field.patchStrategy, mk: field.mergeKey,
    e: enumeration, d: declared?.default, n: field.proto?.name === null || field.proto?.name === field.json ? undefined : field.proto?.name,
  };
  const set = Object.fromEntries(Object.entries(extras).filter(([, value]) => value !== undefined));
  const start: [string, string, string, number] = [field.json, shape, flags, field.proto?.number ?? 0];
  return Object.keys(set).length === 0 ? start : [...start, set];
}

function makeTypes(): Record<string, Record<string, object>> {
  const packages: Record<string, Record<string, object>> = {};
  for (const [name, fields] of Object.entries(published.types)) {
    if (special[name] !== undefined) continue;
    const definition = published.definitions[name];
    const visible = fields.filter((field) => field.json !== '-');
    (packages[packageOf(name)] ??= {})[simpleName(name)] = {
      ...(definition?.gvk === undefined ? {} : { k: definition.gvk }),
      ...(definition?.mapType === undefined ? {} : { m: definition.mapType }),
      ...(definition === undefined || isUnpublished(name) ? {} : { p: 1 }),
      f: visible.map((field) => fieldOf(name, field)),
    };
  }
  return packages;
}

/** Lists that the description publishes without a Go type: they all look alike. */
function addLists(packages: Record<string, Record<string, object>>): void {
  for (const [name, definition] of Object.entries(published.definitions)) {
    const items = definition.fields?.['items']?.array?.ref;
    if (published.types[name] !== undefined || items === undefined) continue;
    (packages[packageOf(name)] ??= {})[simpleName(name)] = {
      k: definition.gvk, p: 1,
      f: [['', `@${meta}.TypeMeta`, 'vi', 0], ['metadata', `@${meta}.ListMeta`, 'vo', 1, { d: {} }], ['items', `[]@${simpleName(items)}`, 'sq', 2]],
    };
  }
}

/** The server's version is published, but no Go type of it. */
function addVersion(packages: Record<string, Record<string, object>>): void {
  const name = 'io.k8s.apimachinery.pkg.version.Info';
  const fields = Object.entries(published.definitions[name]?.fields ?? {}).map(([json, field]): Field => [json, fromPublished(field, packageOf(name)), field.required ? 'vq' : 'vo', 0]);
  packages[packageOf(name)] = { Info: { p: 1, f: fields } };
}

function unpublishedField(inPackage: string, type: string, text: string): Field {
  const [name, flags] = text.split(':') as [string, string];
  if (flags.includes('i')) return ['', `@${meta}.TypeMeta`, flags, 0];
  const proto = published.protobufMessages[`${inPackage.replace(/^io\.k8s\./, 'k8s.io.')}.${type}`]?.[name];
  if (proto === undefined) throw new Error(`no protobuf field ${inPackage}.${type}.${name}`);
  return [name, fromProto(proto[1], inPackage), flags, proto[0]];
}

function addUnpublished(packages: Record<string, Record<string, object>>): void {
  for (const [inPackage, types] of Object.entries(unpublishedTypes)) {
    packages[inPackage] = { ...packages[inPackage], ...Object.fromEntries(Object.entries(types).map(([type, fields]) => [type, { f: fields.split(' ').map((field) => unpublishedField(inPackage, type, field)) }])) };
  }
}

/** Kinds of several versions are stored as one of them; that one is what clients compare. */
const storedAs: Record<string, string> = {
  'autoscaling/HorizontalPodAutoscaler': 'autoscaling/v2', 'events.k8s.io/Event': '/v1',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': 'admissionregistration.k8s.io/v1', 'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': 'admissionregistration.k8s.io/v1',
  ...Object.fromEntries(Object.keys(dynamicKinds).map((kind) => [`${dynamicGroup}/${kind}`, `${dynamicGroup}/v1beta1`])),
};

function storageVersionHash(resource: PublishedResource): string {
  if (!resource.verbs.includes('watch')) return '';
  const stored = storedAs[`${resource.group}/${resource.kind}`] ?? `${resource.group}/${resource.version}`;
  return createHash('sha256').update(`${stored}/${resource.kind}`).digest().subarray(0, 8).toString('base64');
}

function makeResources(): unknown[] {
  return published.resources.map((resource) => [
    resource.group, resource.version, resource.name, resource.singular, resource.kind, resource.namespaced ? 1 : 0,
    resource.verbs.join(','), resource.shortNames.join(','), resource.categories.join(','),
    resource.subresources.map((sub) => [sub.name, sub.group, sub.version, sub.kind, sub.verbs.join(',')]), storageVersionHash(resource), ...(isOptional(resource) ? [1] : []),
  ]);
}

function makeOperations(): unknown {
  const queries: string[] = [];
  const indexOf = (text: string): number => {
    const found = queries.indexOf(text);
    return found >= 0 ? found : queries.push(text) - 1;
  };
  const operations = published.operations.map((operation) => [
    operation.path, operation.verb, operation.id, operation.action, operation.gvk, operation.body, operation.response,
    indexOf(operation.query.join(',')), operation.codes.join(','),
  ]);
  return { queries, operations };
}

function write(name: string, value: unknown): void {
  const text = `${JSON.stringify(value)}\n`;
  writeFileSync(join(out, name), text);
  console.log(`${name}: ${text.length} bytes`);
}

const types = makeTypes();
addLists(types);
addUnpublished(types);
addVersion(types);
describeDynamicResources(types);
write('types.json', types);
write('resources.json', makeResources());
write('operations.json', makeOperations());
