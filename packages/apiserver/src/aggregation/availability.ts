import { resources, type Client } from '@coxswain/client';
import { rfc3339Seconds, type Host } from '@coxswain/host';
import type { Endpoints, Service } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';
import { apiServices, availableCondition, type ApiService, type ApiServiceCondition, type ServiceReference } from './api-service.ts';
import type { Upstream } from './upstream.ts';

export interface AvailabilityParts {
  readonly host: Pick<Host, 'clock' | 'timers' | 'log'>;
  readonly client: Client;
  readonly lookup: Lookup;
  readonly upstream: Upstream;
}

type Verdict = Pick<ApiServiceCondition, 'status' | 'reason' | 'message'>;

const checkTimeoutMs = 5000;

function no(reason: string, message: string): Verdict {
  return { status: 'False', reason, message };
}

async function serviceVerdict(lookup: Lookup, { namespace, name, port = 443 }: ServiceReference): Promise<Verdict | undefined> {
  const service = await lookup<Service>(resources.services, namespace, name);
  if (service === undefined) return no('ServiceNotFound', `service/${name} in ${JSON.stringify(namespace)} is not present`);
  if ((service.spec?.type ?? 'ClusterIP') !== 'ClusterIP') return undefined;
  const found = service.spec?.ports?.find((one) => one.port === port);
  if (found === undefined) return no('ServicePortError', `service/${name} in ${JSON.stringify(namespace)} is not listening on port ${port}`);
  const endpoints = await lookup<Endpoints>(resources.endpoints, namespace, name);
  if (endpoints === undefined) return no('EndpointsNotFound', `cannot find endpoints for service/${name} in ${JSON.stringify(namespace)}`);
  const portName = found.name ?? '';
  const active = (endpoints.subsets ?? []).some((subset) => (subset.addresses ?? []).length > 0 && subset.ports?.some((one) => (one.name ?? '') === portName) === true);
  return active ? undefined : no('MissingEndpoints', `endpoints for service/${name} in ${JSON.stringify(namespace)} have no addresses with port name ${JSON.stringify(portName)}`);
}

async function verdictOn(parts: AvailabilityParts, service: ApiService, reference: ServiceReference): Promise<Verdict> {
  const found = await serviceVerdict(parts.lookup, reference);
  if (found !== undefined) return found;
  const { group = '', version = '' } = service.spec ?? {};
  try {
    await parts.upstream.check(service, group === '' ? `/api/${version}` : `/apis/${group}/${version}`, checkTimeoutMs);
  } catch (error) {
    return no('FailedDiscoveryCheck', error instanceof Error ? error.message : String(error));
  }
  return { status: 'True', reason: 'Passed', message: 'all checks passed' };
}

/** Looks whether one remote API is there and writes what it found; answers whether it is. */
export async function settleAvailability(parts: AvailabilityParts, service: ApiService): Promise<boolean> {
  const reference = service.spec?.service;
  if (reference === undefined || reference === null) return true;
  const verdict = await verdictOn(parts, service, reference);
  const before = availableCondition(service);
  if (before?.status !== verdict.status || before.reason !== verdict.reason || before.message !== verdict.message) {
    const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    const condition = { type: 'Available', ...verdict, lastTransitionTime: lastTransitionTime ?? rfc3339Seconds(parts.host.clock.nowMs()) };
    const others = (service.status?.conditions ?? []).filter((one) => one.type !== 'Available');
    await parts.client.patch(apiServices, { name: service.metadata?.name ?? '' }, 'merge', { status: { conditions: [...others, condition] } }, { subresource: 'status', fieldManager: 'kube-apiserver' });
  }
  return verdict.status === 'True';
}
