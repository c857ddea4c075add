import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { Service } from 'kubernetes-types/core/v1';
import { defaultProxyConfig } from '../src/config.ts';
import { createLinuxSystem } from '../src/edge/linux-system.ts';
import { cleanUp, IptablesBackend } from '../src/iptables/backend.ts';
import { service, slice } from '../src/iptables/testing.ts';
import { buildModel } from '../src/model/model.ts';

const id = `cxp${process.pid}`;
const nodeSpace = `${id}n`;
/** Hosts behind the node, one network each. */
const hosts = { client: '10.231.1.2', one: '10.231.2.2', two: '10.231.3.2' } as const;
type HostName = keyof typeof hosts;
const spaceOf = (name: HostName): string => `${id}${name}`;
const peer = fileURLToPath(new URL('./support/peer.ts', import.meta.url));
const children: ChildProcess[] = [];
const available = process.getuid?.() === 0;
if (!available) console.log('kube-proxy traffic tests are skipped: not root');

function ip(...args: readonly string[]): string {
  // Without the environment: it may name a proxy for HTTP.
  return execFileSync('ip', args, { encoding: 'utf8', env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'pipe'] });
}

function inSpace(space: string, ...words: readonly string[]): string {
  return ip('netns', 'exec', space, ...words);
}

function makeHost(name: HostName): void {
  const [space, address] = [spaceOf(name), hosts[name]];
  const gateway = address.replace(/2$/, '1');
  const [outer, inner] = [`${name}0`, 'eth0'];
  ip('netns', 'add', space);
  ip('-n', nodeSpace, 'link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', space);
  ip('-n', nodeSpace, 'addr', 'add', `${gateway}/24`, 'dev', outer);
  ip('-n', nodeSpace, 'link', 'set', outer, 'up');
  ip('-n', space, 'addr', 'add', `${address}/24`, 'dev', inner);
  ip('-n', space, 'link', 'set', inner, 'up');
  ip('-n', space, 'link', 'set', 'lo', 'up');
  ip('-n', space, 'route', 'add', 'default', 'via', gateway);
}

async function serve(name: HostName): Promise<void> {
  const child = spawn('ip', ['netns', 'exec', spaceOf(name), process.execPath, peer, 'serve', name, '8080'], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
}

/** Each answer: status, who answered, whom it saw; or an error's code. */
function fetchFrom(space: string, address: string, port: number, times = 1): string[][] {
  return JSON.parse(inSpace(space, process.execPath, peer, 'get', String(times), address, String(port))) as string[][];
}

/** Who answers at all in many tries; errors by their code. */
function seenFrom(space: string, address: string, port: number, times = 24): string[] {
  return [...new Set(fetchFrom(space, address, port, times).map(([status = '', name]) => name ?? status))].toSorted();
}

const system = { ...createLinuxSystem(['ip', 'netns', 'exec', nodeSpace]), localAddresses: async () => Object.values(hosts).map((address) => address.replace(/2$/, '1')) };
const config = { ...defaultProxyConfig, nodeName: 'here', clusterCidr: '10.231.0.0/16' };
const host = createRealHost(silentLogger);
const backend = new IptablesBackend(host, system, config);

function sync(services: readonly Service[], slices: readonly EndpointSlice[]): Promise<unknown> {
  return backend.sync(buildModel(services, slices, { family: 'IPv4', nodeName: 'here', zone: '' }));
}

const web = (more: Partial<Service['spec']> = {}): Service =>
  service('default/web', { clusterIP: '10.96.7.7', type: 'NodePort', ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }], ...more });
const backends = (...names: readonly HostName[]): EndpointSlice => slice('default/web', { port: 8080 }, names.map((name) => ({ ip: hosts[name], node: 'here' })));

beforeAll(async () => {
  if (!available) return;
  ip('netns', 'add', nodeSpace);
  ip('-n', nodeSpace, 'link', 'set', 'lo', 'up');
  inSpace(nodeSpace, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet');
  for (const name of ['client', 'one', 'two'] as const) makeHost(name);
  // As any machine has one: packets to service addresses are routed before they are translated or refused.
  ip('-n', nodeSpace, 'route', 'add', 'default', 'via', hosts.two);
  await serve('one');
  await serve('two');
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const space of [...(['client', 'one', 'two'] as const).map(spaceOf), nodeSpace]) {
    try {
      ip('netns', 'del', space);
    } catch (error) {
      if (available) console.log(`namespace ${space} is left: ${String(error)}`);
    }
  }
});

test.skipIf(!available)('a service address reaches every endpoint and nothing else', async () => {
  await sync([web()], [backends('one', 'two')]);
  expect(seenFrom(spaceOf('client'), '10.96.7.7', 80)).toEqual(['one', 'two']);
  await sync([web()], [backends('two')]);
  expect(seenFrom(spaceOf('client'), '10.96.7.7', 80, 8)).toEqual(['two']);
});

test.skipIf(!available)('node ports answer from outside, on the node itself and on its loopback', async () => {
  await sync([web()], [backends('one', 'two')]);
  expect(seenFrom(spaceOf('client'), '10.231.1.1', 30080)).toEqual(['one', 'two']);
  expect(seenFrom(nodeSpace, '10.231.2.1', 30080)).toEqual(['one', 'two']);
  expect(seenFrom(nodeSpace, '127.0.0.1', 30080)).toEqual(['one', 'two']);
  expect(seenFrom(nodeSpace, '10.96.7.7', 80)).toEqual(['one', 'two']);
});

test.skipIf(!available)('a pod reaches itself through its service', async () => {
  await sync([web()], [backends('one')]);
  expect(seenFrom(spaceOf('one'), '10.96.7.7', 80, 4)).toEqual(['one']);
});

