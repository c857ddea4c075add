import type { Service } from 'kubernetes-types/core/v1';
import type { Logger } from '@coxswain/host';
import type { Range } from './range.ts';
import type { ServicePools } from './pools.ts';
import { clusterIpsOf, nodePortsOf } from './service-fields.ts';

/** Taken without a service: given back only when seen so often, since a service may be about to be stored. */
const passesBeforeRelease = 3;

export interface RepairFindings {
  /** Used by services but not recorded: recorded now. */
  readonly missing: number;
  /** Recorded but used by none, for long enough: given back now. */
  readonly released: number;
}

/** One for each server, kept between passes: it counts how often a leak was seen. */
export class ServiceRepair {
  readonly #pools: ServicePools;
  readonly #log: Logger;
  readonly #leaks = new Map<Range, Map<number, number>>();

  constructor(pools: ServicePools, log: Logger) {
    this.#pools = pools;
    this.#log = log;
  }

  /** `services`: all there are, as of one moment. */
  async pass(services: readonly Service[]): Promise<RepairFindings> {
    let findings: RepairFindings = { missing: 0, released: 0 };
    for (const pool of this.#pools.addresses) {
      findings = sum(findings, await this.#repair(pool.range, services.flatMap((service) => clusterIpsOf(service).map((address) => pool.offset(address)))));
    }
    return sum(findings, await this.#repair(this.#pools.ports.range, services.flatMap((service) => nodePortsOf(service).map((port) => this.#pools.ports.offset(port)))));
  }

  async #repair(range: Range, inUse: readonly (number | undefined)[]): Promise<RepairFindings> {
    const used = new Set(inUse.filter((offset) => offset !== undefined));
    const before = this.#leaks.get(range) ?? new Map<number, number>();
    let seen = new Map<number, number>();
    let findings: RepairFindings = { missing: 0, released: 0 };
    await range.repair((bitmap) => {
      seen = new Map();
      let [missing, released] = [0, 0];
      for (const offset of used) if (!bitmap.has(offset)) { bitmap.add(offset); missing += 1; }
      for (const offset of bitmap.offsets()) {
        if (used.has(offset)) continue;
        const times = (before.get(offset) ?? 0) + 1;
        if (times < passesBeforeRelease) seen.set(offset, times);
        else { bitmap.delete(offset); released += 1; }
      }
      findings = { missing, released };
    });
    this.#leaks.set(range, seen);
    if (findings.missing > 0 || findings.released > 0) this.#log.warn('service range repaired', { range: range.description.range, ...findings });
    return findings;
  }
}

function sum(a: RepairFindings, b: RepairFindings): RepairFindings {
  return { missing: a.missing + b.missing, released: a.released + b.released };
}
