import type { Pod } from 'kubernetes-types/core/v1';
import type { KubeletConfig } from '../config.ts';
import { isHostNetwork, specOf } from './pod-facts.ts';

export interface DnsConfig { servers: string[]; searches: string[]; options: string[] }

const maxServers = 3;
const maxSearches = 32;

export function parseResolvConf(text: string): DnsConfig {
  const out: DnsConfig = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...fields] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && fields[0] !== undefined) out.servers.push(fields[0]);
    if (keyword === 'search') out.searches = fields.map((field) => (field === '.' ? field : field.replace(/\.$/, '')));
    if (keyword === 'options') out.options = fields;
  }
  return out;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

/** Options by name: the later wins. */
function mergeOptions(base: readonly string[], extra: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const option of [...base, ...extra]) byName.set(option.split(':')[0] ?? option, option);
  return [...byName.values()];
}

function basePolicy(pod: Pod, config: Pick<KubeletConfig, 'clusterDns' | 'clusterDomain'>, host: DnsConfig): DnsConfig {
  const policy = specOf(pod).dnsPolicy ?? 'ClusterFirst';
  if (policy === 'None') return { servers: [], searches: [], options: [] };
  const cluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !isHostNetwork(pod));
  if (!cluster || config.clusterDns.length === 0) return host;
  const domain = config.clusterDomain;
  const searches = domain === '' ? [] : [`${pod.metadata?.namespace ?? 'default'}.svc.${domain}`, `svc.${domain}`, domain];
  return { servers: [...config.clusterDns], searches: unique([...searches, ...host.searches]), options: ['ndots:5'] };
}

export function podDns(pod: Pod, config: Pick<KubeletConfig, 'clusterDns' | 'clusterDomain'>, hostResolvConf: string): DnsConfig {
  const base = basePolicy(pod, config, parseResolvConf(hostResolvConf));
  const extra = specOf(pod).dnsConfig;
  const extraOptions = (extra?.options ?? []).map((option) => (option.value === undefined ? option.name ?? '' : `${option.name ?? ''}:${option.value}`));
  return {
    servers: unique([...base.servers, ...(extra?.nameservers ?? [])]).slice(0, maxServers),
    searches: unique([...base.searches, ...(extra?.searches ?? [])]).slice(0, maxSearches),
    options: mergeOptions(base.options, extraOptions),
  };
}

/** setHostnameAsFQDN and subdomain as upstream; the name is cut to what Linux takes. */
export function podHostname(pod: Pod, clusterDomain: string): { readonly hostname: string; readonly domain: string } {
  const spec = specOf(pod);
  const hostname = (spec.hostname !== undefined && spec.hostname !== '' ? spec.hostname : pod.metadata?.name ?? '').slice(0, 63).replace(/[-.]+$/, '');
  const domain = spec.subdomain !== undefined && spec.subdomain !== '' ? `${spec.subdomain}.${pod.metadata?.namespace ?? ''}.svc.${clusterDomain}` : '';
  const whole = spec.setHostnameAsFQDN === true && domain !== '';
  return { hostname: whole ? `${hostname}.${domain}` : hostname, domain };
}

export function etcHosts(pod: Pod, podIps: readonly string[], clusterDomain: string): string {
  const { domain } = podHostname(pod, clusterDomain);
  const short = podHostname(pod, clusterDomain).hostname.split('.')[0] ?? '';
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', 'fe00::0\tip6-localnet', 'fe00::0\tip6-mcastprefix', 'fe00::1\tip6-allnodes', 'fe00::2\tip6-allrouters',
    ...podIps.map((ip) => (domain === '' ? `${ip}\t${short}` : `${ip}\t${short}.${domain}\t${short}`)),
  ];
  return `${lines.join('\n')}\n${hostAliases(pod)}`;
}

export function hostAliases(pod: Pod): string {
  const aliases = specOf(pod).hostAliases ?? [];
  if (aliases.length === 0) return '';
  return `\n# Entries added by HostAliases.\n${aliases.map((alias) => `${alias.ip ?? ''}\t${(alias.hostnames ?? []).join('\t')}`).join('\n')}\n`;
}
