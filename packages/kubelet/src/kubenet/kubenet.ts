import type { Informer } from '@coxswain/client';
import { utf8, type Host } from '@coxswain/host';
import type { Node } from 'kubernetes-types/core/v1';
import { messageOf } from '../api-types.ts';
import type { KubeletConfig, KubenetConfig } from '../config.ts';
import { fleetLabel } from '../hollow/fleet/labels.ts';
import type { NodeSystem, Route } from '../system.ts';

/** First in the directory, and named so that it is seen whose it is. */
export const conflistName = '10-coxswain-kubenet.conflist';

/** Routed, not bridged: every packet between pods passes the node's own tables, where Services are made. */
export function cniConflist(podCidr: string, options: Pick<KubenetConfig, 'dataDir' | 'mtu'>): string {
  const ipam = { type: 'host-local', dataDir: `${options.dataDir}/cni`, ranges: [[{ subnet: podCidr }]], routes: [{ dst: '0.0.0.0/0' }] };
  return `${JSON.stringify({
    cniVersion: '0.4.0', name: 'kubenet',
    plugins: [
      { type: 'ptp', ipMasq: false, ...(options.mtu === 0 ? {} : { mtu: options.mtu }), ipam },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  }, undefined, 2)}\n`;
}

function podCidrs(node: Node): readonly string[] {
  return node.spec?.podCIDRs ?? (node.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR]);
}

function isIpv4(cidr: string): boolean {
  return !cidr.includes(':');
}

/** One route a foreign node: its pods by its own address. */
export function wantedRoutes(nodes: readonly Node[], nodeName: string): readonly Route[] {
  const out: Route[] = [];
  for (const node of nodes) {
    // A hollow node's address leads nowhere.
    if (node.metadata?.name === nodeName || node.metadata?.labels?.[fleetLabel] !== undefined) continue;
    const via = node.status?.addresses?.find((address) => address.type === 'InternalIP')?.address;
    if (via === undefined) continue;
    for (const cidr of podCidrs(node).filter(isIpv4)) out.push({ cidr, via });
  }
  return out;
}

export interface RunningKubenet { stop(): void }

interface KubenetOptions {
  readonly kubenet: KubenetConfig;
  readonly config: KubeletConfig;
  readonly host: Host;
  readonly system: NodeSystem;
  readonly nodes: Informer<Node>;
  readonly changed: () => void;
}

class Kubenet {
  readonly #options: KubenetOptions;
  #dirty = false;
  #working = false;
  #stopped = false;
  #podCidr = '';

  constructor(options: KubenetOptions) {
    this.#options = options;
  }

  stop(): void { this.#stopped = true; }

  touch(): void {
    this.#dirty = true;
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    const { host } = this.#options;
    this.#working = true;
    while (this.#dirty && !this.#stopped) {
      this.#dirty = false;
      try {
        await this.#sync();
      } catch (error) {
        host.log.warn('pod network is not in order', { error: messageOf(error) });
        this.#dirty = true;
        await host.timers.sleep(1000);
      }
    }
    this.#working = false;
  }

  async #sync(): Promise<void> {
    const { nodes, config, kubenet } = this.#options;
    const own = nodes.lister.get({ name: config.nodeName });
    const given = kubenet.podCidr === '' ? undefined : kubenet.podCidr;
    const podCidr = given ?? (own === undefined ? undefined : podCidrs(own).find(isIpv4));
    if (podCidr !== undefined && podCidr !== this.#podCidr) await this.#attach(podCidr);
    await this.#syncRoutes();
  }

  async #attach(podCidr: string): Promise<void> {
    const { kubenet, host, system, changed } = this.#options;
    await system.network.enableForwarding();
    if (kubenet.nonMasqueradeCidrs.length > 0) await system.network.ensureMasquerade(podCidr, kubenet.nonMasqueradeCidrs);
    await system.files.makeDirectory(kubenet.cniConfDir, 0o755);
    await host.disk.writeFileAtomic(`${kubenet.cniConfDir}/${conflistName}`, utf8(cniConflist(podCidr, kubenet)));
    this.#podCidr = podCidr;
    host.log.info('pod network is set up', { podCidr });
    changed();
  }

  async #syncRoutes(): Promise<void> {
    const { nodes, config, system, host } = this.#options;
    const wanted = wantedRoutes(nodes.lister.list(), config.nodeName);
    const present = await system.network.listRoutes();
    for (const route of present) {
      if (!wanted.some((candidate) => candidate.cidr === route.cidr)) await system.network.removeRoute(route);
    }
    for (const route of wanted) {
      if (present.some((candidate) => candidate.cidr === route.cidr && candidate.via === route.via)) continue;
      await system.network.replaceRoute(route);
      host.log.info('route to the pods of a node', { cidr: route.cidr, via: route.via });
    }
  }
}

/** Keeps the pod network of this node as the nodes' podCIDRs say, until stopped. What it made stays for running pods. */
export function startKubenet(options: KubenetOptions): RunningKubenet {
  const kubenet = new Kubenet(options);
  options.nodes.addHandler({ added: () => kubenet.touch(), updated: () => kubenet.touch(), deleted: () => kubenet.touch() });
  return kubenet;
}

/** Takes away what a kubenet made on this machine: routes, masquerading, configuration. */
export async function removeKubenet(kubenet: KubenetConfig, host: Host, system: NodeSystem): Promise<void> {
  for (const route of await system.network.listRoutes()) await system.network.removeRoute(route);
  await system.network.removeMasquerade();
  await system.network.removePortMappings();
  await host.disk.remove(`${kubenet.cniConfDir}/${conflistName}`);
}
