import { createRealHost } from '@coxswain/host/edge';
import { silentLogger } from '@coxswain/host';
import { expect, test } from 'vitest';
import { buildModel } from '../model/model.ts';
import { servicePortsOf } from '../model/service-port.ts';
import { ChainNames } from './chain-names.ts';
import { nothingInstalled } from './jumps.ts';
import { render } from './render.ts';
import { service, slice, testOptions, type TestEndpoint } from './testing.ts';
import type { ServiceSpec } from 'kubernetes-types/core/v1';

const names = new ChainNames(createRealHost(silentLogger).crypto);

function rulesOf(spec: Partial<ServiceSpec>, endpoints: readonly TestEndpoint[], options = testOptions, status = {}): { nat: string[]; filter: string[] } {
  const ports = [{ name: 'p80', port: 80, protocol: 'TCP', ...(spec.type === 'NodePort' || spec.type === 'LoadBalancer' ? { nodePort: 3001 } : {}) }];
  const model = buildModel([service('ns1/svc1', { clusterIP: '172.30.0.41', ports, ...spec }, status)], [slice('ns1/svc1', { name: 'p80', port: 80 }, endpoints)], { family: 'IPv4', nodeName: 'here', zone: 'a' });
  const { text } = render(model, options, names, nothingInstalled);
  const [filter = '', nat = ''] = text.split('COMMIT\n').map((table) => table);
  const rules = (table: string): string[] => table.split('\n').filter((line) => line.startsWith('-A ') && line.includes('ns1/svc1'));
  return { nat: rules(nat), filter: rules(filter) };
}

/** Names that every Kubernetes cluster with these services has (iptables-save of real nodes, kube-proxy's own tests). */
test.each([
  ['default/kubernetes', 'https', 'TCP', 'KUBE-SVC-NPX46M4PTMTKRN6Y'],
  ['kube-system/kube-dns', 'dns', 'UDP', 'KUBE-SVC-TCOU7JCQXEZGVUNU'],
  ['kube-system/kube-dns', 'dns-tcp', 'TCP', 'KUBE-SVC-ERIFXISQEP7F7OF4'],
  ['ns1/svc1', 'p80', 'TCP', 'KUBE-SVC-XPGD46QRK7WJZT7O'],
])('chain of %s %s', (name, portName, protocol, chain) => {
  const [port] = servicePortsOf(service(name, { clusterIP: '10.0.0.1', ports: [{ name: portName, port: 1, protocol }] }), 'IPv4');
  expect(port === undefined ? undefined : names.service(port).cluster).toBe(chain);
});

test('an endpoint has the chain upstream gives it', () => {
  const [port] = servicePortsOf(service('ns1/svc1', { clusterIP: '10.0.0.1', ports: [{ name: 'p80', port: 80, protocol: 'TCP' }] }), 'IPv4');
  expect(port === undefined ? undefined : names.endpoint(port, '10.180.0.1:80')).toBe('KUBE-SEP-SXIVWICOYRO3J4NJ');
});

/** The rules that kube-proxy's documentation and iptables-save of real clusters show for such a service. */
test('cluster address over three endpoints: each with the same chance', () => {
  const { nat } = rulesOf({}, [{ ip: '10.180.0.1' }, { ip: '10.180.0.2' }, { ip: '10.180.0.3' }]);
  const svc = 'KUBE-SVC-XPGD46QRK7WJZT7O';
  expect(nat.slice(0, 2)).toEqual([
    `-A KUBE-SERVICES -m comment --comment "ns1/svc1:p80 cluster IP" -m tcp -p tcp -d 172.30.0.41 --dport 80 -j ${svc}`,
    `-A ${svc} -m comment --comment "ns1/svc1:p80 cluster IP" -m tcp -p tcp -d 172.30.0.41 --dport 80 ! -s 10.0.0.0/8 -j KUBE-MARK-MASQ`,
  ]);
  const balancing = nat.filter((rule) => rule.startsWith(`-A ${svc}`) && rule.includes('->'));
  expect(balancing.map((rule) => /--probability ([\d.]+)/.exec(rule)?.[1])).toEqual(['0.3333333333', '0.5000000000', undefined]);
  expect(nat).toContain('-A KUBE-SEP-SXIVWICOYRO3J4NJ -m comment --comment "ns1/svc1:p80" -s 10.180.0.1 -j KUBE-MARK-MASQ');
  expect(nat).toContain('-A KUBE-SEP-SXIVWICOYRO3J4NJ -m comment --comment "ns1/svc1:p80" -m tcp -p tcp -j DNAT --to-destination 10.180.0.1:80');
});

