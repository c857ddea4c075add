import { networksOverlap, networkText, parseNetwork, type IpNetwork } from '@coxswain/api';
import { resources } from '@coxswain/client';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { startTestCluster } from '../testing/cluster.ts';
import { startHollowNodes } from '../testing/hollow-nodes.ts';
import { CidrSet } from './cidr-set.ts';

const cidr = (text: string): IpNetwork => {
  const parsed = parseNetwork(text);
  if (parsed === undefined) throw new Error(`${text} is no range`);
  return parsed;
};

test('parts in turn; what is taken is not given, what was given back comes last', () => {
  const set = new CidrSet(cidr('10.244.0.0/22'), 24);
  set.occupy(cidr('10.244.1.0/24'));
  const next = (): string | undefined => {
    const given = set.allocate();
    return given === undefined ? undefined : networkText(given);
  };
  expect([next(), next()]).toEqual(['10.244.0.0/24', '10.244.2.0/24']);
  set.release(cidr('10.244.0.0/24'));
  expect([next(), next(), next()]).toEqual(['10.244.3.0/24', '10.244.0.0/24', undefined]);
});

test('no two parts overlap, nor with what is taken', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 18, max: 28 }), (byte, prefix) => {
    const set = new CidrSet(cidr('10.0.0.0/18'), 24);
    const taken = cidr(`10.0.${byte % 64}.${byte}/${prefix}`);
    set.occupy(taken);
    const all: IpNetwork[] = [taken];
    for (let part = set.allocate(); part !== undefined; part = set.allocate()) {
      for (const other of all) expect(networksOverlap(part, other)).toBe(false);
      all.push(part);
    }
  }), { seed: 7 });
});

test('in a cluster each node gets a range of its own', async () => {
  const cluster = await startTestCluster();
  try {
    await cluster.startManager({ allocateNodeCidrs: true, clusterCidrs: ['10.244.0.0/16'], serviceClusterIpRanges: ['10.96.0.0/16'] });
    await startHollowNodes(cluster.host, cluster.admin, ['n1', 'n2', 'n3'], cluster.signal);
    const nodes = await cluster.untilAll(resources.nodes, '', (all) => all.length === 3 && all.every((node) => node.spec?.podCIDR !== undefined));
    expect(new Set(nodes.map((node) => node.spec?.podCIDR))).toEqual(new Set(['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24']));
    expect(nodes.every((node) => node.spec?.podCIDRs?.[0] === node.spec?.podCIDR)).toBe(true);
  } finally {
    await cluster.stop();
  }
});
