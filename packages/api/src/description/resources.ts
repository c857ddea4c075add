import resources from '../../data/resources.json' with { type: 'json' };
import type { ApiResource, ApiSubresource } from '../resource.ts';
import { hasStruct, packageNames } from './raw.ts';

type RawSubresource = readonly [string, string, string, string, string];
type RawResource = readonly [string, string, string, string, string, number, string, string, string, readonly RawSubresource[], string, 1?];

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

function split(text: string): string[] {
  return text === '' ? [] : text.split(',');
}

/** Groups whose package is not named after the first label of the group's name. */
const packageOfGroup: Readonly<Record<string, string>> = {
  '': 'io.k8s.api.core',
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  'apiregistration.k8s.io': 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
  'flowcontrol.apiserver.k8s.io': 'io.k8s.api.flowcontrol',
  'internal.apiserver.k8s.io': 'io.k8s.api.apiserverinternal',
  'kubelet.config.k8s.io': 'io.k8s.kubelet.config',
  'kubescheduler.config.k8s.io': 'io.k8s.kube-scheduler.config',
};

function typeName(group: string, version: string, kind: string): string {
  const inPackage = packageOfGroup[group] ?? `io.k8s.api.${group.split('.')[0] ?? ''}`;
  return `${inPackage}.${version}.${kind}`;
}

function readSubresource([name, group, version, kind, verbs]: RawSubresource, parent: { readonly group: string; readonly version: string }): ApiSubresource {
  const own = version === '';
  return { name, group: own ? parent.group : group, version: own ? parent.version : version, kind, verbs: split(verbs) };
}

function readResource([group, version, resource, singular, kind, namespaced, verbs, shortNames, categories, subresources]: RawResource): ApiResource {
  return {
    group, version, resource, singular, kind, listKind: `${kind}List`, namespaced: namespaced === 1, verbs: split(verbs), shortNames: split(shortNames),
    categories: split(categories), subresources: subresources.map((sub) => readSubresource(sub, { group, version })), typeName: typeName(group, version, kind),
  };
}

const hashes = new Map((resources as unknown as readonly RawResource[]).map((one) => [`${one[0]}/${one[1]}/${one[2]}`, one[10]]));

/** What discovery shows of the version that a built-in resource is stored as; '' if it is not stored. */
export function storageVersionHash(resource: Pick<ApiResource, 'group' | 'version' | 'resource'>): string {
  return hashes.get(`${resource.group}/${resource.version}/${resource.resource}`) ?? '';
}

const raw = resources as unknown as readonly RawResource[];

/** What a default server serves, in the order of its groups. */
export const builtinResources: readonly ApiResource[] = raw.filter((one) => one[11] === undefined).map(readResource);

/** What is served only if --runtime-config asks for it. */
export const optionalResources: readonly ApiResource[] = raw.filter((one) => one[11] === 1).map(readResource);

/** Groups in the order of a default server, in each the versions as clients prefer them. */
export const knownResources: readonly ApiResource[] = [...new Set(raw.map(([group]) => group))].flatMap((group) => [...builtinResources, ...optionalResources].filter((one) => one.group === group));

const byResource = new Map(knownResources.map((resource) => [`${resource.group}/${resource.version}/${resource.resource}`, resource]));
const byKind = new Map(knownResources.map((resource) => [`${resource.group}/${resource.version}/${resource.kind}`, resource]));

export function findResource(group: string, version: string, resource: string): ApiResource | undefined {
  return byResource.get(`${group}/${version}/${resource}`);
}

/** The resource that stores this kind. Kinds without one (Status, Scale, …) have a type only: see `typeOfKind`. */
export function findKind(group: string, version: string, kind: string): ApiResource | undefined {
  return byKind.get(`${group}/${version}/${kind}`);
}

/** Key in the description of any built-in kind, lists and option kinds included. */
export function typeOfKind(group: string, version: string, kind: string): string | undefined {
  const name = typeName(group, version, kind);
  if (hasStruct(name)) return name;
  const common = `${meta}.${kind}`;
  return hasStruct(common) && (version === 'v1' || packageNames().some((known) => known.startsWith(`io.k8s.api.`) && known.endsWith(`.${version}`))) ? common : undefined;
}
