import type { Answer } from 'dns-packet';
import type { Service } from 'kubernetes-types/core/v1';
import { dashed, readyEndpoints, type NamedEndpoint } from './endpoints.ts';
import { clusterIps, isHeadless, serviceNameLabel, type ClusterSource } from './source.ts';

/** Version of the specification of DNS-based service discovery that is followed. */
const specVersion = '1.1.0';

export interface ZoneOptions {
  /** `cluster.local`, lower case. */
  readonly domain: string;
  readonly ttlSeconds: number;
}

export type FinalAnswer = Exclude<ZoneAnswer, { readonly kind: 'alias' }>;

export type ZoneAnswer =
  /** The name exists; no record: it has none of this type. */
  | { readonly kind: 'found'; readonly answers: readonly Answer[]; readonly additionals: readonly Answer[] }
  /** The name is another one's alias outside of what was asked; to be followed. */
  | { readonly kind: 'alias'; readonly target: string; readonly answer: Answer }
  | { readonly kind: 'no-such-name' };

const noSuchName: FinalAnswer = { kind: 'no-such-name' };
const noData: FinalAnswer = { kind: 'found', answers: [], additionals: [] };

function typeOfAddress(address: string): 'A' | 'AAAA' {
  return address.includes(':') ? 'AAAA' : 'A';
}

/** Names below the cluster's domain, by the Kubernetes DNS specification. All names are lower case and without the last dot. */
export class ClusterZone {
  readonly #source: ClusterSource;
  readonly #options: ZoneOptions;

  constructor(source: ClusterSource, options: ZoneOptions) {
    this.#source = source;
    this.#options = options;
  }

  get domain(): string { return this.#options.domain; }

  contains(name: string): boolean {
    return name === this.domain || name.endsWith(`.${this.domain}`);
  }

  soa(): Answer {
    const { domain, ttlSeconds } = this.#options;
    return { type: 'SOA', name: domain, ttl: ttlSeconds, data: { mname: `ns.dns.${domain}`, rname: `hostmaster.${domain}`, serial: 1, refresh: 7200, retry: 1800, expire: 86_400, minimum: ttlSeconds } };
  }

  /** `name` lies in the zone; answers carry `asked`, the name as the client wrote it. */
  resolve(name: string, asked: string, type: string): ZoneAnswer {
    const labels = name === this.domain ? [] : name.slice(0, -this.domain.length - 1).split('.');
    const kind = labels.at(-1);
    if (kind === undefined) return this.#apex(asked, type);
    if (kind === 'svc') return this.#serviceNames(labels.slice(0, -1), asked, type);
    if (kind === 'pod') return this.#podNames(labels.slice(0, -1), asked, type);
    if (kind === 'dns-version' && labels.length === 1) return type === 'TXT' ? this.#found([{ type: 'TXT', name: asked, ttl: this.#options.ttlSeconds, data: specVersion }]) : noData;
    return noSuchName;
  }

  #apex(asked: string, type: string): ZoneAnswer {
    if (type === 'SOA') return this.#found([{ ...this.soa(), name: asked } as Answer]);
    if (type === 'NS') return this.#found([{ type: 'NS', name: asked, ttl: this.#options.ttlSeconds, data: `ns.dns.${this.domain}` }]);
    return noData;
  }

