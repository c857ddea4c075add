import { internalError, type FieldError } from '@coxswain/api';
import type { Service, ServicePort, ServiceSpec } from 'kubernetes-types/core/v1';
import type { Logger } from '@coxswain/host';
import { typed, typedOrNone } from '../typed.ts';
import type { FinishWrite, WriteHook } from '../types.ts';
import { fillFamilies, invalidService } from './ip-families.ts';
import type { AddressPool, ServicePools } from './pools.ts';
import { clusterIpsOf, headless, needsClusterIp, needsHealthCheckNodePort, needsNodePort, nodePortsOf } from './service-fields.ts';
import { Reservation } from './reservation.ts';

interface Work {
  readonly service: Service;
  readonly spec: ServiceSpec;
  readonly pools: ServicePools;
  readonly reservation: Reservation;
  readonly dryRun: boolean;
}

async function chosenAddress(work: Work, pool: AddressPool, address: string): Promise<void> {
  const refuse = (why: string): Error => {
    const list = `[]string{${(work.spec.clusterIPs ?? []).map((one) => JSON.stringify(one)).join(', ')}}`;
    return invalidService(work.service, [{ type: 'Invalid', field: 'spec.clusterIPs', message: `Invalid value: ${list}: failed to allocate IP ${address}: ${why}` }]);
  };
  const offset = pool.offset(address);
  if (offset === undefined) throw refuse(`the provided IP (${address}) is not in the valid range. The range of valid IPs is ${pool.range.description.range}`);
  if (!await work.reservation.take(pool.range, offset)) throw refuse('provided IP is already allocated');
}

async function anyAddress(work: Work, pool: AddressPool): Promise<string> {
  const offset = await work.reservation.takeNext(pool.range);
  if (offset === undefined) throw internalError('failed to allocate a serviceIP: range is full');
  return pool.address(offset);
}

async function allocateAddresses(work: Work, old: Service | undefined): Promise<void> {
  const { spec, service } = work;
  if (!needsClusterIp(service) || spec.clusterIPs?.[0] === headless) return;
  const held = old !== undefined && needsClusterIp(old) ? old.spec?.clusterIPs ?? [] : [];
  if (held[0] === headless) return;
  const addresses: string[] = [];
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    const pool = work.pools.addresses.find((one) => one.family === family);
    if (pool === undefined) continue;
    const asked = spec.clusterIPs?.[i];
    if (asked !== undefined && asked !== '') {
      // What was given out is not given anew: validation says what may change.
      if (i >= held.length) await chosenAddress(work, pool, asked);
      addresses.push(asked);
    } else addresses.push(await anyAddress(work, pool));
  }
  spec.clusterIPs = addresses;
  spec.clusterIP = addresses[0] ?? '';
}

async function chosenPort(work: Work, port: number, field: string): Promise<void> {
  // As upstream: a dry run does not look at ports that were asked for.
  if (work.dryRun) return;
  const { ports } = work.pools;
  const refuse = (why: string): Error => invalidService(work.service, [{ type: 'Invalid', field, message: `Invalid value: ${port}: ${why}` } satisfies FieldError]);
  const offset = ports.offset(port);
  if (offset === undefined) throw refuse(`provided port is not in the valid range. The range of valid ports is ${ports.first}-${ports.last}`);
  if (!await work.reservation.take(ports.range, offset)) throw refuse('provided port is already allocated');
}

async function anyPort(work: Work): Promise<number> {
  const { ports } = work.pools;
  const offset = await work.reservation.takeNext(ports.range);
  if (offset === undefined) throw internalError('failed to allocate a nodePort: range is full');
  return ports.port(offset);
}

/** Two protocols of one service port may share a node port, and get the same one if nothing is asked. */
async function allocateNodePorts(work: Work, old: Service | undefined): Promise<void> {
  if (!needsNodePort(work.service)) return;
  const held = new Set(old === undefined ? [] : nodePortsOf(old));
  const uses = new Set<string>();
  const chosen = (work.spec.ports ?? []).filter((port) => (port.nodePort ?? 0) !== 0);
  for (const port of chosen) {
    const number = port.nodePort as number;
    if (!held.has(number)) await chosenPort(work, number, `spec.ports[${(work.spec.ports ?? []).indexOf(port)}].nodePort`);
    held.add(number);
    uses.add(useOf(port, number));
  }
  for (const port of work.spec.ports ?? []) {
    if ((port.nodePort ?? 0) !== 0) continue;
    const shared = (work.spec.ports ?? []).find((one) => one.port === port.port && (one.nodePort ?? 0) !== 0 && !uses.has(useOf(port, one.nodePort as number)));
    port.nodePort = shared?.nodePort ?? await anyPort(work);
    uses.add(useOf(port, port.nodePort));
  }
}

function useOf(port: ServicePort, nodePort: number): string {
  return `${port.protocol ?? 'TCP'} ${nodePort}`;
}

async function allocateHealthCheckPort(work: Work, old: Service | undefined): Promise<void> {
  if (!needsHealthCheckNodePort(work.service)) return;
  const asked = work.spec.healthCheckNodePort ?? 0;
  if (asked === 0) work.spec.healthCheckNodePort = await anyPort(work);
  else if (asked !== old?.spec?.healthCheckNodePort) await chosenPort(work, asked, 'spec.healthCheckNodePort');
}

async function allocate(work: Work, old: Service | undefined): Promise<void> {
  try {
    await allocateAddresses(work, old);
    await allocateNodePorts(work, old);
    await allocateHealthCheckPort(work, old);
  } catch (error) {
    await work.reservation.giveBack();
    throw error;
  }
}

/**
 * The strategy has kept what the writer left out and dropped what the type does not need. Addresses and ports are taken before the service is stored and given back if it is not; what a service no longer needs is given
 * back after it is stored. A server that dies in between leaves a leak, which the repair loop finds.
 */
export function serviceHook(pools: ServicePools, log: Logger): WriteHook {
  const configured = pools.addresses.map((pool) => pool.family);

  async function releaseUnused(before: Service, after: Service | undefined): Promise<void> {
    const kept = new Set<string | number>(after === undefined ? [] : [...clusterIpsOf(after), ...nodePortsOf(after)]);
    for (const pool of pools.addresses) {
      const offsets = clusterIpsOf(before).filter((address) => !kept.has(address)).map((address) => pool.offset(address)).filter((offset) => offset !== undefined);
      if (offsets.length > 0) await pool.range.release(offsets);
    }
    const ports = nodePortsOf(before).filter((port) => !kept.has(port)).map((port) => pools.ports.offset(port)).filter((offset) => offset !== undefined);
    if (ports.length > 0) await pools.ports.range.release(ports);
  }

  function quietly(promise: Promise<void>): Promise<void> {
    return promise.catch((error: unknown) => { log.warn('a service address or port was not given back; the repair loop will', { error: String(error) }); });
  }

  return {
    group: '',
    resource: 'services',
    async begin(write): Promise<FinishWrite> {
      const service = typed<Service>(write.object);
      if (write.operation === 'DELETE') return (committed) => (committed && !write.dryRun ? quietly(releaseUnused(service, undefined)) : Promise.resolve());
      const old = typedOrNone<Service>(write.oldObject);
      const spec = (service.spec ??= {});
      fillFamilies(service, old, configured);
      const reservation = new Reservation(write.dryRun);
      await allocate({ service, spec, pools, reservation, dryRun: write.dryRun }, old);
      return async (committed) => {
        if (!committed) await quietly(reservation.giveBack());
        else if (old !== undefined && !write.dryRun) await quietly(releaseUnused(old, service));
      };
    },
  };
}
