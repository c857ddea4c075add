/**
 * What a server publishes of versions that it only serves if --runtime-config asks: the description is of a default server, so here is what
 * theirs differs in from the version that is served (seen at a kube-apiserver 1.32 with all of them on).
 */
import { dynamicGroup, dynamicKinds, dynamicVersions } from './dynamic-resources.ts';

export interface OptionalField { type?: string; ref?: string; array?: OptionalField; map?: OptionalField; format?: string; enum?: string[]; default?: unknown; required?: boolean; listType?: string; listMapKeys?: string[]; mapType?: string }
export interface OptionalDefinition { gvk?: string[]; fields?: Record<string, OptionalField>; mapType?: string }

interface Resource { group: string; version: string; name: string; singular: string; kind: string }
interface Operation { body: string | null; gvk: string | null; id: string; path: string; response: string | null }
interface Description<R extends Resource, O extends Operation> { definitions: Record<string, OptionalDefinition>; types: Record<string, unknown>; resources: R[]; operations: O[] }

const group = 'admissionregistration.k8s.io';
const packageOf = (version: string): string => `io.k8s.api.admissionregistration.${version}.`;

/** Kinds by version, and the kind of v1 that each is like. */
const kinds: Record<string, Record<string, string>> = {
  v1beta1: { ValidatingAdmissionPolicy: 'ValidatingAdmissionPolicy', ValidatingAdmissionPolicyBinding: 'ValidatingAdmissionPolicyBinding' },
  v1alpha1: { MutatingAdmissionPolicy: 'ValidatingAdmissionPolicyBinding', MutatingAdmissionPolicyBinding: 'ValidatingAdmissionPolicyBinding' },
};
const plurals: Record<string, string> = {
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies', ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings',
  MutatingAdmissionPolicy: 'mutatingadmissionpolicies', MutatingAdmissionPolicyBinding: 'mutatingadmissionpolicybindings',
};

const text: OptionalField = { type: 'string' };
const own = (name: string): OptionalField => ({ ref: `${packageOf('v1alpha1')}${name}` });
const listOf = (name: string): OptionalField => ({ array: { default: {}, ...own(name) }, listType: 'atomic' });
const mutating: Record<string, OptionalDefinition> = {
  MutatingAdmissionPolicySpec: {
    fields: {
      failurePolicy: { ...text, enum: ['Fail', 'Ignore'] }, matchConditions: { ...listOf('MatchCondition'), listType: 'map', listMapKeys: ['name'] }, matchConstraints: own('MatchResources'),
      mutations: listOf('Mutation'), paramKind: own('ParamKind'), reinvocationPolicy: { ...text, enum: ['IfNeeded', 'Never'] }, variables: listOf('Variable'),
    },
  },
  MutatingAdmissionPolicyBindingSpec: { fields: { matchResources: own('MatchResources'), paramRef: own('ParamRef'), policyName: text } },
  Mutation: { fields: { applyConfiguration: own('ApplyConfiguration'), jsonPatch: own('JSONPatch'), patchType: { ...text, default: '', enum: ['ApplyConfiguration', 'JSONPatch'], required: true } } },
  Variable: { fields: { expression: { ...text, default: '', required: true }, name: { ...text, default: '', required: true } } },
  ApplyConfiguration: { fields: { expression: text } },
  JSONPatch: { fields: { expression: text } },
};

/** The text of everything with v1's names replaced. */
function renamed<T>(value: T, version: string, kind: string, like: string): T {
  const plural = (name: string): string => plurals[name] as string;
  const camel = version.charAt(0).toUpperCase() + version.slice(1);
  const json = JSON.stringify(value)
    .replaceAll(packageOf('v1'), packageOf(version)).replaceAll(`${group}/v1/`, `${group}/${version}/`).replaceAll('AdmissionregistrationV1', `Admissionregistration${camel}`)
    .replaceAll('"version":"v1"', `"version":"${version}"`).replaceAll(new RegExp(`\\b${plural(like)}\\b`, 'g'), plural(kind)).replaceAll(`"${like.toLowerCase()}"`, `"${kind.toLowerCase()}"`);
  return JSON.parse(kind === like ? json : json.replaceAll(like, kind)) as T;
}