test.skipIf(!available)('session affinity keeps a client at one endpoint', async () => {
  await sync([web({ sessionAffinity: 'ClientIP' })], [backends('one', 'two')]);
  expect(seenFrom(spaceOf('client'), '10.96.7.7', 80)).toHaveLength(1);
});

test.skipIf(!available)('without endpoints a client is refused at once', async () => {
  await sync([web()], [backends()]);
  expect(fetchFrom(spaceOf('client'), '10.96.7.7', 80)).toEqual([['ECONNREFUSED']]);
  expect(fetchFrom(nodeSpace, '127.0.0.1', 30080)).toEqual([['ECONNREFUSED']]);
});

test.skipIf(!available)('external addresses, load balancer addresses and their source ranges', async () => {
  const balanced = service('default/web', {
    clusterIP: '10.96.7.7', type: 'LoadBalancer', externalIPs: ['198.51.100.1'], loadBalancerSourceRanges: ['10.231.1.0/24'], ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }],
  }, { loadBalancer: { ingress: [{ ip: '198.51.100.2' }] } });
  await sync([balanced], [backends('one', 'two')]);
  expect(seenFrom(spaceOf('client'), '198.51.100.1', 80)).toEqual(['one', 'two']);
  expect(seenFrom(spaceOf('client'), '198.51.100.2', 80)).toEqual(['one', 'two']);
  expect(fetchFrom(spaceOf('one'), '198.51.100.2', 80)).toEqual([['TIMEOUT']]);
});

test.skipIf(!available)('policy Local keeps the address of a client from outside', async () => {
  const own = { ...config, clusterCidr: '10.231.2.0/23' };
  const local = new IptablesBackend(host, system, own);
  const place = async (policy: 'Local' | 'Cluster'): Promise<void> => {
    await local.sync(buildModel([web({ externalTrafficPolicy: policy })], [backends('one')], { family: 'IPv4', nodeName: 'here', zone: '' }));
  };
  await place('Local');
  expect(fetchFrom(spaceOf('client'), '10.231.1.1', 30080)).toEqual([['200', 'one', hosts.client]]);
  await place('Cluster');
  expect(fetchFrom(spaceOf('client'), '10.231.1.1', 30080)).toEqual([['200', 'one', '10.231.2.1']]);
  backend.forget();
});

test.skipIf(!available)('a UDP client that never pauses is moved when its endpoint goes', async () => {
  const udp = (names: readonly HostName[]): Promise<unknown> => sync(
    [service('default/echo', { clusterIP: '10.96.8.8', ports: [{ port: 53, protocol: 'UDP' }] })],
    [slice('default/echo', { port: 8080, protocol: 'UDP' }, names.map((name) => ({ ip: hosts[name] })))]);
  const child = spawn('ip', ['netns', 'exec', spaceOf('client'), process.execPath, peer, 'udp', '10.96.8.8', '53'], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (): Promise<unknown> => { child.stdin.write('\n'); return (await answers.next()).value; };
  await udp([]);
  expect(await ask()).toBe('none');
  await udp(['one']);
  expect(await ask()).toBe('one');
  await udp(['two']);
  expect(await ask()).toBe('two');
  child.stdin.end();
});

test.skipIf(!available)('chains of services that are gone are deleted', async () => {
  await sync([web()], [backends('one', 'two')]);
  expect(await system.save('IPv4')).toMatch(/KUBE-SVC-.*KUBE-SEP-/s);
  await sync([], []);
  expect(await system.save('IPv4')).not.toMatch(/KUBE-(SVC|SEP|EXT)-/);
});

test.skipIf(!available)('flushed rules are noticed and put back; jumps are never doubled', async () => {
  await sync([web()], [backends('one')]);
  expect(await backend.intact()).toBe(true);
  inSpace(nodeSpace, 'iptables', '-t', 'nat', '-F');
  expect(await backend.intact()).toBe(false);
  backend.forget();
  await sync([web()], [backends('one')]);
  expect(seenFrom(spaceOf('client'), '10.96.7.7', 80, 1)).toEqual(['one']);
  const afterRestart = new IptablesBackend(host, system, config);
  await afterRestart.sync(buildModel([web()], [backends('one')], { family: 'IPv4', nodeName: 'here', zone: '' }));
  const jumps = (await system.save('IPv4')).split('\n').filter((line) => /^-A (INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING) /.test(line));
  expect(jumps).toHaveLength(new Set(jumps).size);
  expect(jumps).toHaveLength(14);
});

test.skipIf(!available)('a sync that cannot be applied changes nothing', async () => {
  await sync([web()], [backends('one')]);
  const before = await system.save('IPv4');
  const broken = new IptablesBackend(host, { ...system, restore: (family, input) => system.restore(family, input.replace('-j MASQUERADE --random-fully', '-j NO-SUCH-CHAIN')) }, config);
  await expect(broken.sync(buildModel([], [], { family: 'IPv4', nodeName: 'here', zone: '' }))).rejects.toThrow(/NO-SUCH-CHAIN/);
  const rulesOf = (text: string, table: string): string => (text.split(`*${table}\n`)[1] ?? '').split('COMMIT')[0]?.replaceAll(/\[\d+:\d+\]/g, '') ?? '';
  expect(rulesOf(await system.save('IPv4'), 'nat')).toBe(rulesOf(before, 'nat'));
});

test.skipIf(!available)('clean-up leaves nothing, and other rules alone', async () => {
  inSpace(nodeSpace, 'iptables', '-A', 'FORWARD', '-m', 'comment', '--comment', 'not ours', '-j', 'ACCEPT');
  await sync([web()], [backends('one')]);
  await cleanUp(system);
  const left = await system.save('IPv4');
  expect(left).not.toContain('KUBE-');
  expect(left).toContain('not ours');
  await cleanUp(system);
});