test('no endpoint at all: refused on every way in', () => {
  const { nat, filter } = rulesOf({ type: 'NodePort', externalIPs: ['1.2.3.4'] }, []);
  expect(nat).toEqual([]);
  expect(filter).toEqual([
    '-A KUBE-SERVICES -m comment --comment "ns1/svc1:p80 has no endpoints" -m tcp -p tcp -d 172.30.0.41 --dport 80 -j REJECT',
    '-A KUBE-EXTERNAL-SERVICES -m comment --comment "ns1/svc1:p80 has no endpoints" -m tcp -p tcp -d 1.2.3.4 --dport 80 -j REJECT',
    '-A KUBE-EXTERNAL-SERVICES -m comment --comment "ns1/svc1:p80 has no endpoints" -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 3001 -j REJECT',
  ]);
});

test('policy Local without an endpoint here: dropped from outside, served inside', () => {
  const { nat, filter } = rulesOf({ type: 'NodePort', externalTrafficPolicy: 'Local' }, [{ ip: '10.180.0.1', node: 'elsewhere' }]);
  expect(filter).toEqual(['-A KUBE-EXTERNAL-SERVICES -m comment --comment "ns1/svc1:p80 has no local endpoints" -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 3001 -j DROP']);
  expect(nat.some((rule) => rule.startsWith('-A KUBE-SERVICES') && rule.endsWith('KUBE-SVC-XPGD46QRK7WJZT7O'))).toBe(true);
  expect(nat.some((rule) => rule.includes('KUBE-SVL-'))).toBe(false);
});

test('policy Local with an endpoint here: no masquerading of outside traffic, only the local endpoint', () => {
  const { nat } = rulesOf({ type: 'NodePort', externalTrafficPolicy: 'Local' }, [{ ip: '10.180.0.1', node: 'here' }, { ip: '10.180.0.2', node: 'elsewhere' }]);
  const local = nat.filter((rule) => rule.startsWith('-A KUBE-SVL-'));
  expect(local).toHaveLength(1);
  expect(local[0]).toContain('ns1/svc1:p80 -> 10.180.0.1:80');
  expect(nat.filter((rule) => rule.startsWith('-A KUBE-EXT-') && rule.endsWith('KUBE-MARK-MASQ')).every((rule) => rule.includes('--src-type LOCAL'))).toBe(true);
});

test('endpoints that end take traffic only while no other can', () => {
  const ending = { ip: '10.180.0.1', conditions: { ready: false, serving: true, terminating: true } };
  const alone = rulesOf({}, [ending]).nat.filter((rule) => rule.includes('DNAT'));
  expect(alone).toHaveLength(1);
  const withOther = rulesOf({}, [ending, { ip: '10.180.0.2' }]).nat.filter((rule) => rule.includes('DNAT'));
  expect(withOther.map((rule) => rule.split(' ').at(-1))).toEqual(['10.180.0.2:80']);
});

test('zone hints count if every endpoint has one', () => {
  const spec = { trafficDistribution: 'PreferClose' } as Partial<ServiceSpec>;
  const targets = (zones: readonly (readonly string[])[]): (string | undefined)[] => rulesOf(spec, zones.map((zone, i) => ({ ip: `10.180.0.${i + 1}`, zones: zone })))
    .nat.filter((rule) => rule.includes('DNAT')).map((rule) => rule.split(' ').at(-1));
  expect(targets([['a'], ['b']])).toEqual(['10.180.0.1:80']);
  expect(targets([['a'], []])).toEqual(['10.180.0.1:80', '10.180.0.2:80']);
  expect(targets([['b'], ['c']])).toEqual(['10.180.0.1:80', '10.180.0.2:80']);
});

test('restricted load balancer addresses pass their firewall chain', () => {
  const { nat, filter } = rulesOf({ type: 'LoadBalancer', loadBalancerSourceRanges: ['203.0.113.0/25'] }, [{ ip: '10.180.0.1' }], testOptions, { loadBalancer: { ingress: [{ ip: '5.6.7.8' }] } });
  expect(nat).toContain('-A KUBE-SERVICES -m comment --comment "ns1/svc1:p80 loadbalancer IP" -m tcp -p tcp -d 5.6.7.8 --dport 80 -j KUBE-FW-XPGD46QRK7WJZT7O');
  expect(nat).toContain('-A KUBE-FW-XPGD46QRK7WJZT7O -m comment --comment "ns1/svc1:p80 loadbalancer IP" -s 203.0.113.0/25 -j KUBE-EXT-XPGD46QRK7WJZT7O');
  expect(filter).toContain('-A KUBE-PROXY-FIREWALL -m comment --comment "ns1/svc1:p80 traffic not accepted by KUBE-FW-XPGD46QRK7WJZT7O" -m tcp -p tcp -d 5.6.7.8 --dport 80 -j DROP');
});
