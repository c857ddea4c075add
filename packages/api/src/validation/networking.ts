import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { get, has, list, num, obj, objects, optionalNumber, str, strings } from './access.ts';
import { cidrText, ipText, nonSpecialIpProblems, parseCidr, parseIp, rangeContains } from './addresses.ts';
import { duplicate, eachInvalid, forbiddenField, goStrings, goText, invalidValue, notSupported, required, tooLong, tooMany } from './errors.ts';
import { domainPrefixedPath, each, immutable, portNumber, portNumberOrName, requireOneOf, validateLabelSelector } from './common.ts';
import { dns1035Label, dns1123Label, dns1123Subdomain, labelValueProblems, pathSegmentProblems, portNameProblems, qualifiedNameProblems, wildcardDns1123Subdomain } from './formats.ts';
import type { Validator } from './validator.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];

/** Something in the same namespace, or of the whole cluster. */
function localReference(one: JsonObject, field: string): FieldError[] {
  const group = str(one, 'apiGroup');
  return [
    ...(has(one, 'apiGroup') ? eachInvalid(`${field}.apiGroup`, group, dns1123Subdomain(group)) : []),
    ...['kind', 'name'].flatMap((key) => (str(one, key) === '' ? [required(`${field}.${key}`, `${key} is required`)] : eachInvalid(`${field}.${key}`, str(one, key), pathSegmentProblems(str(one, key))))),
  ];
}

function backend(one: JsonObject | undefined, field: string): FieldError[] {
  const service = obj(one, 'service');
  const resource = obj(one, 'resource');
  if (service !== undefined && resource !== undefined) return [invalidValue(field, '', 'cannot set both resource and service backends')];
  if (resource !== undefined) return localReference(resource, `${field}.resource`);
  if (service === undefined) return [invalidValue(field, '', 'resource or service backend is required')];
  const name = str(service, 'name');
  const port = obj(service, 'port');
  const errors = name === '' ? [required(`${field}.service.name`)] : eachInvalid(`${field}.service.name`, name, dns1035Label(name));
  const portName = str(port, 'name');
  const number = num(port, 'number');
  if (portName !== '' && number !== 0) errors.push(invalidValue(field, '', 'cannot set both port name & port number'));
  else if (portName !== '') append(errors, eachInvalid(`${field}.service.port.name`, portName, portNameProblems(portName)));
  else if (number !== 0) append(errors, portNumber(number, `${field}.service.port.number`));
  else errors.push(required(field, 'port name or number is required'));
  return errors;
}

const badSequences = ['//', '/./', '/../', '%2f', '%2F'];
const badEndings = ['/..', '/.'];

function ingressPath(one: JsonObject, field: string): FieldError[] {
  const path = str(one, 'path');
  const type = str(one, 'pathType');
  const errors: FieldError[] = [];
  if (!has(one, 'pathType')) return [required(`${field}.pathType`, 'pathType must be specified')];
  switch (type) {
    case 'Exact': case 'Prefix':
      if (!path.startsWith('/')) errors.push(invalidValue(`${field}.path`, path, 'must be an absolute path'));
      for (const bad of badSequences) if (path.includes(bad)) errors.push(invalidValue(`${field}.path`, path, `must not contain '${bad}'`));
      for (const bad of badEndings) if (path.endsWith(bad)) errors.push(invalidValue(`${field}.path`, path, `cannot end with '${bad}'`));
      break;
    case 'ImplementationSpecific':
      if (path !== '' && !path.startsWith('/')) errors.push(invalidValue(`${field}.path`, path, 'must be an absolute path'));
      break;
    default: errors.push(notSupported(`${field}.pathType`, type, ['Exact', 'ImplementationSpecific', 'Prefix']));
  }
  return [...errors, ...backend(obj(one, 'backend'), `${field}.backend`)];
}

const notAnAddress = 'must be a DNS name, not an IP address';

function hostName(host: string, field: string): FieldError[] {
  return eachInvalid(field, host, host.includes('*') ? wildcardDns1123Subdomain(host) : dns1123Subdomain(host));
}

function ingressHost(host: string, field: string): FieldError[] {
  if (host === '') return [];
  return [...(parseIp(host) === undefined ? [] : [invalidValue(field, host, notAnAddress)]), ...hostName(host, field)];
}

/** What was wrong when it was written may stay: nobody looked then. */
interface IngressRatchet {
  readonly secretNames: boolean;
  readonly wildcardPaths: boolean;
}

const strict: IngressRatchet = { secretNames: false, wildcardPaths: false };

function secretNameErrors(tls: JsonObject, at: string): FieldError[] {
  const name = str(tls, 'secretName');
  return name === '' ? [] : eachInvalid(`${at}.secretName`, name, dns1123Subdomain(name));
}

