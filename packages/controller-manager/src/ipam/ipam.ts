import { networkText, parseNetwork, type IpNetwork } from '@coxswain/api';
import { done, resources, splitKey, type SyncResult } from '@coxswain/client';
import type { Node } from 'kubernetes-types/core/v1';
import { nameOf } from '../common/object.ts';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller, ControllerContext } from '../types.ts';
import { CidrSet } from './cidr-set.ts';

const name = 'node-ipam-controller';

/** Gives each node its own part of the pods' range. */
export const ipamController: Controller = {
  name, account: 'node-controller',
  start: (context) => {
    if (!context.config.allocateNodeCidrs) return undefined;
    const sets = setsOf(context);
    const nodes = context.informers.informer(resources.nodes);
    const loop = newLoop(context, name);
    const reserved: Reserved = new Map();
    const occupy = (node: Node): void => forEach(sets, node, (set, cidr) => set.occupy(cidr));
    nodes.addHandler({
      added: (node) => {
        occupy(node);
        loop.enqueue(node);
      },
      updated: (_before, node) => {
        occupy(node);
        loop.enqueue(node);
      },
      deleted: (node) => {
        forEach(sets, node, (set, cidr) => set.release(cidr));
        loop.enqueue(node);
      },
    });
    return runLoop(context, name, loop, (key) => sync(context, sets, reserved, key, nodes.lister.get(splitKey(key))), 1);
  },
};

function setsOf(context: ControllerContext): CidrSet[] {
  const { clusterCidrs, nodeCidrMaskSize, serviceClusterIpRanges } = context.config;
  return clusterCidrs.map((text) => {
    const range = parseNetwork(text);
    if (range === undefined) throw new Error(`--cluster-cidr: ${JSON.stringify(text)} is no range of addresses`);
    const prefix = range.family === 'IPv6' ? nodeCidrMaskSize.ipv6 : nodeCidrMaskSize.ipv4;
    if (!CidrSet.isPossible(range, prefix)) throw new Error(`--cluster-cidr: ${text} cannot be cut into parts of /${prefix}; see --node-cidr-mask-size`);
    const set = new CidrSet(range, prefix);
    for (const services of serviceClusterIpRanges.map(parseNetwork)) if (services !== undefined) set.occupy(services);
    return set;
  });
}

function cidrsOf(node: Node): readonly IpNetwork[] {
  return (node.spec?.podCIDRs ?? (node.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR])).flatMap((text) => parseNetwork(text) ?? []);
}

function forEach(sets: readonly CidrSet[], node: Node, act: (set: CidrSet, cidr: IpNetwork) => void): void {
  for (const cidr of cidrsOf(node)) for (const set of sets) if (set.range.family === cidr.family) act(set, cidr);
}

/** What was taken from the sets for a node whose patch has not succeeded yet; a retry uses it again. */
type Reserved = Map<string, readonly { readonly set: CidrSet; readonly cidr: IpNetwork }[]>;

/** All families or none. */
function reserve(sets: readonly CidrSet[]): { readonly set: CidrSet; readonly cidr: IpNetwork }[] | undefined {
  const given: { readonly set: CidrSet; readonly cidr: IpNetwork }[] = [];
  for (const set of sets) {
    const cidr = set.allocate();
    if (cidr === undefined) {
      for (const taken of given) taken.set.release(taken.cidr);
      return undefined;
    }
    given.push({ set, cidr });
  }
  return given;
}

async function sync(context: ControllerContext, sets: readonly CidrSet[], reserved: Reserved, key: string, node: Node | undefined): Promise<SyncResult> {
  const before = reserved.get(key);
  if (node === undefined || cidrsOf(node).length > 0) {
    const own = node === undefined ? [] : cidrsOf(node).map(networkText);
    for (const { set, cidr } of before ?? []) if (!own.includes(networkText(cidr))) set.release(cidr);
    reserved.delete(key);
    return done;
  }
  const given = before ?? reserve(sets);
  if (given === undefined) {
    context.recorder.event(node, 'Normal', 'CIDRNotAvailable', `Node ${nameOf(node)} status is now: CIDRNotAvailable`);
    return { kind: 'retry-after', delayMs: 30_000 };
  }
  reserved.set(key, given);
  const podCIDRs = given.map(({ cidr }) => networkText(cidr));
  // The resourceVersion makes it fail if somebody else has given a range meanwhile.
  await context.client.patch(resources.nodes, { name: nameOf(node) }, 'merge', {
    metadata: { uid: node.metadata?.uid, resourceVersion: node.metadata?.resourceVersion }, spec: { podCIDR: podCIDRs[0], podCIDRs },
  });
  context.host.log.info('node has its range', { node: nameOf(node), podCIDRs });
  return done;
}
