import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { get, has, num, obj, objects, optionalNumber, str, strings } from './access.ts';
import { cidrText, ipText, nonSpecialIpProblems, parseCidr, parseIp } from './addresses.ts';
import { duplicate, eachInvalid, forbiddenField, goStrings, goText, invalidValue, quote, required } from './errors.ts';
import { each, immutableText, portNumber, portNumberOrName, requireOneOf, validateSelectorLabels } from './common.ts';
import { dns1123Label, dns1123Subdomain, qualifiedNameProblems } from './formats.ts';
import type { Validator } from './validator.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];
const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const balancerOnly = "may only be used when `type` is 'LoadBalancer'";

function validatePorts(spec: JsonObject | undefined): FieldError[] {
  const ports = objects(spec, 'ports');
  const names = new Set<string>();
  return each(ports, 'spec.ports', (port, at) => {
    const name = str(port, 'name');
    const errors: FieldError[] = [];
    if (name === '' && ports.length > 1) errors.push(required(`${at}.name`));
    else if (name !== '') {
      append(errors, eachInvalid(`${at}.name`, name, dns1123Label(name)));
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    append(errors, [...portNumber(num(port, 'port'), `${at}.port`), ...requireOneOf(str(port, 'protocol'), `${at}.protocol`, protocols, 'required')]);
    append(errors, portNumberOrName(get(port, 'targetPort'), `${at}.targetPort`));
    const app = str(port, 'appProtocol');
    return [...errors, ...(has(port, 'appProtocol') ? eachInvalid(`${at}.appProtocol`, app, qualifiedNameProblems(app)) : [])];
  });
}

function goPort(port: JsonObject): ReturnType<typeof goText> {
  const target = get(port, 'targetPort') ?? 0;
  const shown = typeof target === 'string' ? `{Type:1, IntVal:0, StrVal:${quote(target)}}` : `{Type:0, IntVal:${String(target as number)}, StrVal:""}`;
  const app = has(port, 'appProtocol') ? '(*string)(0x0)' : '(*string)(nil)';
  return goText(`core.ServicePort{Name:${quote(str(port, 'name'))}, Protocol:${quote(str(port, 'protocol'))}, AppProtocol:${app}, Port:${num(port, 'port')}, TargetPort:intstr.IntOrString${shown}, NodePort:${num(port, 'nodePort')}}`);
}

function portCollisions(spec: JsonObject | undefined): FieldError[] {
  const nodePorts = new Set<string>();
  const ports = new Set<string>();
  const errors = each(objects(spec, 'ports'), 'spec.ports', (port, at) => {
    const key = `${str(port, 'protocol')}/${num(port, 'nodePort')}`;
    if (num(port, 'nodePort') === 0) return [];
    const found = nodePorts.has(key) ? [duplicate(`${at}.nodePort`, num(port, 'nodePort'))] : [];
    nodePorts.add(key);
    return found;
  });
  return [...errors, ...each(objects(spec, 'ports'), 'spec.ports', (port, at) => {
    const key = `${str(port, 'protocol')}/${num(port, 'port')}`;
    // Upstream compares without name, target and node port, and shows it so.
    const found = ports.has(key) ? [duplicate(at, goPort({ protocol: str(port, 'protocol'), port: num(port, 'port') }))] : [];
    ports.add(key);
    return found;
  })];
}

function affinity(spec: JsonObject | undefined): FieldError[] {
  const mode = str(spec, 'sessionAffinity');
  const config = obj(spec, 'sessionAffinityConfig');
  const errors = requireOneOf(mode, 'spec.sessionAffinity', ['ClientIP', 'None'], 'required');
  if (mode === 'None' && config !== undefined) return [...errors, forbiddenField('spec.sessionAffinityConfig', 'must not be set when session affinity is None')];
  if (mode !== 'ClientIP') return errors;
  const seconds = optionalNumber(obj(config, 'clientIP'), 'timeoutSeconds');
  if (config === undefined) errors.push(required('spec.sessionAffinityConfig', 'when session affinity type is ClientIP'));
  else if (seconds === undefined) errors.push(required('spec.sessionAffinityConfig.clientIP', 'when session affinity type is ClientIP'));
  else if (seconds <= 0 || seconds > 86400) errors.push(invalidValue('spec.sessionAffinityConfig.clientIP.timeoutSeconds', seconds, 'must be greater than 0 and less than 86400'));
  return errors;
}

const familyPolicies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

function families(spec: JsonObject | undefined): FieldError[] {
  const seen = new Set<string>();
  const errors = strings(spec, 'ipFamilies').flatMap((family, index) => {
    const field = `spec.ipFamilies[${index}]`;
    const found = requireOneOf(family, field, ['IPv4', 'IPv6'], 'unsupported');
    if (seen.has(family)) found.push(duplicate(field, family));
    seen.add(family);
    return found;
  });
  return has(spec, 'ipFamilyPolicy') ? [...errors, ...requireOneOf(str(spec, 'ipFamilyPolicy'), 'spec.ipFamilyPolicy', familyPolicies, 'unsupported')] : errors;
}

/** Addresses that are none end the comparison with the families. */
function addressesFit(spec: JsonObject | undefined, all: readonly string[], shown: ReturnType<typeof goStrings>): FieldError[] {
  const parsed = all.map((ip) => parseIp(ip)?.family);
  const asked = strings(spec, 'ipFamilies');
  const errors: FieldError[] = [];
  if (all.length > 1 && !(parsed.includes(4) && parsed.includes(6))) errors.push(invalidValue('spec.clusterIPs', shown, 'may specify no more than one IP for each IP family'));
  if (all[0] === 'None') return errors;
  for (const [index, ip] of all.slice(0, asked.length).entries()) {
    const family = parsed[index] === 6 ? 'IPv6' : 'IPv4';
    if (['IPv4', 'IPv6'].includes(asked[index] as string) && asked[index] !== family) errors.push(invalidValue(`spec.clusterIPs[${index}]`, ip, `expected an ${asked[index] as string} value as indicated by \`ipFamilies[${index}]\``));
  }
  return errors;
}

/** What must fit together before addresses can be given out. */
export function validateClusterIps(service: JsonObject): FieldError[] {
  const spec = obj(service, 'spec');
  if (str(spec, 'type') === 'ExternalName') return [];
  const first = str(spec, 'clusterIP');
  const all = strings(spec, 'clusterIPs');
  const shown = goStrings('[]string', all);
  const errors: FieldError[] = [];
  if (first === '' && all.length > 0) errors.push(invalidValue('spec.clusterIPs', shown, 'must be empty when `clusterIP` is not specified'));
  if (first !== '' && all.length === 0) errors.push(required('spec.clusterIPs'));
  if (first !== '' && all.length > 0 && all[0] !== first) errors.push(invalidValue('spec.clusterIPs', shown, 'first value must match `clusterIP`'));
  append(errors, families(spec));
  const wrong: FieldError[] = [];
  for (const [index, ip] of all.entries()) {
    if (index === 0 && ip === 'None') {
      if (all.length > 1) wrong.push(invalidValue('spec.clusterIPs', shown, "'None' must be the first and only value"));
    } else if (parseIp(ip) === undefined) wrong.push(invalidValue(`spec.clusterIPs[${index}]`, ip, ipText));
  }
  append(errors, wrong);
  if (all.length > 2) errors.push(invalidValue('spec.clusterIPs', shown, 'may only hold up to 2 values'));
  return wrong.length > 0 ? errors : [...errors, ...addressesFit(spec, all, shown)];
}

function externalName(spec: JsonObject | undefined): FieldError[] {
  if (str(spec, 'type') !== 'ExternalName') return [];
  const keys = [...(strings(spec, 'clusterIPs').length > 0 ? ['clusterIPs'] : []), ...(strings(spec, 'ipFamilies').length > 0 ? ['ipFamilies'] : []), ...(has(spec, 'ipFamilyPolicy') ? ['ipFamilyPolicy'] : [])];
  return keys.map((key) => forbiddenField(`spec.${key}`, 'may not be set for ExternalName services'));
}

function loadBalancer(spec: JsonObject | undefined): FieldError[] {
  const isBalancer = str(spec, 'type') === 'LoadBalancer';
  const errors: FieldError[] = [];
  const ranges = strings(spec, 'loadBalancerSourceRanges');
  if (ranges.length > 0 && !isBalancer) errors.push(forbiddenField('spec.LoadBalancerSourceRanges', balancerOnly));
  for (const [index, range] of ranges.entries()) {
    if (parseCidr(range.trim()) === undefined) errors.push(invalidValue(`spec.LoadBalancerSourceRanges[${index}]`, range, cidrText));
  }
  if (has(spec, 'allocateLoadBalancerNodePorts') && !isBalancer) errors.push(forbiddenField('spec.allocateLoadBalancerNodePorts', balancerOnly));
  return [...errors, ...balancerClass(spec)];
}

function balancerClass(spec: JsonObject | undefined): FieldError[] {
  if (!has(spec, 'loadBalancerClass')) return [];
  if (str(spec, 'type') !== 'LoadBalancer') return [forbiddenField('spec.loadBalancerClass', balancerOnly)];
  const name = str(spec, 'loadBalancerClass');
  return eachInvalid('spec.loadBalancerClass', name, qualifiedNameProblems(name));
}

function trafficPolicies(spec: JsonObject | undefined): FieldError[] {
  const type = str(spec, 'type');
  const external = str(spec, 'externalTrafficPolicy');
  const check = num(spec, 'healthCheckNodePort');
  const reachable = type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && strings(spec, 'externalIPs').length > 0);
  const errors: FieldError[] = [];
  if (!reachable) {
    if (external !== '') errors.push(invalidValue('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services'));
  } else append(errors, requireOneOf(external, 'spec.externalTrafficPolicy', ['Cluster', 'Local'], 'required'));
  if (check !== 0 && !(type === 'LoadBalancer' && external === 'Local')) {
    errors.push(invalidValue('spec.healthCheckNodePort', check, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  }
  if (!['ClusterIP', 'NodePort', 'LoadBalancer'].includes(type)) return errors;
  return [...errors, ...requireOneOf(str(spec, 'internalTrafficPolicy'), 'spec.internalTrafficPolicy', ['Cluster', 'Local'], has(spec, 'internalTrafficPolicy') ? 'unsupported' : 'required')];
}

function typeRules(spec: JsonObject | undefined): FieldError[] {
  const type = str(spec, 'type');
  const errors: FieldError[] = [];
  if (objects(spec, 'ports').length === 0 && str(spec, 'clusterIP') !== 'None' && type !== 'ExternalName') errors.push(required('spec.ports'));
  if (type === 'LoadBalancer') {
    for (const [index, port] of objects(spec, 'ports').entries()) {
      if (num(port, 'port') === 10250) errors.push(invalidValue(`spec.ports[${index}]`, goPort(port), 'may not expose port 10250 externally since it is used by kubelet'));
    }
    if (str(spec, 'clusterIP') === 'None') errors.push(invalidValue('spec.clusterIPs[0]', 'None', 'may not be set to \'None\' for LoadBalancer services'));
  }
  if (type === 'NodePort' && str(spec, 'clusterIP') === 'None') errors.push(invalidValue('spec.clusterIPs[0]', 'None', "may not be set to 'None' for NodePort services"));
  if (type === 'ExternalName') {
    const name = str(spec, 'externalName').replace(/\.$/, '');
    append(errors, (name === '' ? [required('spec.externalName')] : eachInvalid('spec.externalName', name, dns1123Subdomain(name))));
  }
  return errors;
}

function externalIps(spec: JsonObject | undefined): FieldError[] {
  return strings(spec, 'externalIPs').flatMap((ip, index) => {
    const field = `spec.externalIPs[${index}]`;
    return parseIp(ip) === undefined ? [invalidValue(field, ip, ipText)] : eachInvalid(field, ip, nonSpecialIpProblems(ip));
  });
}

function service(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const type = str(spec, 'type');
  return [
    ...typeRules(spec), ...validatePorts(spec), ...validateSelectorLabels(obj(spec, 'selector'), 'spec.selector'), ...affinity(spec), ...externalName(spec), ...validateClusterIps(object), ...externalIps(spec),
    ...requireOneOf(type, 'spec.type', types, 'required'),
    ...(type === 'ClusterIP' ? each(objects(spec, 'ports'), 'spec.ports', (port, at) => (num(port, 'nodePort') === 0 ? [] : [forbiddenField(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'")])) : []),
    ...portCollisions(spec), ...loadBalancer(spec), ...trafficPolicies(spec),
    ...(has(spec, 'trafficDistribution') ? requireOneOf(str(spec, 'trafficDistribution'), 'spec.trafficDistribution', ['PreferClose'], 'unsupported') : []),
  ];
}

function needsHealthCheckPort(spec: JsonObject | undefined): boolean {
  return str(spec, 'type') === 'LoadBalancer' && str(spec, 'externalTrafficPolicy') === 'Local';
}

/** What was given out stays, as long as the service is of a type that has it. */
function sameAddress(spec: JsonObject | undefined, before: JsonObject | undefined): FieldError[] {
  if ([str(spec, 'type'), str(before, 'type')].includes('ExternalName')) return [];
  const errors: FieldError[] = [];
  const was = strings(before, 'clusterIPs');
  const now = strings(spec, 'clusterIPs');
  if (was.length > 0 && now[0] !== was[0]) errors.push(invalidValue('spec.clusterIPs[0]', goStrings('[]string', now), 'may not change once set'));
  const families = strings(before, 'ipFamilies');
  if (families.length > 0 && strings(spec, 'ipFamilies')[0] !== families[0]) errors.push(invalidValue('spec.ipFamilies[0]', goStrings('[]core.IPFamily', strings(spec, 'ipFamilies')), 'may not change once set'));
  return errors;
}

function serviceUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const before = obj(old, 'spec');
  const errors = sameAddress(spec, before);
  const stays = str(before, 'type') === 'LoadBalancer' && str(spec, 'type') === 'LoadBalancer';
  if (stays && get(spec, 'loadBalancerClass') !== get(before, 'loadBalancerClass')) errors.push(invalidValue('spec.loadBalancerClass', get(spec, 'loadBalancerClass') as string | undefined, 'may not change once set'));
  append(errors, balancerClass(spec));
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(before) && num(spec, 'healthCheckNodePort') !== num(before, 'healthCheckNodePort')) errors.push(forbiddenField('spec.healthCheckNodePort', immutableText));
  return [...errors, ...service(object)];
}

function ingressPoint(one: JsonObject, at: string): FieldError[] {
  const ip = str(one, 'ip');
  const host = str(one, 'hostname');
  const errors = ip !== '' && parseIp(ip) === undefined ? [invalidValue(`${at}.ip`, ip, ipText)] : [];
  if (ip !== '' && !has(one, 'ipMode')) errors.push(required(`${at}.ipMode`, 'must be specified when `ip` is set'));
  else if (has(one, 'ipMode') && ip === '') errors.push(forbiddenField(`${at}.ipMode`, 'may not be specified when `ip` is not set'));
  else if (has(one, 'ipMode')) append(errors, requireOneOf(str(one, 'ipMode'), `${at}.ipMode`, ['Proxy', 'VIP'], 'unsupported'));
  if (host === '') return errors;
  append(errors, eachInvalid(`${at}.hostname`, host, dns1123Subdomain(host)));
  return parseIp(host) === undefined ? errors : [...errors, invalidValue(`${at}.hostname`, host, 'must be a DNS name, not an IP address')];
}

function serviceStatus(object: JsonObject): FieldError[] {
  const points = objects(obj(obj(object, 'status'), 'loadBalancer'), 'ingress');
  if (points.length > 0 && str(obj(object, 'spec'), 'type') !== 'LoadBalancer') return [forbiddenField('status.loadBalancer.ingress', "may only be used when `spec.type` is 'LoadBalancer'")];
  return each(points, 'status.loadBalancer.ingress', ingressPoint);
}

export const serviceValidators: Readonly<Record<string, Validator>> = { services: { create: service, update: serviceUpdate, updateStatus: serviceStatus } };
