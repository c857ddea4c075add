import type { ConfigMap, Container, EnvVar, Pod, Secret, Service } from 'kubernetes-types/core/v1';
import { fromUtf8 } from '@coxswain/host';
import { quantityNumber } from '../quantity.ts';
import { decodeBase64 } from '../base64.ts';
import { limitOf, requestOf } from './resources.ts';
import { allContainers, specOf } from './pod-facts.ts';

/** A container that cannot be configured yet; the message is what the pod's status shows. */
export class ConfigError extends Error {
  readonly reason: 'CreateContainerConfigError' | 'CreateContainerError';
  constructor(message: string, reason: 'CreateContainerConfigError' | 'CreateContainerError' = 'CreateContainerConfigError') {
    super(message);
    this.name = 'ConfigError';
    this.reason = reason;
  }
}

export interface EnvSources {
  readonly podIps: readonly string[];
  readonly hostIp: string;
  readonly nodeName: string;
  readonly allocatable: Readonly<Record<string, string>>;
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
  services(): readonly Service[];
}

/** `$(NAME)` is replaced if NAME is known, kept as it is if not; `$$` is a single `$`. */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$(?:\$|\(([^)]*)\))/g, (all, name: string | undefined) => {
    if (all === '$$') return '$';
    return values.get(name ?? '') ?? all;
  });
}

export function downwardField(pod: Pod, path: string, sources: Pick<EnvSources, 'podIps' | 'hostIp' | 'nodeName'>): string {
  const quoted = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (quoted !== null) return pod.metadata?.[quoted[1] as 'labels' | 'annotations']?.[quoted[2] as string] ?? '';
  const readers: Readonly<Record<string, () => string>> = {
    'metadata.name': () => pod.metadata?.name ?? '',
    'metadata.namespace': () => pod.metadata?.namespace ?? '',
    'metadata.uid': () => pod.metadata?.uid ?? '',
    'metadata.labels': () => formatMap(pod.metadata?.labels),
    'metadata.annotations': () => formatMap(pod.metadata?.annotations),
    'spec.nodeName': () => specOf(pod).nodeName ?? sources.nodeName,
    'spec.serviceAccountName': () => specOf(pod).serviceAccountName ?? '',
    'status.hostIP': () => sources.hostIp,
    'status.hostIPs': () => sources.hostIp,
    'status.podIP': () => sources.podIps[0] ?? '',
    'status.podIPs': () => sources.podIps.join(','),
  };
  const reader = readers[path];
  if (reader === undefined) throw new ConfigError(`unsupported fieldPath: ${path}`);
  return reader();
}

/** `key="value"` a line, sorted, as the downward API writes maps. */
function formatMap(map: Record<string, string> | undefined): string {
  return Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join('\n');
}

export function downwardResource(pod: Pod, reference: { containerName?: string; resource: string; divisor?: string }, fallback: Container | undefined, allocatable: Readonly<Record<string, string>>): string {
  const container = reference.containerName === undefined || reference.containerName === '' ? fallback : allContainers(pod).find((candidate) => candidate.name === reference.containerName);
  if (container === undefined) throw new ConfigError(`container ${reference.containerName ?? ''} not found`);
  const match = /^(limits|requests)\.(.+)$/.exec(reference.resource);
  if (match === null) throw new ConfigError(`unsupported container resource : ${reference.resource}`);
  const name = match[2] as string;
  const own = match[1] === 'limits' ? limitOf(container, name) : requestOf(container, name);
  const value = quantityNumber(own ?? (match[1] === 'limits' ? allocatable[name] : undefined));
  const divisor = quantityNumber(reference.divisor) || 1;
  return String(Math.ceil(Number((value / divisor).toPrecision(15))));
}

/** HOST, PORT and the Docker-link style variables of services that were there when the container started. */
export function serviceEnv(pod: Pod, services: readonly Service[], clusterServiceNamespace = 'default'): Map<string, string> {
  const out = new Map<string, string>();
  const links = specOf(pod).enableServiceLinks !== false;
  const wanted = new Map<string, Service>();
  for (const service of services) {
    const ip = service.spec?.clusterIP;
    if (ip === undefined || ip === '' || ip === 'None') continue;
    const name = service.metadata?.name ?? '';
    const master = name === 'kubernetes' && service.metadata?.namespace === clusterServiceNamespace;
    if (service.metadata?.namespace === pod.metadata?.namespace && links) wanted.set(name, service);
    else if (master && !wanted.has(name)) wanted.set(name, service);
  }
  for (const [name, service] of wanted) addService(out, name.toUpperCase().replaceAll('-', '_'), service);
  return out;
}