/** The group resource.k8s.io: each kind by the resource and the operations of one that is served alike. */
function addDynamicResources<R extends Resource, O extends Operation>(published: Pick<Description<R, O>, 'resources' | 'operations'>): void {
  const [resources, operations]: [R[], O[]] = [[], []];
  for (const version of dynamicVersions) {
    const camel = version.charAt(0).toUpperCase() + version.slice(1);
    const groupIds = published.operations.filter(({ path }) => path === '/apis/storage.k8s.io/' || path === '/apis/storage.k8s.io/v1/');
    operations.push(...groupIds.filter(({ path }) => version === 'v1beta1' || path.endsWith('/v1/'))
      .map((one) => ({ ...one, path: one.path.replace('storage.k8s.io', dynamicGroup).replace('/v1/', `/${version}/`), id: one.id.replace('StorageV1', `Resource${camel}`).replace('StorageAPI', 'ResourceAPI') })));
    for (const [kind, { plural, like }] of Object.entries(dynamicKinds)) {
      const short = like.group.replace('.k8s.io', '');
      const moved = <T>(value: T): T => JSON.parse(JSON.stringify(value)
        .replaceAll(`io.k8s.api.${short}.v1.${like.kind}`, `io.k8s.api.resource.${version}.${kind}`).replaceAll(`${like.group}/v1/`, `${dynamicGroup}/${version}/`)
        .replaceAll(`${short.charAt(0).toUpperCase()}${short.slice(1)}V1`, `Resource${camel}`).replaceAll(new RegExp(`\\b${like.plural}\\b`, 'g'), plural)
        .replaceAll(new RegExp(`${like.kind}(?![a-z])`, 'g'), kind)) as T;
      const resource = published.resources.find((one) => one.group === like.group && one.version === 'v1' && one.kind === like.kind) as R;
      resources.push({ ...moved(resource), group: dynamicGroup, version, singular: kind.toLowerCase(), shortNames: [] });
      operations.push(...published.operations.filter((one) => one.path.startsWith(`/apis/${like.group}/v1/`) && one.path.split('/').includes(like.plural)).map(moved));
    }
  }
  // Groups come in this order, and resource.k8s.io before flow control.
  published.resources.splice(published.resources.findIndex((one) => one.group === 'flowcontrol.apiserver.k8s.io'), 0, ...resources);
  published.operations.push(...operations);
}

/** Adds them to the description; answers the names of the resources that are only served if asked for. */
export function addOptionalApis<R extends Resource, O extends Operation>(published: Description<R, O>): { readonly isOptional: (resource: Resource) => boolean; readonly isUnpublished: (type: string) => boolean } {
  const before = new Set(Object.keys(published.definitions));
  for (const [version, ofVersion] of Object.entries(kinds)) {
    for (const [kind, like] of Object.entries(ofVersion)) {
      const resource = published.resources.find((one) => one.group === group && one.version === 'v1' && one.kind === like) as R;
      published.resources.push(renamed(resource, version, kind, like));
      const path = `/apis/${group}/v1/`;
      published.operations.push(...published.operations.filter((one) => one.path.startsWith(path) && one.path.split('/').includes(plurals[like] as string)).map((one) => renamed(one, version, kind, like)));
      for (const suffix of ['', 'List']) published.definitions[`${packageOf(version)}${kind}${suffix}`] = renamed(published.definitions[`${packageOf('v1')}${like}${suffix}`] as OptionalDefinition, version, kind, like);
    }
    published.operations.push(...published.operations.filter((one) => one.path === `/apis/${group}/v1/`).map((one) => renamed(one, version, 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicy')));
    // Webhooks of these versions are long gone.
    for (const type of Object.keys(published.types).filter((name) => name.startsWith(packageOf(version)) && !/Webhook|ServiceReference/.test(name))) {
      const name = type.slice(packageOf(version).length);
      const like = version === 'v1alpha1' ? mutating[name] : undefined;
      published.definitions[type] ??= like ?? renamed(published.definitions[`${packageOf('v1')}${name}`] ?? {}, version, 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicy');
    }
  }
  addDynamicResources(published);
  return { isOptional: (resource) => resource.group === dynamicGroup || Object.hasOwn(kinds[resource.version] ?? {}, resource.kind) && resource.group === group, isUnpublished: (type) => !before.has(type) };
}