  #found(answers: readonly Answer[], additionals: readonly Answer[] = []): FinalAnswer {
    return { kind: 'found', answers, additionals };
  }

  #addressRecord(name: string, address: string): Answer {
    return { type: typeOfAddress(address), name, ttl: this.#options.ttlSeconds, data: address };
  }

  #addresses(asked: string, addresses: readonly string[], type: string): ZoneAnswer {
    return this.#found(addresses.filter((address) => typeOfAddress(address) === type).map((address) => this.#addressRecord(asked, address)));
  }

  /** `1-2-3-4.NAMESPACE.pod`: the address is taken at its word. */
  #podNames(labels: readonly string[], asked: string, type: string): ZoneAnswer {
    const [label, namespace] = labels.toReversed().slice(0, 2).toReversed();
    if (labels.length === 0) return noData;
    if (labels.length === 1) return this.#source.namespaceExists(label as string) ? noData : noSuchName;
    if (labels.length > 2 || !this.#source.namespaceExists(namespace as string)) return noSuchName;
    const address = addressOfLabel(label as string);
    return address === undefined ? noSuchName : this.#addresses(asked, [address], type);
  }

  #serviceNames(labels: readonly string[], asked: string, type: string): ZoneAnswer {
    const [name, namespace] = labels.slice(-2);
    if (labels.length === 0) return noData;
    if (labels.length === 1) return this.#source.namespaceExists(name as string) ? noData : noSuchName;
    const service = this.#source.service(namespace as string, name as string);
    if (service === undefined) return noSuchName;
    const front = labels.slice(0, -2);
    if (service.spec?.type === 'ExternalName') return front.length > 0 ? noSuchName : this.#externalName(service, asked, type);
    if (front.length === 0) return this.#serviceItself(service, asked, type);
    if (front.length === 1) return this.#oneEndpoint(service, front[0] as string, asked, type);
    const [port, protocol] = front;
    if (front.length > 2 || !port?.startsWith('_') || !protocol?.startsWith('_')) return noSuchName;
    return this.#portNames(service, port.slice(1), protocol.slice(1), asked, type);
  }

  #externalName(service: Service, asked: string, type: string): ZoneAnswer {
    const target = (service.spec?.externalName ?? '').toLowerCase().replace(/\.$/, '');
    const answer: Answer = { type: 'CNAME', name: asked, ttl: this.#options.ttlSeconds, data: target };
    if (type === 'CNAME') return this.#found([answer]);
    if (typeOfAddressText(target)) return type === typeOfAddress(target) ? this.#found([this.#addressRecord(asked, target)]) : noData;
    return { kind: 'alias', target, answer };
  }

  #endpoints(service: Service): NamedEndpoint[] {
    return readyEndpoints(this.#source.slices(service.metadata?.namespace ?? '', service.metadata?.name ?? ''));
  }

  #serviceItself(service: Service, asked: string, type: string): ZoneAnswer {
    const headless = isHeadless(service);
    if (type === 'SRV') return headless ? this.#endpointPorts(service, () => true, asked) : this.#servicePorts(service, () => true, asked);
    const addresses = headless ? this.#endpoints(service).map(({ address }) => address) : clusterIps(service);
    // A headless service without ready endpoints exists as little as they do.
    return headless && addresses.length === 0 ? noSuchName : this.#addresses(asked, addresses, type);
  }

  /** `HOSTNAME.SERVICE.NAMESPACE.svc`, or the address with dashes. */
  #oneEndpoint(service: Service, label: string, asked: string, type: string): ZoneAnswer {
    if (!isHeadless(service)) return noSuchName;
    const matching = this.#endpoints(service).filter((endpoint) => endpoint.label.toLowerCase() === label || dashed(endpoint.address) === label);
    return matching.length === 0 ? noSuchName : this.#addresses(asked, matching.map(({ address }) => address), type);
  }

  /** `_PORT._PROTOCOL.SERVICE.NAMESPACE.svc` */
  #portNames(service: Service, port: string, protocol: string, asked: string, type: string): ZoneAnswer {
    const wanted = (name: string, proto: string): boolean => name.toLowerCase() === port && proto.toLowerCase() === protocol;
    const answer = isHeadless(service) ? this.#endpointPorts(service, wanted, asked) : this.#servicePorts(service, wanted, asked);
    if (answer.kind === 'found' && answer.answers.length === 0) return noSuchName;
    return type === 'SRV' ? answer : noData;
  }

  #nameOf(service: Service): string {
    return `${service.metadata?.name}.${service.metadata?.namespace}.svc.${this.domain}`;
  }

  #srv(asked: string, target: string, port: number, weight: number): Answer {
    return { type: 'SRV', name: asked, ttl: this.#options.ttlSeconds, data: { priority: 0, weight, port, target } };
  }

  #servicePorts(service: Service, wanted: (name: string, protocol: string) => boolean, asked: string): ZoneAnswer {
    const target = this.#nameOf(service);
    const ports = (service.spec?.ports ?? []).filter((port) => wanted(port.name ?? '', port.protocol ?? 'TCP'));
    const weight = Math.max(1, Math.floor(100 / Math.max(1, ports.length)));
    return this.#found(ports.map((port) => this.#srv(asked, target, port.port, weight)), ports.length === 0 ? [] : clusterIps(service).map((address) => this.#addressRecord(target, address)));
  }

  #endpointPorts(service: Service, wanted: (name: string, protocol: string) => boolean, asked: string): ZoneAnswer {
    const found = this.#endpoints(service).flatMap((endpoint) => endpoint.ports.filter((port) => wanted(port.name, port.protocol)).map((port) => ({ endpoint, port: port.port })));
    const weight = Math.max(1, Math.floor(100 / Math.max(1, found.length)));
    const targetOf = (endpoint: NamedEndpoint): string => `${endpoint.label}.${this.#nameOf(service)}`;
    const targets = new Set(found.map(({ endpoint }) => endpoint));
    return this.#found(
      found.map(({ endpoint, port }) => this.#srv(asked, targetOf(endpoint), port, weight)),
      [...targets].map((endpoint) => this.#addressRecord(targetOf(endpoint), endpoint.address)));
  }

  /** Names of an address of the cluster; undefined if it is none of ours, so that others may be asked. */
  reverse(address: string, asked: string): FinalAnswer | undefined {
    const names = this.#source.servicesByAddress(address).map((service) => this.#nameOf(service));
    if (names.length === 0) {
      for (const slice of this.#source.slicesByAddress(address)) {
        const service = this.#source.service(slice.metadata?.namespace ?? '', slice.metadata?.labels?.[serviceNameLabel] ?? '');
        if (service === undefined || !isHeadless(service)) continue;
        for (const endpoint of readyEndpoints([slice])) if (endpoint.address === address) names.push(`${endpoint.label}.${this.#nameOf(service)}`);
      }
    }
    if (names.length === 0) return undefined;
    return this.#found([...new Set(names)].map((data) => ({ type: 'PTR' as const, name: asked, ttl: this.#options.ttlSeconds, data })));
  }
}

function typeOfAddressText(text: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(text) || text.includes(':');
}

/** `1-2-3-4` or `fd00--1` */
function addressOfLabel(label: string): string | undefined {
  if (/^\d{1,3}(-\d{1,3}){3}$/.test(label)) {
    return label.split('-').every((part) => Number(part) <= 255) ? label.split('-').map(Number).join('.') : undefined;
  }
  return /^[0-9a-f]*(-[0-9a-f]*){2,7}$/.test(label) ? label.replaceAll('-', ':') : undefined;
}

/** Address that a name below in-addr.arpa or ip6.arpa stands for. */
export function addressOfReverse(name: string): string | undefined {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (four !== null) return four.slice(1).toReversed().join('.');
  const six = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (six === null) return undefined;
  const digits = (six[1] as string).replaceAll('.', '').split('').toReversed().join('');
  return (digits.match(/.{4}/g) ?? []).map((group) => Number.parseInt(group, 16).toString(16)).join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
}
