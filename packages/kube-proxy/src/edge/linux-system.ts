import { execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import type { IpFamily } from '../model/addresses.ts';
import type { ConntrackFilter } from '../model/conntrack.ts';
import type { ProxySystem } from '../system.ts';

const run = promisify(execFile);
const maxOutputBytes = 256 * 1024 * 1024;
/** Seconds to wait for the lock that other users of iptables may hold. */
const lockSeconds = '10';

const tool: Readonly<Record<IpFamily, string>> = { IPv4: 'iptables', IPv6: 'ip6tables' };

/** Rejects with what the program said. */
function pipeInto(program: string, args: readonly string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let errorText = '';
    child.stderr.on('data', (data: Buffer) => { errorText += data.toString(); });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program}: ${errorText.trim().slice(0, 2000)}`));
    });
    // A child that died early breaks the pipe; its exit says why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function conntrackArguments(filter: ConntrackFilter): string[] {
  return [
    '-D', '-p', filter.protocol,
    ...(filter.originalDestination === undefined ? [] : ['--orig-dst', filter.originalDestination]),
    ...(filter.destinationPort === undefined ? [] : ['--dport', String(filter.destinationPort)]),
    ...(filter.translatedDestination === undefined ? [] : ['--dst-nat', filter.translatedDestination]),
  ];
}

/**
 * iptables, sysctl and conntrack of the network namespace that this process runs in; with `prefix` (`ip netns exec NAME`) the
 * programs run in another one, sysctls excepted.
 */
export function createLinuxSystem(prefix: readonly string[] = []): ProxySystem {
  const command = (...words: readonly string[]): [string, string[]] => {
    const [program, ...args] = [...prefix, ...words];
    return [program as string, args];
  };
  const output = async (...words: readonly string[]): Promise<string> => (await run(...command(...words), { maxBuffer: maxOutputBytes })).stdout;
  return {
    randomFully: true,
    restore: (family, input) => pipeInto(...command(`${tool[family]}-restore`, '-w', lockSeconds, '--noflush'), input),
    save: (family) => output(`${tool[family]}-save`),
    async countRules(family, table, chain) {
      try {
        const text = await output(tool[family], '-w', lockSeconds, '-t', table, '-S', chain);
        return text.split('\n').filter((line) => line.startsWith('-A ')).length;
      } catch (error) {
        const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
        if (code === 1 && /No chain|does not exist|Incompatible/i.test(stderr)) return undefined;
        throw error;
      }
    },
    async setSysctl(name, value) {
      const path = `/proc/sys/${name.replaceAll('.', '/')}`;
      const before = (await readFile(path, 'utf8')).trim();
      if (before !== value) await writeFile(path, value);
    },
    localAddresses: async () => Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)),
    async deleteConnections(filter) {
      try {
        await output('conntrack', ...conntrackArguments(filter));
      } catch (error) {
        // Its way of saying that there was none.
        if (!/0 flow entries/.test((error as { stderr?: string }).stderr ?? '')) throw error;
      }
    },
  };
}
