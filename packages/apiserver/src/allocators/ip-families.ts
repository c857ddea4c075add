import { invalid, parseAddress, validateClusterIps, type FieldError, type IpFamily, type JsonObject } from '@coxswain/api';
import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import { headless } from './service-fields.ts';

const kind = { group: '', kind: 'Service' };

export function invalidService(service: Service, errors: readonly FieldError[]): Error {
  return invalid(kind, service.metadata?.name ?? '', errors);
}

function other(family: IpFamily): IpFamily {
  return family === 'IPv4' ? 'IPv6' : 'IPv4';
}

function familiesOfAddresses(spec: ServiceSpec): IpFamily[] {
  return (spec.clusterIPs ?? []).map((address) => parseAddress(address)?.family).filter((family) => family !== undefined);
}

function requireConfigured(service: Service, spec: ServiceSpec, configured: readonly IpFamily[]): void {
  const errors: FieldError[] = [];
  if (spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2) {
    errors.push({ type: 'Invalid', field: 'spec.ipFamilyPolicy', message: `Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services` });
  }
  (spec.ipFamilies ?? []).forEach((family, i) => {
    if (!configured.includes(family as IpFamily)) {
      errors.push({ type: 'Invalid', field: `spec.ipFamilies[${i}]`, message: `Invalid value: ${JSON.stringify(family)}: not configured on this cluster` });
    }
  });
  if (errors.length > 0) throw invalidService(service, errors);
}

/** Fills ipFamilyPolicy and ipFamilies from what was asked for and what the cluster has; throws 422. */
export function fillFamilies(service: Service, old: Service | undefined, configured: readonly IpFamily[]): void {
  const spec = service.spec;
  if (spec === undefined || spec.type === 'ExternalName') return;
  const given = familiesOfAddresses(spec);
  const families: IpFamily[] = (spec.ipFamilies ?? []).length > 0 ? [...(spec.ipFamilies as IpFamily[])] : given;
  const selectorless = spec.clusterIPs?.[0] === headless && Object.keys(spec.selector ?? {}).length === 0;
  if (old === undefined || spec.ipFamilyPolicy === undefined) spec.ipFamilyPolicy ??= families.length > 1 || selectorless ? 'RequireDualStack' : 'SingleStack';
  const errors = validateClusterIps(service as unknown as JsonObject);
  if (errors.length > 0) throw invalidService(service, errors);
  families[0] ??= configured[0] as IpFamily;
  if (selectorless) {
    // Whoever writes the endpoints may write both families, whatever the cluster has.
    if (families.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') families.push(other(families[0]));
    spec.ipFamilies = families;
    return;
  }
  if (spec.ipFamilyPolicy === 'SingleStack' && old !== undefined) families.length = 1;
  if (spec.ipFamilyPolicy !== 'SingleStack' && families.length === 1 && configured.length > 1) families.push(other(families[0]));
  spec.ipFamilies = families;
  requireConfigured(service, spec, configured);
}
