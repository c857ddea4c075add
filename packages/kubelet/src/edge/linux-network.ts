import * as fs from 'node:fs/promises';
import type { NodeNetwork, Route } from '../system.ts';
import { runCommand } from './run-command.ts';

/** Routes of ours carry this protocol number, so that only they are listed and removed. */
const routeProtocol = '201';
const chain = 'KUBENET-POSTROUTING';

interface IpRoute { dst: string; gateway?: string; dev?: string; prefsrc?: string }
interface IpAddress { ifname: string; addr_info: { family: string; local: string; scope: string }[] }

async function ip(...args: string[]): Promise<string> {
  return runCommand('ip', args);
}

async function primaryAddress(): Promise<string | undefined> {
  const routes = JSON.parse(await ip('-j', '-4', 'route', 'show', 'default').catch(() => '[]') || '[]') as IpRoute[];
  const links = JSON.parse(await ip('-j', '-4', 'addr', 'show', 'scope', 'global')) as IpAddress[];
  const preferred = routes[0]?.prefsrc;
  if (preferred !== undefined) return preferred;
  const link = links.find((candidate) => candidate.ifname === routes[0]?.dev) ?? links[0];
  return link?.addr_info.find((address) => address.family === 'inet')?.local;
}

async function listRoutes(): Promise<readonly Route[]> {
  const routes = JSON.parse(await ip('-j', '-4', 'route', 'show', 'proto', routeProtocol) || '[]') as IpRoute[];
  return routes.map((route) => ({ cidr: route.dst.includes('/') ? route.dst : `${route.dst}/32`, via: route.gateway ?? '' }));
}

async function iptables(...args: string[]): Promise<void> {
  await runCommand('iptables', ['-w', '5', '-t', 'nat', ...args]);
}

async function ensureJump(): Promise<void> {
  const rule = ['-m', 'comment', '--comment', 'kubenet', '-j', chain];
  await iptables('-C', 'POSTROUTING', ...rule).catch(() => iptables('-A', 'POSTROUTING', ...rule));
}

/** Returns come before the masquerade, so that a half-made chain lets traffic through with its own address at worst. */
async function ensureMasquerade(podCidr: string, clusterCidrs: readonly string[]): Promise<void> {
  await iptables('-N', chain).catch(() => undefined);
  await iptables('-F', chain);
  await iptables('-A', chain, '!', '-s', podCidr, '-j', 'RETURN');
  for (const cidr of clusterCidrs) await iptables('-A', chain, '-d', cidr, '-j', 'RETURN');
  await iptables('-A', chain, '-m', 'addrtype', '!', '--dst-type', 'LOCAL', '-j', 'MASQUERADE');
  await ensureJump();
}

async function removeMasquerade(): Promise<void> {
  await iptables('-D', 'POSTROUTING', '-m', 'comment', '--comment', 'kubenet', '-j', chain).catch(() => undefined);
  await iptables('-F', chain).catch(() => undefined);
  await iptables('-X', chain).catch(() => undefined);
}

/** Chains that the portmap plugin makes at the first hostPort and never takes away. */
const portChains = { dnat: 'CNI-HOSTPORT-DNAT', masquerade: 'CNI-HOSTPORT-MASQ', mark: 'CNI-HOSTPORT-SETMARK' } as const;

/** Only when no pod, ours or of another runtime on this machine, is mapped any more. */
async function removePortMappings(): Promise<void> {
  const rules = await runCommand('iptables', ['-w', '5', '-t', 'nat', '-S']).catch(() => '');
  if (rules.split('\n').some((rule) => rule.startsWith(`-A ${portChains.dnat} `))) return;
  const local = ['-m', 'addrtype', '--dst-type', 'LOCAL', '-j', portChains.dnat];
  const jumps: readonly (readonly string[])[] = [
    ['PREROUTING', ...local], ['OUTPUT', ...local],
    ['POSTROUTING', '-m', 'comment', '--comment', 'CNI portfwd requiring masquerade', '-j', portChains.masquerade],
  ];
  // What is not there need not go.
  for (const jump of jumps) await iptables('-D', ...jump).catch(() => undefined);
  for (const name of Object.values(portChains)) {
    if (!rules.includes(`-N ${name}\n`)) continue;
    await iptables('-F', name);
    await iptables('-X', name);
  }
}

export const linuxNetwork: NodeNetwork = {
  primaryAddress, listRoutes, ensureMasquerade, removeMasquerade, removePortMappings,
  enableForwarding: () => fs.writeFile('/proc/sys/net/ipv4/ip_forward', '1'),
  replaceRoute: async (route) => { await ip('route', 'replace', route.cidr, 'via', route.via, 'proto', routeProtocol); },
  removeRoute: async (route) => { await ip('route', 'del', route.cidr, 'proto', routeProtocol); },
};
