import { UsageError } from '@coxswain/service';
import { installPackages } from '../up/packages.ts';
import type { Tool } from '../../tool.ts';

const fullKeys = 1_000_000;
const quickKeys = 50_000;

export const bench: Tool = {
  usage: 'bench store [--quick]',
  summary: 'the store beside Debian\'s etcd, one after the other on this machine: rates, latencies, memory, pauses; docs/benchmarks.md says how to read it',
  flags: {
    quick: { kind: 'bool', help: 'a few minutes: short runs, one round, 50,000 keys' },
    repeats: { kind: 'int', default: 0, min: 0, max: 100, help: 'rounds (etcd, etcd-lite; etcd-lite, etcd; …); 0: 3, or 1 with --quick' },
    seconds: { kind: 'int', default: 0, min: 0, max: 600, help: 'length of a measurement; 0: 5, or 1 with --quick' },
    keys: { kind: 'int', default: 0, min: 0, help: 'keys of 1 KiB of the large store; 0: 1,000,000, or 50,000 with --quick' },
    only: { kind: 'string', help: 'only work with this in its name' },
    servers: { kind: 'strings', default: ['etcd', 'etcd-lite'], help: 'which servers; with one of them no verdicts' },
    directory: { kind: 'string', default: '/var/tmp', help: 'where the members keep their data; not a tmpfs' },
    json: { kind: 'string', help: 'file for everything that was measured' },
  },
  wordsMax: 1,
  run: async (flags, words) => {
    if (words[0] !== 'store') throw new UsageError('cox bench measures: store');
    const { benchStore, isInstalled } = await import('@coxswain/etcd-lite/bench');
    await installPackages(isInstalled('etcd') ? [] : ['etcd-server']);
    const quick = flags.bool('quick');
    const or = (name: string, full: number, short: number): number => (flags.int(name) === 0 ? (quick ? short : full) : flags.int(name));
    await benchStore({
      quick, repeats: or('repeats', 3, 1), seconds: or('seconds', 5, 1), keys: or('keys', fullKeys, quickKeys), directory: flags.string('directory'), only: flags.string('only'),
      kinds: (['etcd', 'etcd-lite'] as const).filter((kind) => flags.strings('servers').includes(kind)), json: flags.string('json'), print: (line) => { process.stdout.write(`${line}\n`); },
    });
  },
};
