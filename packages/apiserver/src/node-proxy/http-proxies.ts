import { badRequest, formatAddress, networkHas, notFound, parseAddress, parseNetwork, StatusError } from '@coxswain/api';
import { resources } from '@coxswain/client';
import { randomBelow, type Host, type HttpResponse } from '@coxswain/host';
import type { Endpoints, Pod, Service } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';
import type { ResourceRequest, SubresourceHandler } from '../types.ts';
import { forward, type Target } from './forward.ts';
import { hostAndPort, kubeletOrigin, podOf, type KubeletAccess } from './node-location.ts';
import { pathBehind } from './path-behind.ts';
import type { PageCodecs } from './rewrite-response.ts';
import type { ProxiedPlace } from './rewrite-url.ts';

type HostPart = Pick<Host, 'network' | 'log' | 'random'>;

interface SchemeNamePort {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  readonly port: string;
}

/** `name`, `name:port`, `https:name:port` */
function splitSchemeNamePort(id: string): SchemeNamePort | undefined {
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

/** Where upstream breaks the connection off (a port that is no number) the request is a bad one. */
function portNumber(resource: string, id: string, port: string): number {
  if (!/^\d+$/.test(port)) throw badRequest(`invalid ${resource} request ${JSON.stringify(id)}`);
  if (Number(port) > 65_535) throw new StatusError('ServiceUnavailable', `error trying to reach service: dial tcp: address ${port}: invalid port`);
  return Number(port);
}

async function podTarget(lookup: Lookup, request: ResourceRequest): Promise<Target> {
  const { scheme, name, port } = parse('pod', request.info.name);
  const pod = await podOf(lookup, request.info.namespace, name);
  const address = pod.status?.podIP;
  if (!address) throw badRequest('address not allowed');
  const declared = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const number = port === '' ? declared[0]?.containerPort : declared.find((one) => one.name === port)?.containerPort ?? portNumber('pod', request.info.name, port);
  return target(scheme, address, number ?? (scheme === 'https' ? 443 : 80), request);
}

/** In its only form: what is checked here and what is read of a URL must be the same. The server's own loopback and the link are not for its users to reach. */
export function proxyable(address: string): string {
  const parsed = parseAddress(address);
  if (parsed === undefined || refusedNetworks.some((network) => networkHas(network, parsed))) throw badRequest('address not allowed');
  return formatAddress(parsed.family, parsed.value);
}

const refusedNetworks = ['127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '0.0.0.0/32', '::1/128', '::/128', 'fe80::/10', 'ff00::/8'].map(parseNetwork).filter((network) => network !== undefined);

function target(scheme: 'http' | 'https', address: string, port: number, request: ResourceRequest): Target {
  return { url: `${scheme}://${hostAndPort(proxyable(address), port)}${pathBehind(request.info, request.http.target)}`, ...(scheme === 'https' ? { tls: proxyTls } : {}) };
}

/** As upstream: whoever is behind has a certificate that nobody here can check. */
const proxyTls = { insecureSkipVerify: true };

interface Ready { readonly ip: string; readonly port: number; readonly pod: { readonly namespace?: string; readonly name?: string } | undefined }

function readyAddresses(endpoints: Endpoints, portName: string): Ready[] {
  return (endpoints.subsets ?? []).flatMap((subset) => {
    const port = (subset.ports ?? []).find((one) => (one.name ?? '') === portName)?.port;
    return port === undefined ? [] : (subset.addresses ?? []).map((address) => ({ ip: address.ip, port, pod: address.targetRef }));
  });
}

/** Whoever may write endpoints may name any address: only a pod's own, of the same namespace, is asked. */
async function isOfPod(lookup: Lookup, namespace: string, { ip, pod }: Ready): Promise<boolean> {
  if (pod?.name === undefined || pod.namespace !== namespace) return false;
  const found = await lookup<Pod>(resources.pods, namespace, pod.name);
  return (found?.status?.podIPs ?? []).some((one) => one.ip === ip);
}

/** From a random one on, the first that counts. */
async function pickReady(host: HostPart, lookup: Lookup, namespace: string, ready: readonly Ready[]): Promise<Ready | undefined> {
  const start = randomBelow(host.random, Math.max(1, ready.length));
  for (const one of [...ready.slice(start), ...ready.slice(0, start)]) if (await isOfPod(lookup, namespace, one)) return one;
  return undefined;
}

/** The name of the asked port; a number is one of the service's own. */
function portNameOf(service: Service, name: string, port: string): string {
  if (!/^\d+$/.test(port)) return port;
  const found = service.spec?.ports?.find((one) => one.port === Number(port));
  if (found === undefined) throw new StatusError('ServiceUnavailable', `no service port ${port} found for service ${JSON.stringify(name)}`);
  return found.name ?? '';
}

async function serviceTarget(host: HostPart, lookup: Lookup, request: ResourceRequest): Promise<Target> {
  const { scheme, name, port } = parse('service', request.info.name);
  const { namespace } = request.info;
  const service = await lookup<Service>(resources.services, namespace, name);
  if (service === undefined) throw notFound({ group: '', resource: 'services' }, name);
  const endpoints = await lookup<Endpoints>(resources.endpoints, namespace, name);
  const ready = endpoints === undefined ? [] : readyAddresses(endpoints, portNameOf(service, name, port));
  const picked = await pickReady(host, lookup, namespace, ready);
  if (picked === undefined) throw new StatusError('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(request.info.name)}`);
  return target(scheme, picked.ip, picked.port, request);
}

async function nodeTarget(lookup: Lookup, access: KubeletAccess, request: ResourceRequest): Promise<Target> {
  const { scheme, name, port } = parse('node', request.info.name);
  const kubelet = new URL(await kubeletOrigin(lookup, access, name));
  // Only the kubelet gets to see this server's certificate for kubelets.
  if (port !== '' && port !== kubelet.port) return target(scheme, kubelet.hostname.replace(/^\[|\]$/g, ''), portNumber('node', request.info.name, port), request);
  proxyable(kubelet.hostname.replace(/^\[|\]$/g, ''));
  return { url: `${kubelet.origin}${pathBehind(request.info, request.http.target)}`, tls: access.tls };
}

/** What is served below `/proxy/` has links relative to that. */
function withSlash({ http, info }: ResourceRequest): HttpResponse | undefined {
  if (info.parts.length > 3 || info.path.endsWith('/') || !['GET', 'HEAD'].includes(http.method) || http.upgradeRequested) return undefined;
  const [path = '', ...query] = http.target.split('?');
  return { status: 301, headers: { location: `${path}/${query.length === 0 ? '' : `?${query.join('?')}`}` } };
}

function placeOf({ http, info }: ResourceRequest, target: Target): ProxiedPlace {
  const namespace = info.namespace === '' ? '' : `/namespaces/${info.namespace}`;
  return {
    prefix: `/api/${info.version}${namespace}/${info.resource}/${info.name}/proxy`,
    askedHost: [http.headers[':authority'] ?? http.headers['host'] ?? ''].flat()[0] ?? '',
    hostBehind: new URL(target.url).host,
  };
}

export function proxyHandlers(host: HostPart, lookup: Lookup, access: KubeletAccess, pageCodecs: PageCodecs = {}): readonly SubresourceHandler[] {
  const handler = (resource: string, find: (request: ResourceRequest) => Promise<Target>): SubresourceHandler => ({
    group: '', resource, subresource: 'proxy',
    handle: async (request): Promise<HttpResponse> => {
      const target = await find(request);
      return withSlash(request) ?? forward(host, request.http, { ...target, place: placeOf(request, target), pageCodecs });
    },
  });
  return [
    handler('pods', (request) => podTarget(lookup, request)),
    handler('services', (request) => serviceTarget(host, lookup, request)),
    handler('nodes', (request) => nodeTarget(lookup, access, request)),
  ];
}
