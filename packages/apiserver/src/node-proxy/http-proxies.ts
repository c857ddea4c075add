import { badRequest, notFound, StatusError } from '@coxswain/api';
import { resources } from '@coxswain/client';
import { randomBelow, type Host, type HttpResponse } from '@coxswain/host';
import type { Endpoints, Service } from 'kubernetes-types/core/v1';
import { contains, parseAddress, parseCidr } from '../allocators/addresses.ts';
import type { Lookup } from '../live-lookup.ts';
import type { ResourceRequest, SubresourceHandler } from '../types.ts';
import { forward, type Target } from './forward.ts';
import { hostAndPort, kubeletOrigin, podOf, type KubeletAccess } from './node-location.ts';

type HostPart = Pick<Host, 'network' | 'log' | 'random'>;

interface SchemeNamePort {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  readonly port: string;
}

/** `name`, `name:port`, `https:name:port` */
export function splitSchemeNamePort(id: string): SchemeNamePort | undefined {
  const parts = id.split(':');
  const [a = '', b = '', c = ''] = parts;
  if (parts.length === 1) return { scheme: 'http', name: a, port: '' };
  if (parts.length === 2) return { scheme: 'http', name: a, port: b };
  if (parts.length !== 3 || (a !== '' && a !== 'http' && a !== 'https')) return undefined;
  return { scheme: a === 'https' ? 'https' : 'http', name: b, port: c };
}

function parse(resource: string, id: string): SchemeNamePort {
  const parsed = splitSchemeNamePort(id);
  if (parsed === undefined || parsed.name === '') throw badRequest(`invalid ${resource} request ${JSON.stringify(id)}`);
  return parsed;
}

/** Path and query after `/proxy`, as the client sent them. */
function rest(request: ResourceRequest): string {
  const { target } = request.http;
  const marker = `/${request.info.parts[0] ?? request.info.resource}/`;
  const start = target.indexOf('/proxy', target.indexOf(marker) + marker.length);
  const after = target.slice(start + '/proxy'.length);
  return after.startsWith('/') ? after : `/${after}`;
}

async function podTarget(lookup: Lookup, request: ResourceRequest): Promise<Target> {
  const { scheme, name, port } = parse('pod', request.info.name);
  const pod = await podOf(lookup, request.info.namespace, name);
  const address = pod.status?.podIP;
  if (!address) throw badRequest('address not allowed');
  const declared = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const number = port === '' ? declared[0]?.containerPort : /^\d+$/.test(port) ? Number(port) : declared.find((one) => one.name === port)?.containerPort;
  return target(scheme, address, number ?? (scheme === 'https' ? 443 : 80), request);
}

/** The server's own loopback and the link are not for its users to reach. */
function refuseUnproxyable(address: string): void {
  const parsed = parseAddress(address);
  if (parsed === undefined || refusedNetworks.some((cidr) => cidr.family === parsed.family && contains(cidr, parsed.value))) throw badRequest('address not allowed');
}

const refusedNetworks = ['127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '0.0.0.0/32', '::1/128', '::/128', 'fe80::/10', 'ff00::/8', '::ffff:0:0/96'].map(parseCidr).filter((cidr) => cidr !== undefined);

function target(scheme: 'http' | 'https', address: string, port: number, request: ResourceRequest): Target {
  refuseUnproxyable(address);
  return { url: `${scheme}://${hostAndPort(address, port)}${rest(request)}`, ...(scheme === 'https' ? { tls: proxyTls } : {}) };
}

/** As upstream: whoever is behind has a certificate that nobody here can check. */
const proxyTls = { insecureSkipVerify: true };

function readyAddresses(endpoints: Endpoints, portName: string): { readonly ip: string; readonly port: number }[] {
  return (endpoints.subsets ?? []).flatMap((subset) => {
    const port = (subset.ports ?? []).find((one) => (one.name ?? '') === portName)?.port;
    return port === undefined ? [] : (subset.addresses ?? []).map((address) => ({ ip: address.ip, port }));
  });
}

async function serviceTarget(host: HostPart, lookup: Lookup, request: ResourceRequest): Promise<Target> {
  const { scheme, name, port } = parse('service', request.info.name);
  const { namespace } = request.info;
  const service = await lookup<Service>(resources.services, namespace, name);
  if (service === undefined) throw notFound({ group: '', resource: 'services' }, name);
  const ports = service.spec?.ports ?? [];
  const chosen = port === '' ? (ports.length === 1 ? ports[0] : ports.find((one) => !one.name)) : ports.find((one) => one.name === port || String(one.port) === port);
  const endpoints = chosen === undefined ? undefined : await lookup<Endpoints>(resources.endpoints, namespace, name);
  const ready = endpoints === undefined ? [] : readyAddresses(endpoints, chosen?.name ?? '');
  const picked = ready[randomBelow(host.random, Math.max(1, ready.length))];
  if (picked === undefined) throw new StatusError('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(name)}`);
  return target(scheme, picked.ip, picked.port, request);
}

async function nodeTarget(lookup: Lookup, access: KubeletAccess, request: ResourceRequest): Promise<Target> {
  const { scheme, name, port } = parse('node', request.info.name);
  const kubelet = new URL(await kubeletOrigin(lookup, access, name));
  // Only the kubelet gets to see this server's certificate for kubelets.
  if (port !== '' && port !== kubelet.port) return target(scheme, kubelet.hostname.replace(/^\[|\]$/g, ''), Number(port), request);
  refuseUnproxyable(kubelet.hostname.replace(/^\[|\]$/g, ''));
  return { url: `${kubelet.origin}${rest(request)}`, tls: access.tls };
}

export function proxyHandlers(host: HostPart, lookup: Lookup, access: KubeletAccess): readonly SubresourceHandler[] {
  const handler = (resource: string, find: (request: ResourceRequest) => Promise<Target>): SubresourceHandler => ({
    group: '', resource, subresource: 'proxy',
    handle: async (request): Promise<HttpResponse> => forward(host, request.http, await find(request)),
  });
  return [
    handler('pods', (request) => podTarget(lookup, request)),
    handler('services', (request) => serviceTarget(host, lookup, request)),
    handler('nodes', (request) => nodeTarget(lookup, access, request)),
  ];
}