function addService(out: Map<string, string>, prefix: string, service: Service): void {
  const ip = service.spec?.clusterIP ?? '';
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const ports = service.spec?.ports ?? [];
  if (ports.length === 0) return;
  out.set(`${prefix}_SERVICE_HOST`, ip);
  out.set(`${prefix}_SERVICE_PORT`, String(ports[0]?.port ?? 0));
  for (const port of ports) {
    if (port.name !== undefined && port.name !== '') out.set(`${prefix}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`, String(port.port));
  }
  ports.forEach((port, index) => {
    const protocol = port.protocol ?? 'TCP';
    const url = `${protocol.toLowerCase()}://${host}:${port.port}`;
    const base = `${prefix}_PORT_${port.port}_${protocol.toUpperCase()}`;
    if (index === 0) out.set(`${prefix}_PORT`, url);
    out.set(base, url);
    out.set(`${base}_PROTO`, protocol.toLowerCase());
    out.set(`${base}_PORT`, String(port.port));
    out.set(`${base}_ADDR`, ip);
  });
}

function validKey(key: string): boolean {
  return /^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(key) && key !== '.' && !key.startsWith('..');
}

/** `skipped` is told about keys that are no variable names, which upstream leaves out with an event. */
export async function containerEnv(pod: Pod, container: Container, sources: EnvSources, skipped: (message: string) => void): Promise<Map<string, string>> {
  const services = serviceEnv(pod, sources.services());
  const out = new Map<string, string>();
  for (const from of container.envFrom ?? []) await addFrom(out, from, sources, skipped);
  const known = (): Map<string, string> => new Map([...services, ...out]);
  for (const variable of container.env ?? []) {
    const value = await variableValue(pod, container, variable, sources, known());
    if (value !== undefined) out.set(variable.name, value);
  }
  for (const [name, value] of services) if (!out.has(name)) out.set(name, value);
  return out;
}

type EnvFrom = NonNullable<Container['envFrom']>[number];

async function addFrom(out: Map<string, string>, from: EnvFrom, sources: EnvSources, skipped: (message: string) => void): Promise<void> {
  const reference = from.configMapRef ?? from.secretRef;
  if (reference === undefined) return;
  const name = reference.name ?? '';
  const kind = from.configMapRef === undefined ? 'secret' : 'configmap';
  const data = kind === 'configmap' ? (await sources.configMap(name))?.data : await secretData(sources, name);
  const missing = kind === 'configmap' ? (await sources.configMap(name)) === undefined : (await sources.secret(name)) === undefined;
  if (missing) {
    if (reference.optional === true) return;
    throw new ConfigError(`${kind} ${JSON.stringify(name)} not found`);
  }
  const invalid: string[] = [];
  for (const [key, value] of Object.entries(data ?? {})) {
    const variable = `${from.prefix ?? ''}${key}`;
    if (validKey(variable)) out.set(variable, value);
    else invalid.push(variable);
  }
  if (invalid.length > 0) skipped(`Keys [${invalid.sort().join(', ')}] from the EnvFrom ${kind === 'configmap' ? 'configMap' : 'secret'} were skipped since they are considered invalid environment variable names.`);
}

async function secretData(sources: EnvSources, name: string): Promise<Record<string, string>> {
  const secret = await sources.secret(name);
  return Object.fromEntries(Object.entries(secret?.data ?? {}).map(([key, value]) => [key, fromUtf8(decodeBase64(value))]));
}

async function variableValue(pod: Pod, container: Container, variable: EnvVar, sources: EnvSources, known: ReadonlyMap<string, string>): Promise<string | undefined> {
  const from = variable.valueFrom;
  if (from === undefined) return expand(variable.value ?? '', known);
  if (from.fieldRef !== undefined) return downwardField(pod, from.fieldRef.fieldPath, sources);
  if (from.resourceFieldRef !== undefined) {
    const reference = from.resourceFieldRef;
    return downwardResource(pod, { resource: reference.resource, ...(reference.containerName === undefined ? {} : { containerName: reference.containerName }), ...(reference.divisor === undefined ? {} : { divisor: reference.divisor }) }, container, sources.allocatable);
  }
  if (from.configMapKeyRef !== undefined) {
    const { name = '', key, optional } = from.configMapKeyRef;
    return pick('ConfigMap', 'configmap', pod, name, key, optional === true, (await sources.configMap(name))?.data, (await sources.configMap(name)) !== undefined);
  }
  if (from.secretKeyRef !== undefined) {
    const { name = '', key, optional } = from.secretKeyRef;
    return pick('Secret', 'secret', pod, name, key, optional === true, await secretData(sources, name), (await sources.secret(name)) !== undefined);
  }
  return '';
}

function pick(kind: string, resource: string, pod: Pod, name: string, key: string, optional: boolean, data: Record<string, string> | undefined, exists: boolean): string | undefined {
  const value = data?.[key];
  if (value !== undefined) return value;
  if (optional) return undefined;
  if (!exists) throw new ConfigError(`${resource} ${JSON.stringify(name)} not found`);
  throw new ConfigError(`couldn't find key ${key} in ${kind} ${pod.metadata?.namespace ?? ''}/${name}`);
}
