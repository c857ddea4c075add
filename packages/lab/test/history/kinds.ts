import type { State } from './model.ts';

/** An object of any of these resources, as far as the test looks. */
export interface Item {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string; readonly resourceVersion: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly holderIdentity?: string };
}

export interface Kind {
  readonly resource: string;
  readonly root: string;
  bodyOf(metadata: object, value: string): object;
  valueOf(item: Item): string;
  patchOf(value: string): object;
}

/** Leases are also written many at once over the fast path, so that changes share revisions. */
export const kinds: readonly Kind[] = [
  {
    resource: 'configmaps', root: '/api/v1',
    bodyOf: (metadata, value) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value } }),
    valueOf: (item) => item.data?.['value'] ?? '',
    patchOf: (value) => ({ data: { value } }),
  },
  {
    resource: 'leases', root: '/apis/coordination.k8s.io/v1',
    bodyOf: (metadata, value) => ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: { holderIdentity: value } }),
    valueOf: (item) => item.spec?.holderIdentity ?? '',
    patchOf: (value) => ({ spec: { holderIdentity: value } }),
  },
];

export function pathOf(kind: Kind, namespace: string, name = ''): string {
  return `${kind.root}${namespace === '' ? '' : `/namespaces/${namespace}`}/${kind.resource}${name === '' ? '' : `/${name}`}`;
}

export function stateOf(kind: Kind, item: Item): State {
  const { metadata } = item;
  return { key: `${metadata.namespace}/${metadata.name}`, uid: metadata.uid, revision: Number(metadata.resourceVersion), value: kind.valueOf(item), label: metadata.labels?.['l'] ?? '' };
}