function ratchetOf(old: JsonObject): IngressRatchet {
  const spec = obj(old, 'spec');
  return {
    secretNames: objects(spec, 'tls').some((tls) => secretNameErrors(tls, '').length > 0),
    wildcardPaths: objects(spec, 'rules').some((rule) => str(rule, 'host').includes('*') && has(rule, 'http') && httpErrors(obj(rule, 'http'), '').length > 0),
  };
}

function httpErrors(http: JsonObject | undefined, at: string): FieldError[] {
  const paths = objects(http, 'paths');
  return paths.length === 0 ? [required(`${at}.paths`)] : each(paths, `${at}.paths`, ingressPath);
}

function ingressStatus(object: JsonObject): FieldError[] {
  return each(objects(obj(obj(object, 'status'), 'loadBalancer'), 'ingress'), 'status.loadBalancer.ingress', (one, at) => {
    const [ip, host] = [str(one, 'ip'), str(one, 'hostname')];
    return [
      ...(ip === '' || parseIp(ip) !== undefined ? [] : [invalidValue(`${at}.ip`, ip, ipText)]), ...(host === '' ? [] : eachInvalid(`${at}.hostname`, host, dns1123Subdomain(host))),
      ...(parseIp(host) === undefined ? [] : [invalidValue(`${at}.hostname`, host, notAnAddress)]),
    ];
  });
}

const classAnnotation = 'kubernetes.io/ingress.class';

function newIngress(object: JsonObject): FieldError[] {
  const annotations = obj(obj(object, 'metadata'), 'annotations');
  const spec = obj(object, 'spec');
  const named = str(annotations, classAnnotation);
  const differs = has(annotations, classAnnotation) && has(spec, 'ingressClassName') && named !== str(spec, 'ingressClassName');
  return [...ingress(object, strict), ...(differs ? [invalidValue(`annotations.${classAnnotation}`, named, 'must match `ingressClassName` when both are specified')] : [])];
}

function ingress(object: JsonObject, ratchet: IngressRatchet): FieldError[] {
  const spec = obj(object, 'spec');
  const rules = objects(spec, 'rules');
  const errors: FieldError[] = [];
  if (rules.length === 0 && !has(spec, 'defaultBackend')) errors.push(invalidValue('spec', goText(has(spec, 'rules') ? '[]networking.IngressRule{}' : '[]networking.IngressRule(nil)'), 'either `defaultBackend` or `rules` must be specified'));
  if (has(spec, 'defaultBackend')) append(errors, backend(obj(spec, 'defaultBackend'), 'spec.defaultBackend'));
  append(errors, each(rules, 'spec.rules', (rule, at) => {
    const host = str(rule, 'host');
    const isLet = host.includes('*') && ratchet.wildcardPaths;
    return [...ingressHost(host, `${at}.host`), ...(has(rule, 'http') && !isLet ? httpErrors(obj(rule, 'http'), `${at}.http`) : [])];
  }));
  append(errors, each(objects(spec, 'tls'), 'spec.tls', (tls, at) => [
    ...strings(tls, 'hosts').flatMap((host, index) => hostName(host, `${at}.hosts[${index}]`)), ...(ratchet.secretNames ? [] : secretNameErrors(tls, at)),
  ]));
  const className = str(spec, 'ingressClassName');
  return !has(spec, 'ingressClassName') ? errors : [...errors, ...eachInvalid('spec.ingressClassName', className, dns1123Subdomain(className))];
}

function classParameters(spec: JsonObject | undefined): FieldError[] {
  const one = obj(spec, 'parameters');
  if (one === undefined) return [];
  const at = 'spec.parameters';
  const scope = str(one, 'scope');
  const namespace = str(one, 'namespace');
  const errors = localReference(one, at);
  if (!has(one, 'scope')) return [...errors, required(`${at}.scope`)];
  append(errors, requireOneOf(scope, `${at}.scope`, ['Cluster', 'Namespace'], 'unsupported'));
  if (scope === 'Namespace') append(errors, (has(one, 'namespace') ? eachInvalid(`${at}.namespace`, namespace, dns1123Label(namespace)) : [required(`${at}.namespace`, "`parameters.scope` is set to 'Namespace'")]));
  if (scope === 'Cluster' && has(one, 'namespace')) errors.push(forbiddenField(`${at}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  return errors;
}

function ingressClass(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const controller = str(spec, 'controller');
  const tooLongs = controller.length > 250 ? [tooLong('spec.controller', 250)] : [];
  const parameters = classParameters(spec);
  return [...tooLongs, ...domainPrefixedPath(controller, 'spec.controller'), ...parameters];
}

function peerBlock(block: JsonObject, field: string): FieldError[] {
  const cidr = str(block, 'cidr');
  if (cidr === '') return [required(`${field}.cidr`)];
  const range = parseCidr(cidr);
  if (range === undefined) return [invalidValue(`${field}.cidr`, cidr, cidrText)];
  return strings(block, 'except').flatMap((text, index) => {
    const except = parseCidr(text);
    const at = `${field}.except[${index}]`;
    if (except === undefined) return [invalidValue(at, text, cidrText)];
    return rangeContains(range, except.address) && except.prefixLength > range.prefixLength ? [] : [invalidValue(at, text, `must be a strict subset of \`cidr\``)];
  });
}

