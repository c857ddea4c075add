import { append } from '@coxswain/host';
import type { JsonObject } from '../resource.ts';
import { addressProblem } from '../validation/address-problem.ts';
import { obj, str, strings } from '../validation/access.ts';
import { quote } from '../validation/errors.ts';

const soon = 'IP address was accepted, but will be invalid in a future Kubernetes release:';

/** Addresses that only lenient parsers take. */
function addressWarnings(ip: string, field: string): string[] {
  const problem = addressProblem(ip);
  return problem === undefined ? [] : [`${field}: ${soon} ParseAddr(${quote(ip)}): ${problem}`];
}

/** Fields that the service's type makes useless, and addresses that will not be taken for ever. */
export function serviceWarnings(service: JsonObject): string[] {
  const spec = obj(service, 'spec');
  const type = str(spec, 'type');
  const isHeadless = str(spec, 'clusterIP') === 'None';
  const balancer = str(spec, 'loadBalancerIP');
  const warnings: string[] = [];
  if (type !== 'ExternalName') {
    if (!isHeadless) for (const [index, ip] of strings(spec, 'clusterIPs').entries()) append(warnings, addressWarnings(ip, `spec.clusterIPs[${index}]`));
    if (balancer !== '') append(warnings, addressWarnings(balancer, 'spec.loadBalancerIP'));
  }
  for (const [index, ip] of strings(spec, 'externalIPs').entries()) append(warnings, addressWarnings(ip, `spec.externalIPs[${index}]`));
  if (type === 'ExternalName' && strings(spec, 'externalIPs').length > 0) warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (type !== 'ExternalName' && str(spec, 'externalName') !== '') warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  return warnings;
}
