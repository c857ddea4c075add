import { badRequest, internalError, notFound } from '@coxswain/api';
import { resources } from '@coxswain/client';
import type { ClientTls } from '@coxswain/host';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';

export interface KubeletAccess {
  /** Another object when the files have become others. */
  readonly tls: ClientTls;
  /** --kubelet-preferred-address-types */
  readonly addressTypes: readonly string[];
}

const defaultKubeletPort = 10250;

export function hostAndPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

export async function podOf(lookup: Lookup, namespace: string, name: string): Promise<Pod> {
  const pod = await lookup<Pod>(resources.pods, namespace, name);
  if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, name);
  return pod;
}

/** `https://ADDRESS:PORT` of the node's kubelet. */
export async function kubeletOrigin(lookup: Lookup, access: KubeletAccess, nodeName: string): Promise<string> {
  const node = await lookup<Node>(resources.nodes, '', nodeName);
  if (node === undefined) throw notFound({ group: '', resource: 'nodes' }, nodeName);
  const addresses = node.status?.addresses ?? [];
  const address = access.addressTypes.map((type) => addresses.find((one) => one.type === type)).find((one) => one !== undefined)?.address;
  if (address === undefined) throw internalError(`no preferred addresses found; known addresses: ${JSON.stringify(addresses)}`);
  return `https://${hostAndPort(address, node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? defaultKubeletPort)}`;
}

function names(list: readonly { readonly name: string }[] | undefined): string[] {
  return (list ?? []).map((one) => one.name);
}

/** The container asked for, or the only one; throws 400 with the choice. */
export function containerOf(pod: Pod, asked: string): string {
  const podName = pod.metadata?.name ?? '';
  const [containers, init, ephemeral] = [names(pod.spec?.containers), names(pod.spec?.initContainers), names(pod.spec?.ephemeralContainers)];
  if (asked !== '') {
    if ([...containers, ...init, ...ephemeral].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${podName}`);
  }
  const [only] = containers;
  if (only !== undefined && containers.length === 1) return only;
  const others = [...(init.length > 0 ? [`or one of the init containers: [${init.join(' ')}]`] : []), ...(ephemeral.length > 0 ? [`or one of the ephemeral containers: [${ephemeral.join(' ')}]`] : [])];
  throw badRequest(`a container name must be specified for pod ${podName}, choose one of: [${containers.join(' ')}]${others.length > 0 ? ` ${others.join(' ')}` : ''}`);
}

export function nodeNameOf(pod: Pod): string {
  const name = pod.spec?.nodeName;
  if (!name) throw badRequest(`pod ${pod.metadata?.name ?? ''} does not have a host assigned`);
  return name;
}