function peer(one: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const selectors = ['podSelector', 'namespaceSelector'].filter((key) => has(one, key));
  for (const key of selectors) append(errors, validateLabelSelector(obj(one, key), `${field}.${key}`));
  const block = obj(one, 'ipBlock');
  if (block !== undefined) append(errors, peerBlock(block, `${field}.ipBlock`));
  if (selectors.length === 0 && block === undefined) errors.push(required(field, 'must specify a peer'));
  else if (selectors.length > 0 && block !== undefined) errors.push(forbiddenField(field, 'may not specify both ipBlock and another peer'));
  return errors;
}

function policyPort(one: JsonObject, field: string): FieldError[] {
  const errors = has(one, 'protocol') ? requireOneOf(str(one, 'protocol'), `${field}.protocol`, ['TCP', 'UDP', 'SCTP'], 'unsupported') : [];
  const port = get(one, 'port');
  const end = optionalNumber(one, 'endPort');
  if (port === undefined) return end === undefined ? errors : [...errors, invalidValue(`${field}.endPort`, end, 'may not be specified when `port` is not specified')];
  append(errors, portNumberOrName(port, `${field}.port`));
  if (end === undefined) return errors;
  if (typeof port === 'string') errors.push(invalidValue(`${field}.endPort`, end, 'may not be specified when `port` is non-numeric'));
  else {
    if (Number(port) > end) errors.push(invalidValue(`${field}.endPort`, Number(port), 'must be greater than or equal to `port`'));
    append(errors, portNumber(end, `${field}.endPort`));
  }
  return errors;
}

