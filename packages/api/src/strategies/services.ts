import { get, num, obj, objects, str } from '../validation/access.ts';
import { cloneJson, equalJson, setOwn } from '../patch/values.ts';
import type { JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';
import { keep } from './generic.ts';

function needsClusterIp(spec: JsonObject | undefined): boolean {
  return str(spec, 'type') !== 'ExternalName';
}

function needsNodePort(spec: JsonObject | undefined): boolean {
  return ['NodePort', 'LoadBalancer'].includes(str(spec, 'type'));
}

function needsHealthCheckPort(spec: JsonObject | undefined): boolean {
  return str(spec, 'type') === 'LoadBalancer' && str(spec, 'externalTrafficPolicy') === 'Local';
}

/** A writer that left out what the server once chose gets it back. */
function keepAllocations(spec: JsonObject, old: JsonObject): void {
  if (needsClusterIp(spec) && needsClusterIp(old) && str(spec, 'clusterIP') === '') {
    if (get(old, 'clusterIP') !== undefined) spec['clusterIP'] = str(old, 'clusterIP');
    if (objects(spec, 'clusterIPs').length === 0) keep(spec, old, 'clusterIPs');
  }
  if (needsNodePort(spec) && needsNodePort(old)) keepNodePorts(spec, old);
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(old) && num(spec, 'healthCheckNodePort') === 0) keep(spec, old, 'healthCheckNodePort');
}

function portId(port: JsonObject): string {
  return `${str(port, 'protocol') || 'TCP'}/${num(port, 'port')}`;
}

function keepNodePorts(spec: JsonObject, old: JsonObject): void {
  const before = new Map(objects(old, 'ports').map((port) => [portId(port), num(port, 'nodePort')]));
  const taken = new Set(objects(spec, 'ports').map((port) => num(port, 'nodePort')));
  for (const port of objects(spec, 'ports')) {
    const nodePort = before.get(portId(port)) ?? 0;
    if (num(port, 'nodePort') === 0 && nodePort !== 0 && !taken.has(nodePort)) port['nodePort'] = nodePort;
  }
}

function sameNodePorts(spec: JsonObject, old: JsonObject): boolean {
  const all = (list: JsonObject): number[] => objects(list, 'ports').map((port) => num(port, 'nodePort'));
  return equalJson(all(spec), all(old));
}

/** Changing the type alone must not leave behind what only the old type had. */
function dropTypeDependent(spec: JsonObject, old: JsonObject): void {
  if (needsClusterIp(old) && !needsClusterIp(spec)) {
    if (str(spec, 'clusterIP') === str(old, 'clusterIP')) for (const key of ['clusterIP', 'clusterIPs']) delete spec[key];
    dropUntouched(spec, old, ['ipFamilies', 'ipFamilyPolicy']);
  }
  if (needsNodePort(old) && !needsNodePort(spec)) dropUntouched(spec, old, ['externalTrafficPolicy']);
  if (needsNodePort(old) && !needsNodePort(spec) && sameNodePorts(spec, old)) {
    for (const port of objects(spec, 'ports')) delete port['nodePort'];
  }
  if (needsHealthCheckPort(old) && !needsHealthCheckPort(spec) && num(spec, 'healthCheckNodePort') === num(old, 'healthCheckNodePort')) delete spec['healthCheckNodePort'];
  if (str(old, 'type') !== 'LoadBalancer' || str(spec, 'type') === 'LoadBalancer') return;
  dropUntouched(spec, old, ['allocateLoadBalancerNodePorts', 'loadBalancerClass']);
}

function dropUntouched(spec: JsonObject, old: JsonObject, keys: readonly string[]): void {
  for (const key of keys) if (equalJson(get(spec, key) ?? null, get(old, key) ?? null)) delete spec[key];
}

/** Old clients know only clusterIP; the list follows it, and the other way round when it is cleared. */
function normalizeClusterIps(spec: JsonObject, old: JsonObject | undefined): void {
  const first = str(spec, 'clusterIP');
  const all = get(spec, 'clusterIPs');
  if (old === undefined) {
    if (first !== '' && all === undefined) spec['clusterIPs'] = [first];
    return;
  }
  const before = str(old, 'clusterIP');
  if (first === before) return;
  const sameList = equalJson(all ?? null, get(old, 'clusterIPs') ?? null);
  if (before !== '' && first === '' && sameList) delete spec['clusterIPs'];
  else if (first !== '' && sameList) setOwn(spec, 'clusterIPs', [first]);
}

export const serviceStrategy: Strategy = {
  prepareForCreate(service) {
    service['status'] = { loadBalancer: {} };
    const spec = obj(service, 'spec');
    if (spec !== undefined) normalizeClusterIps(spec, undefined);
  },
  prepareForUpdate(service, old, context) {
    if (context.subresource === 'status') {
      keep(service, old, 'spec');
      return;
    }
    keep(service, old, 'status');
    const spec = obj(service, 'spec');
    const before = obj(old, 'spec');
    if (spec === undefined || before === undefined) return;
    normalizeClusterIps(spec, before);
    keepAllocations(spec, before);
    dropTypeDependent(spec, before);
    if (str(before, 'type') === 'LoadBalancer' && str(spec, 'type') !== 'LoadBalancer') service['status'] = cloneJson({ ...obj(service, 'status'), loadBalancer: {} });
  },
  nameRule: 'dns1035-label',
  allowCreateOnUpdate: true,
};
