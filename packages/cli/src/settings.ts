import { networksOverlap } from '@coxswain/api';
import { UsageError, type FlagSet, type FlagValues } from '@coxswain/service';
import { parseCidr, addressAt } from './cidr.ts';

/** What a cluster was brought up with. Kept in DATA/cluster.json, so that a later `cox up` without flags brings back the same. */
export interface ClusterSettings {
  readonly data: string;
  readonly nodes: number;
  readonly apiservers: number;
  /** Nodes without a runtime beside those. */
  readonly hollow: number;
  readonly port: number;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly nodeCidr: string;
  readonly registry: boolean;
  /** Extra flags for the controller manager, for instance shorter node timeouts. */
  readonly controllerManagerArgs: readonly string[];
  readonly apiserverArgs: readonly string[];
}

export const upFlags: FlagSet = {
  data: { kind: 'string', default: '/var/lib/coxswain', help: 'directory for all state' },
  nodes: { kind: 'int', default: 1, min: 1, max: 16, help: 'number of nodes; those after the first are hosts of their own in network namespaces' },
  apiservers: { kind: 'int', default: 1, min: 1, max: 9, help: 'number of API servers; more than one stand behind one address' },
  hollow: { kind: 'int', default: 0, min: 0, max: 50_000, help: 'nodes without a runtime beside those, all in one process (docs/hollow-nodes.md)' },
  port: { kind: 'int', default: 6443, min: 1, max: 65535, help: 'port of the API server' },
  'pod-cidr': { kind: 'string', default: '10.244.0.0/16', help: 'addresses of pods; each node gets a /24 of it' },
  'service-cidr': { kind: 'string', default: '10.96.0.0/16', help: 'addresses of services' },
  'node-cidr': { kind: 'string', default: '10.89.0.0/24', help: 'addresses of the nodes on this machine' },
  registry: { kind: 'bool', default: false, help: 'serve the demo images from a registry on this machine, so that nodes pull them' },
  'controller-manager-arg': { kind: 'strings', help: 'further flag for the controller manager (repeatable; empty takes all back), e.g. --node-monitor-grace-period=8s' },
  'apiserver-arg': { kind: 'strings', help: 'further flag for the API servers (repeatable; empty takes all back)' },
  timeout: { kind: 'duration', default: 180_000, help: 'how long to wait until everything is Ready' },
};

function checkCidr(flags: FlagValues, name: string, prefixMin: number, prefixMax: number): string {
  const text = flags.string(name);
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new UsageError(`--${name}=${text} is no IPv4 network; write it as 10.1.0.0/16`);
  if (cidr.prefix < prefixMin || cidr.prefix > prefixMax) throw new UsageError(`--${name}=${text}: the prefix must be between /${prefixMin} and /${prefixMax}`);
  return text;
}

function overlap(a: string, b: string): boolean {
  const first = parseCidr(a);
  const second = parseCidr(b);
  return first !== undefined && second !== undefined && networksOverlap(first, second);
}

/** Each rotates its file and writes where it believes its end to be: two on one file write over each other. */
function checkAuditLogs({ apiservers, apiserverArgs }: ClusterSettings): void {
  const flag = '--audit-log-path=';
  const path = apiserverArgs.findLast((arg) => arg.startsWith(flag))?.slice(flag.length) ?? '';
  if (apiservers > 1 && path !== '' && path !== '-') throw new UsageError(`--apiserver-arg=${flag}${path}: ${apiservers} API servers cannot share one log; without it each has its own in DATA/logs`);
}

export function settingsFromFlags(flags: FlagValues, before?: ClusterSettings): ClusterSettings {
  const keep = <T>(name: string, own: T, old: T | undefined): T => (flags.isSet(name) || old === undefined ? own : old);
  const settings: ClusterSettings = {
    data: flags.string('data'),
    nodes: keep('nodes', flags.int('nodes'), before?.nodes),
    apiservers: keep('apiservers', flags.int('apiservers'), before?.apiservers),
    hollow: keep('hollow', flags.int('hollow'), before?.hollow),
    port: keep('port', flags.int('port'), before?.port),
    podCidr: keep('pod-cidr', checkCidr(flags, 'pod-cidr', 8, 20), before?.podCidr),
    serviceCidr: keep('service-cidr', checkCidr(flags, 'service-cidr', 12, 24), before?.serviceCidr),
    nodeCidr: keep('node-cidr', checkCidr(flags, 'node-cidr', 16, 24), before?.nodeCidr),
    registry: keep('registry', flags.bool('registry'), before?.registry),
    controllerManagerArgs: keep('controller-manager-arg', flags.strings('controller-manager-arg'), before?.controllerManagerArgs),
    apiserverArgs: keep('apiserver-arg', flags.strings('apiserver-arg'), before?.apiserverArgs),
  };
  if (!settings.data.startsWith('/')) throw new UsageError(`--data=${settings.data} must be an absolute path`);
  for (const [name, own, old] of [['pod-cidr', settings.podCidr, before?.podCidr], ['service-cidr', settings.serviceCidr, before?.serviceCidr], ['node-cidr', settings.nodeCidr, before?.nodeCidr]] as const) {
    if (old !== undefined && own !== old) throw new UsageError(`--${name}=${own}: the cluster in ${settings.data} was made with ${old}, which cannot change; \`cox down --purge\` first`);
  }
  const networks = [['pod-cidr', settings.podCidr], ['service-cidr', settings.serviceCidr], ['node-cidr', settings.nodeCidr]] as const;
  for (const [at, [name, cidr]] of networks.entries()) {
    for (const [otherName, other] of networks.slice(at + 1)) if (overlap(cidr, other)) throw new UsageError(`--${name}=${cidr} and --${otherName}=${other} overlap`);
  }
  checkAuditLogs(settings);
  return settings;
}

export interface NodeHost {
  readonly name: string;
  readonly address: string;
  /** Network namespace; undefined for the machine itself. */
  readonly netns: string | undefined;
  readonly index: number;
}

/** Network namespaces of nodes are named by this and the node's number. */
export const netnsPrefix = 'cox-node-';

export function nodeHosts(settings: ClusterSettings): readonly NodeHost[] {
  return Array.from({ length: settings.nodes }, (_, at) => ({
    name: `node-${at + 1}`, index: at + 1, address: addressAt(settings.nodeCidr, at + 1), netns: at === 0 ? undefined : `${netnsPrefix}${at + 1}`,
  }));
}

/** Where clients reach the API: the first node's address, which the bridge carries. */
export function apiAddress(settings: ClusterSettings): string {
  return addressAt(settings.nodeCidr, 1);
}

/** With several API servers each has an address of its own, and a balancer has the common one. */
export function apiserverAddresses(settings: ClusterSettings): readonly string[] {
  if (settings.apiservers === 1) return [apiAddress(settings)];
  return Array.from({ length: settings.apiservers }, (_, at) => addressAt(settings.nodeCidr, 240 + at));
}

export function kubernetesServiceAddress(settings: ClusterSettings): string {
  return addressAt(settings.serviceCidr, 1);
}

export function dnsServiceAddress(settings: ClusterSettings): string {
  return addressAt(settings.serviceCidr, 10);
}
