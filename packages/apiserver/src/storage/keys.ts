import type { GroupResource } from '@coxswain/api';

/** Where upstream's resources are kept, when that is not their own plural. Compatible to the byte: stores can be taken over. */
const specialPrefixes: Readonly<Record<string, string>> = {
  replicationcontrollers: 'controllers',
  endpoints: 'services/endpoints',
  nodes: 'minions',
  services: 'services/specs',
  'ingresses.networking.k8s.io': 'ingress',
  'events.events.k8s.io': 'events',
};

/** Groups whose resources are kept below the group's name, as custom resources are. */
const groupedGroups = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io']);

/** `/registry/pods/`, with both slashes. */
export function resourcePrefix(root: string, what: GroupResource, custom = false): string {
  const qualified = what.group === '' ? what.resource : `${what.resource}.${what.group}`;
  const special = specialPrefixes[qualified];
  if (special !== undefined) return `${root}/${special}/`;
  const grouped = custom || groupedGroups.has(what.group);
  return grouped ? `${root}/${what.group}/${what.resource}/` : `${root}/${what.resource}/`;
}

export function objectKey(prefix: string, namespace: string, name: string): string {
  return namespace === '' ? `${prefix}${name}` : `${prefix}${namespace}/${name}`;
}

/** The first key behind all that start with `prefix`. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  for (let at = prefix.length - 1; at >= 0; at -= 1) {
    const byte = prefix[at] as number;
    if (byte < 0xff) {
      const end = prefix.slice(0, at + 1);
      end[at] = byte + 1;
      return end;
    }
  }
  return new Uint8Array([0]);
}
