import type { Host } from '@coxswain/host';
import type { ProxyConfig } from '../config.ts';
import { familyOf, inCidr } from '../model/addresses.ts';
import { staleConnections } from '../model/conntrack.ts';
import type { ProxyModel } from '../model/model.ts';
import type { ProxySystem } from '../system.ts';
import { ChainNames, serviceChainPattern } from './chain-names.ts';
import { allJumps, parseSave, renderCleanup, type InstalledRules } from './jumps.ts';
import { canaryChain, filterChains, natChains, render, type RenderOptions } from './render.ts';

export interface Backend {
  /** Makes the kernel do what the model says. */
  sync(model: ProxyModel): Promise<{ readonly ruleCount: number }>;
  /** False: somebody has removed rules of ours. */
  intact(): Promise<boolean>;
  /** The next sync takes nothing for granted. */
  forget(): void;
}

/** Rules of one family by iptables. What is installed is remembered, and read again after a failure. */
export class IptablesBackend implements Backend {
  readonly #host: Host;
  readonly #system: ProxySystem;
  readonly #config: ProxyConfig;
  readonly #names: ChainNames;
  #installed: InstalledRules | undefined;
  #last: ProxyModel | undefined;

  constructor(host: Host, system: ProxySystem, config: ProxyConfig) {
    this.#host = host;
    this.#system = system;
    this.#config = config;
    this.#names = new ChainNames(host.crypto);
  }

  async #options(model: ProxyModel): Promise<RenderOptions> {
    const { clusterCidr, nodePortAddresses, ...rest } = this.#config;
    const cidr = clusterCidr.split(',').find((part) => part !== '' && familyOf(part) === model.family) ?? '';
    const everywhere = nodePortAddresses.length === 0;
    const local = everywhere ? undefined : (await this.#system.localAddresses()).filter((address) => nodePortAddresses.some((range) => inCidr(address, range)));
    return {
      masqueradeAll: rest.masqueradeAll, masqueradeBit: rest.masqueradeBit, clusterCidr: cidr, nodePortAddresses: local,
      localhostNodePorts: rest.localhostNodePorts, tcpBeLiberal: rest.tcpBeLiberal, randomFully: this.#system.randomFully,
    };
  }

  async sync(model: ProxyModel): Promise<{ readonly ruleCount: number }> {
    const installed = this.#installed ?? parseSave(await this.#system.save(model.family));
    const rendered = render(model, await this.#options(model), this.#names, installed);
    this.#installed = undefined;
    await this.#system.restore(model.family, rendered.text);
    this.#installed = { jumps: allJumps, serviceChains: rendered.serviceChains };
    for (const filter of staleConnections(this.#last ?? { family: model.family, ports: [] }, model)) {
      await this.#system.deleteConnections(filter).catch((error: unknown) => this.#host.log.warn('stale connections were not removed', { ...filter, error: String(error) }));
    }
    this.#last = model;
    return { ruleCount: rendered.ruleCount };
  }

  async intact(): Promise<boolean> {
    for (const table of ['nat', 'filter'] as const) {
      if (await this.#system.countRules('IPv4', table, canaryChain) !== 1) return false;
    }
    return true;
  }

  forget(): void {
    this.#installed = undefined;
  }
}

const fixedChains = { nat: new Set<string>([...natChains, canaryChain]), filter: new Set<string>([...filterChains, canaryChain]) };

/** Removes everything that any run of the proxy has made. Twice is no error. */
export async function cleanUp(system: ProxySystem): Promise<void> {
  const saved = parseSave(await system.save('IPv4'));
  const input = renderCleanup(saved, (table, chain) => fixedChains[table].has(chain) || (table === 'nat' && serviceChainPattern.test(chain)));
  if (input !== '') await system.restore('IPv4', input);
}

