import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseCidr } from '../../cidr.ts';
import { apiserverAddresses, netnsPrefix, nodeHosts, type ClusterSettings, type NodeHost } from '../../settings.ts';
import { must, run } from '../shell.ts';

/** Holds the nodes of this machine together: the first node is the bridge itself, the others hang on it. */
export const bridge = 'cox0';
const chain = 'COX-NODES';

function prefixOf(settings: ClusterSettings): number {
  return parseCidr(settings.nodeCidr)?.prefix ?? 24;
}

async function makeBridge(settings: ClusterSettings): Promise<void> {
  if (!existsSync(`/sys/class/net/${bridge}`)) await must('ip', ['link', 'add', bridge, 'type', 'bridge']);
  const addresses = new Set([nodeHosts(settings)[0]?.address ?? '', ...apiserverAddresses(settings)]);
  for (const address of addresses) await must('ip', ['address', 'replace', `${address}/${prefixOf(settings)}`, 'dev', bridge]);
  await must('ip', ['link', 'set', bridge, 'up']);
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
}

function iptables(args: readonly string[]): Promise<string> {
  return must('iptables', ['-w', '10', ...args]);
}

/** Nodes in namespaces reach the rest of the world by the machine's own address. */
async function makeMasquerade(settings: ClusterSettings): Promise<void> {
  if ((await run('iptables', ['-w', '10', '-t', 'nat', '-n', '-L', chain])).code !== 0) await iptables(['-t', 'nat', '-N', chain]);
  await iptables(['-t', 'nat', '-F', chain]);
  for (const inside of [settings.nodeCidr, settings.podCidr]) await iptables(['-t', 'nat', '-A', chain, '-d', inside, '-j', 'RETURN']);
  await iptables(['-t', 'nat', '-A', chain, '-s', settings.nodeCidr, '-j', 'MASQUERADE']);
  if ((await run('iptables', ['-w', '10', '-t', 'nat', '-C', 'POSTROUTING', '-j', chain])).code !== 0) await iptables(['-t', 'nat', '-A', 'POSTROUTING', '-j', chain]);
}

function linkName(index: number): string {
  return `coxn${index}`;
}

/** True if the name stands for a namespace; after a crash it may be a plain file. */
function isNamespace(netns: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').some((line) => line.split(' ')[4] === `/run/netns/${netns}`);
}

async function makeNamespace(settings: ClusterSettings, node: NodeHost, gateway: string): Promise<void> {
  const netns = node.netns as string;
  const link = linkName(node.index);
  if (!isNamespace(netns)) {
    rmSync(`/run/netns/${netns}`, { force: true });
    await must('ip', ['netns', 'add', netns]);
  }
  const inside = (args: readonly string[]): Promise<string> => must('ip', ['-n', netns, ...args]);
  if (!existsSync(`/sys/class/net/${link}`)) {
    await must('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns]);
    await inside(['link', 'set', 'lo', 'up']);
  }
  await must('ip', ['link', 'set', link, 'master', bridge, 'up']);
  await inside(['address', 'replace', `${node.address}/${prefixOf(settings)}`, 'dev', 'eth0']);
  await inside(['link', 'set', 'eth0', 'up']);
  await inside(['route', 'replace', 'default', 'via', gateway]);
}

/** Can be repeated; what exists stays. */
export async function makeNetwork(settings: ClusterSettings): Promise<void> {
  await makeBridge(settings);
  const hosts = nodeHosts(settings);
  await makeMasquerade(settings);
  for (const node of hosts) if (node.netns !== undefined) await makeNamespace(settings, node, hosts[0]?.address ?? '');
}

async function removeNamespace(netns: string): Promise<void> {
  if (isNamespace(netns)) await must('ip', ['netns', 'delete', netns]);
  rmSync(`/run/netns/${netns}`, { force: true });
  await run('ip', ['link', 'delete', linkName(Number(netns.slice(netnsPrefix.length)))]);
}

/** Namespaces of nodes after the first that are there, also those that no settings name any more. */
function namespaces(): readonly string[] {
  return existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => /^cox-node-\d+$/.test(name)) : [];
}

/** Those of nodes that the cluster has no more. */
export async function removeNamespacesBut(nodes: readonly NodeHost[]): Promise<void> {
  for (const netns of namespaces()) if (!nodes.some((node) => node.netns === netns)) await removeNamespace(netns);
}

/** Leaves no interface, namespace or rule of ours behind. */
export async function removeNetwork(): Promise<void> {
  await removeNamespacesBut([]);
  for (const link of readdirSync('/sys/class/net').filter((name) => /^coxn\d+$/.test(name))) await run('ip', ['link', 'delete', link]);
  if (existsSync(`/sys/class/net/${bridge}`)) await must('ip', ['link', 'delete', bridge]);
  await run('iptables', ['-w', '10', '-t', 'nat', '-D', 'POSTROUTING', '-j', chain]);
  await run('iptables', ['-w', '10', '-t', 'nat', '-F', chain]);
  await run('iptables', ['-w', '10', '-t', 'nat', '-X', chain]);
}

/** argv that runs a program on a node. nsenter, since `ip netns exec` hides the cgroup mounts behind a new /sys. */
export function onNode(node: NodeHost, argv: readonly string[]): readonly string[] {
  return node.netns === undefined ? argv : ['nsenter', `--net=/run/netns/${node.netns}`, ...argv];
}
