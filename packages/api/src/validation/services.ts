import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { get, has, num, obj, objects, optionalNumber, str, strings } from './access.ts';
import { cidrText, ipText, nonSpecialIpProblems, parseCidr, parseIp } from './addresses.ts';
import { duplicate, eachInvalid, forbiddenField, goStrings, goText, invalidValue, notSupported, quote, required } from './errors.ts';
import { each, portNumber, portNumberOrName, requireOneOf, validateSelectorLabels } from './common.ts';
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
      errors.push(...eachInvalid(`${at}.name`, name, dns1123Label(name)));
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    errors.push(...portNumber(num(port, 'port'), `${at}.port`), ...requireOneOf(str(port, 'protocol'), `${at}.protocol`, protocols, 'required'));
    errors.push(...portNumberOrName(get(port, 'targetPort'), `${at}.targetPort`));
    const app = str(port, 'appProtocol');
    return [...errors, ...(app === '' ? [] : eachInvalid(`${at}.appProtocol`, app, qualifiedNameProblems(app)))];
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

function clusterIps(spec: JsonObject | undefined): FieldError[] {
  const first = str(spec, 'clusterIP');
  const all = strings(spec, 'clusterIPs');
  const errors: FieldError[] = [];
  if (str(spec, 'type') === 'ExternalName') {
    if (all.length > 0) errors.push(forbiddenField('spec.clusterIPs', 'may not be set for ExternalName services'));
    for (const key of ['ipFamilies', 'ipFamilyPolicy']) if (has(spec, key)) errors.push(forbiddenField(`spec.${key}`, 'may not be set for ExternalName services'));
    return errors;
  }
  errors.push(...requireOneOf(str(spec, 'ipFamilyPolicy'), 'spec.ipFamilyPolicy', ['SingleStack', 'PreferDualStack', 'RequireDualStack'], 'allowed'));
  const families = new Set<string>();
  for (const [index, family] of strings(spec, 'ipFamilies').entries()) {
    if (family !== 'IPv4' && family !== 'IPv6') errors.push(notSupported(`spec.ipFamilies[${index}]`, family, ['IPv4', 'IPv6']));
    if (families.has(family)) errors.push(duplicate(`spec.ipFamilies[${index}]`, family));
    families.add(family);
  }
  if (all.length > 0 && first !== all[0]) errors.push(invalidValue('spec.clusterIPs', goStrings('[]string', all), 'first value must match `clusterIP`'));
  for (const [index, ip] of all.entries()) {
    if (index === 0 && ip === 'None') {
      if (all.length > 1) errors.push(invalidValue('spec.clusterIPs', goStrings('[]string', all), "'None' must be the first and only value"));
      return errors;
    }
    if (parseIp(ip) === undefined) errors.push(invalidValue(`spec.clusterIPs[${index}]`, ip, ipText));
  }
  if (all.length > 2) errors.push(invalidValue('spec.clusterIPs', goStrings('[]string', all), 'may only hold up to 2 values'));
  return errors;
}

function loadBalancer(spec: JsonObject | undefined): FieldError[] {
  const isBalancer = str(spec, 'type') === 'LoadBalancer';
  const errors: FieldError[] = [];
  const ranges = strings(spec, 'loadBalancerSourceRanges');
  if (ranges.length > 0 && !isBalancer) errors.push(forbiddenField('spec.LoadBalancerSourceRanges', balancerOnly));
  for (const [index, range] of ranges.entries()) {
    if (parseCidr(range.trim()) === undefined) errors.push(invalidValue(`spec.LoadBalancerSourceRanges[${index}]`, range, cidrText));
  }
  for (const key of ['allocateLoadBalancerNodePorts', 'loadBalancerClass']) {
    if (has(spec, key) && !isBalancer) errors.push(forbiddenField(`spec.${key}`, balancerOnly));
  }
  return errors;
}

function trafficPolicies(spec: JsonObject | undefined): FieldError[] {
  const type = str(spec, 'type');
  const external = str(spec, 'externalTrafficPolicy');
  const check = num(spec, 'healthCheckNodePort');
  const reachable = type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && strings(spec, 'externalIPs').length > 0);
  const errors: FieldError[] = [];
  if (!reachable) {
    if (external !== '') errors.push(invalidValue('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services'));
  } else errors.push(...requireOneOf(external, 'spec.externalTrafficPolicy', ['Cluster', 'Local'], 'required'));
  if (check !== 0 && !(type === 'LoadBalancer' && external === 'Local')) {
    errors.push(invalidValue('spec.healthCheckNodePort', check, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  }
  if (!['ClusterIP', 'NodePort', 'LoadBalancer'].includes(type)) return errors;
  return [...errors, ...requireOneOf(str(spec, 'internalTrafficPolicy'), 'spec.internalTrafficPolicy', ['Cluster', 'Local'], 'required')];
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
    errors.push(...(name === '' ? [required('spec.externalName')] : eachInvalid('spec.externalName', name, dns1123Subdomain(name))));
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
    ...typeRules(spec), ...validatePorts(spec), ...validateSelectorLabels(obj(spec, 'selector'), 'spec.selector'), ...affinity(spec), ...clusterIps(spec), ...externalIps(spec),
    ...requireOneOf(type, 'spec.type', types, 'required'),
    ...(type === 'ClusterIP' ? each(objects(spec, 'ports'), 'spec.ports', (port, at) => (num(port, 'nodePort') === 0 ? [] : [forbiddenField(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'")])) : []),
    ...portCollisions(spec), ...loadBalancer(spec), ...trafficPolicies(spec),
  ];
}

function serviceUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const before = obj(old, 'spec');
  const errors: FieldError[] = [];
  const external = [str(spec, 'type'), str(before, 'type')].includes('ExternalName');
  if (!external && str(before, 'clusterIP') !== '' && str(spec, 'clusterIP') !== str(before, 'clusterIP')) {
    errors.push(invalidValue('spec.clusterIPs[0]', goStrings('[]string', strings(spec, 'clusterIPs')), 'may not change once set'));
  }
  return [...errors, ...service(object)];
}

export const serviceValidators: Readonly<Record<string, Validator>> = { services: { create: service, update: serviceUpdate } };
