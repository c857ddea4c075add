import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Hosts on one machine: a network namespace each, joined by a bridge that this process is on too. */
const bridge = 'etcdchaos0';
const prefix = 'etcd-chaos-';
const network = '10.93.7';

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

function quietly(...args: string[]): void {
  try {
    ip(...args);
  } catch {
    // It is not there, which is what is wanted.
  }
}

export interface Namespace {
  readonly name: string;
  readonly address: string;
}

export function makeNamespaces(count: number): readonly Namespace[] {
  removeNamespaces(count);
  ip('link', 'add', bridge, 'type', 'bridge');
  ip('address', 'add', `${network}.254/24`, 'dev', bridge);
  ip('link', 'set', bridge, 'up');
  return Array.from({ length: count }, (_, at) => {
    const name = `${prefix}${at + 1}`;
    const [outer, inner] = [`ecv${at + 1}o`, `ecv${at + 1}i`];
    ip('netns', 'add', name);
    ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner);
    ip('link', 'set', inner, 'netns', name);
    ip('link', 'set', outer, 'master', bridge, 'up');
    ip('-n', name, 'address', 'add', `${network}.${at + 1}/24`, 'dev', inner);
    ip('-n', name, 'link', 'set', inner, 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
    return { name, address: `${network}.${at + 1}` };
  });
}

/** Also what an earlier run that was killed has left. */
export function removeNamespaces(count: number): void {
  for (let at = 0; at < count; at += 1) {
    quietly('link', 'delete', `ecv${at + 1}o`);
    if (existsSync(`/run/netns/${prefix}${at + 1}`)) quietly('netns', 'delete', `${prefix}${at + 1}`);
  }
  quietly('link', 'delete', bridge);
}

function rule(action: '-A' | '-D', at: Namespace, from: Namespace): void {
  execFileSync('ip', ['netns', 'exec', at.name, 'iptables', '-w', action, 'INPUT', '-s', from.address, '-j', 'DROP'], { stdio: 'pipe' });
}

/** `at` hears nothing of `from` any more; the other direction goes on. Returns how to end it. */
export function deafen(at: Namespace, from: Namespace): () => void {
  rule('-A', at, from);
  return () => { rule('-D', at, from); };
}

/** Both ways. */
export function separate(one: Namespace, others: readonly Namespace[]): () => void {
  const ends = others.flatMap((other) => [deafen(one, other), deafen(other, one)]);
  return () => { for (const end of ends) end(); };
}