function networkPolicy(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const errors = validateLabelSelector(obj(spec, 'podSelector'), 'spec.podSelector');
  for (const [key, peers] of [['ingress', 'from'], ['egress', 'to']] as const) {
    append(errors, each(objects(spec, key), `spec.${key}`, (rule, at) => [...each(objects(rule, 'ports'), `${at}.ports`, policyPort), ...each(objects(rule, peers), `${at}.${peers}`, peer)]));
  }
  const types = strings(spec, 'policyTypes');
  if (types.length > 2) return [...errors, invalidValue('spec.policyTypes', goStrings('[]networking.PolicyType', types), 'may not specify more than two policyTypes')];
  for (const [index, type] of types.entries()) {
    if (type !== 'Ingress' && type !== 'Egress') errors.push(notSupported(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress']));
  }
  return errors;
}

const familyTexts: Readonly<Record<string, string>> = { IPv4: 'must be a valid IPv4 address', IPv6: 'must be a valid IPv6 address' };

function sliceAddress(address: string, type: string, field: string): FieldError[] {
  if (type === 'FQDN') return eachInvalid(field, address, dns1123Subdomain(address));
  const ip = parseIp(address);
  const family = type === 'IPv4' ? 4 : 6;
  const errors = familyTexts[type] !== undefined && ip?.family !== family ? [invalidValue(field, address, familyTexts[type] as string)] : [];
  return familyTexts[type] === undefined ? errors : [...errors, ...eachInvalid(field, address, nonSpecialIpProblems(address))];
}

function endpoint(one: JsonObject, field: string, type: string): FieldError[] {
  const addresses = strings(one, 'addresses');
  const errors = addresses.length === 0 ? [required(`${field}.addresses`, 'must contain at least 1 address')] : [];
  if (addresses.length > 100) errors.push({ type: 'TooMany', field: `${field}.addresses`, message: `Too many: ${addresses.length}: must have at most 100 items` });
  append(errors, addresses.flatMap((address, index) => sliceAddress(address, type, `${field}.addresses[${index}]`)));
  const hostname = str(one, 'hostname');
  const node = str(one, 'nodeName');
  if (has(one, 'nodeName')) append(errors, eachInvalid(`${field}.nodeName`, node, dns1123Subdomain(node)));
  if (has(one, 'hostname')) append(errors, eachInvalid(`${field}.hostname`, hostname, dns1123Label(hostname)));
  return [...errors, ...hints(one, `${field}.hints.forZones`)];
}

const mostZones = 8;

function hints(one: JsonObject, field: string): FieldError[] {
  const zones = objects(obj(one, 'hints'), 'forZones');
  const seen = new Set<string>();
  return [...(zones.length > mostZones ? [tooMany(field, zones.length, mostZones)] : []), ...each(zones, field, (zone, at) => {
    const name = str(zone, 'name');
    const errors = seen.has(name) ? [duplicate(`${at}.name`, name)] : [];
    seen.add(name);
    return [...errors, ...eachInvalid(`${at}.name`, name, labelValueProblems(name))];
  })];
}

function slicePorts(object: JsonObject): FieldError[] {
  const names = new Set<string>();
  return each(objects(object, 'ports'), 'ports', (port, at) => {
    const name = str(port, 'name');
    const errors = name === '' ? [] : eachInvalid(`${at}.name`, name, dns1123Label(name));
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    if (has(port, 'protocol')) append(errors, requireOneOf(str(port, 'protocol'), `${at}.protocol`, protocols, 'unsupported'));
    else errors.push(required(`${at}.protocol`));
    const app = str(port, 'appProtocol');
    return has(port, 'appProtocol') ? [...errors, ...eachInvalid(`${at}.appProtocol`, app, qualifiedNameProblems(app))] : errors;
  });
}

function endpointSlice(object: JsonObject): FieldError[] {
  const type = str(object, 'addressType');
  if (type === '') return [required('addressType')];
  const known = ['FQDN', 'IPv4', 'IPv6'];
  const errors = known.includes(type) ? [] : [notSupported('addressType', type, known)];
  const endpoints = objects(object, 'endpoints');
  if (endpoints.length > 1000) errors.push({ type: 'TooMany', field: 'endpoints', message: `Too many: ${endpoints.length}: must have at most 1000 items` });
  return [...errors, ...each(endpoints, 'endpoints', (one, at) => endpoint(one, at, type)), ...slicePorts(object)];
}

function endpointsAddress(one: JsonObject, field: string): FieldError[] {
  const ip = str(one, 'ip');
  const errors: FieldError[] = parseIp(ip) === undefined ? [invalidValue(`${field}.ip`, ip, ipText)] : [];
  const hostname = str(one, 'hostname');
  const node = str(one, 'nodeName');
  if (hostname !== '') append(errors, eachInvalid(`${field}.hostname`, hostname, dns1123Label(hostname)));
  if (has(one, 'nodeName')) append(errors, eachInvalid(`${field}.nodeName`, node, dns1123Subdomain(node)));
  return [...errors, ...eachInvalid(`${field}.ip`, ip, nonSpecialIpProblems(ip))];
}

function endpoints(object: JsonObject): FieldError[] {
  return each(objects(object, 'subsets'), 'subsets', (subset, at) => {
    const ports = objects(subset, 'ports');
    const errors: FieldError[] = [];
    if (list(subset, 'addresses').length === 0 && list(subset, 'notReadyAddresses').length === 0) errors.push(required(at, 'must specify `addresses` or `notReadyAddresses`'));
    for (const key of ['addresses', 'notReadyAddresses']) append(errors, each(objects(subset, key), `${at}.${key}`, endpointsAddress));
    return [...errors, ...each(ports, `${at}.ports`, (port, portAt) => {
      const name = str(port, 'name');
      const named = name === '' ? (ports.length > 1 ? [required(`${portAt}.name`)] : []) : eachInvalid(`${portAt}.name`, name, dns1123Label(name));
      const app = str(port, 'appProtocol');
      return [
        ...named, ...portNumber(num(port, 'port'), `${portAt}.port`), ...requireOneOf(str(port, 'protocol'), `${portAt}.protocol`, protocols, 'required'),
        ...(has(port, 'appProtocol') ? eachInvalid(`${portAt}.appProtocol`, app, qualifiedNameProblems(app)) : []),
      ];
    })];
  });
}

export const networkingValidators: Readonly<Record<string, Validator>> = {
  'ingresses.networking.k8s.io': { create: newIngress, update: (object, old) => ingress(object, ratchetOf(old)), updateStatus: ingressStatus },
  'ingressclasses.networking.k8s.io': {
    create: ingressClass,
    update: (object, old) => [...immutable({ controller: str(obj(object, 'spec'), 'controller') }, { controller: str(obj(old, 'spec'), 'controller') }, 'controller', 'spec'), ...ingressClass(object)],
  },
  'networkpolicies.networking.k8s.io': { create: networkPolicy, update: (object) => [...networkPolicy(object), ...networkPolicy(object)] },
  'endpointslices.discovery.k8s.io': { create: endpointSlice, update: (object, old) => [...endpointSlice(object), ...immutable(object, old, 'addressType', '')] },
  endpoints: { create: endpoints },
};
