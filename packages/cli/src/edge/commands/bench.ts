import { UsageError, type FlagValues } from '@coxswain/service';
import { installPackages } from '../up/packages.ts';
import type { Tool } from '../../tool.ts';

const fullKeys = 1_000_000;
const quickKeys = 50_000;

const print = (line: string): void => { process.stdout.write(`${line}\n`); };

/** A number that was given, else the one for a full or a quick run. */
function or(flags: FlagValues, name: string, full: number, short: number): number {
  return flags.int(name) === 0 ? (flags.bool('quick') ? short : full) : flags.int(name);
}

async function store(flags: FlagValues): Promise<void> {
  const { benchStore, isInstalled } = await import('@coxswain/etcd-lite/bench');
  await installPackages(isInstalled('etcd') ? [] : ['etcd-server']);
  await benchStore({
    quick: flags.bool('quick'), repeats: or(flags, 'repeats', 3, 1), seconds: or(flags, 'seconds', 5, 1), keys: or(flags, 'keys', fullKeys, quickKeys), directory: flags.string('directory'),
    only: flags.string('only'), kinds: (['etcd', 'etcd-lite'] as const).filter((kind) => flags.strings('servers').includes(kind)), json: flags.string('json'), print,
  });
}

async function apiserver(flags: FlagValues): Promise<void> {
  const { benchApiServer } = await import('@coxswain/apiserver/bench');
  const small = or(flags, 'pods', 10_000, 2000);
  await benchApiServer({
    quick: flags.bool('quick'), nodes: or(flags, 'nodes', 5000, 500), pods: [small, Math.max(small, or(flags, 'pods-max', 100_000, 4000))], repeats: or(flags, 'repeats', 3, 1),
    seconds: or(flags, 'seconds', 5, 2), members: flags.int('members') === 1 ? 1 : 3, storeTls: flags.bool('store-tls'), server: flags.string('server'), token: flags.string('token'),
    pids: flags.strings('server-pids'), own: !flags.bool('only-server'), only: flags.string('only'), directory: flags.string('directory'), json: flags.string('json'),
    nodeArguments: flags.strings('node-arguments'), print,
  });
}

const targets = ['both', 'real', 'decisions'] as const;
const fullMinutes = 60;
const quickMinutes = 15;

async function scheduling(flags: FlagValues, words: readonly string[]): Promise<void> {
  const { benchScheduling, compareSchedulingReports } = await import('@coxswain/scheduler/bench');
  const [verb, before, after] = words;
  if (verb !== undefined) {
    if (verb !== 'compare' || before === undefined || after === undefined) throw new UsageError('usage: cox bench scheduling compare A.json B.json');
    print(compareSchedulingReports(before, after));
    return;
  }
  const target = targets.find((one) => one === flags.string('target'));
  if (target === undefined) throw new UsageError(`--target=${flags.string('target')}: ${targets.join(' or ')}`);
  const report = await benchScheduling({
    target, quick: flags.bool('quick'), minutes: or(flags, 'minutes', fullMinutes, quickMinutes), kubeconfig: flags.string('kubeconfig'), schedulerCommand: flags.string('scheduler-command'), schedulerName: flags.string('scheduler-name'), schedulerMetrics: flags.string('scheduler-metrics'), drain: flags.bool('drain'),
    nodes: or(flags, 'nodes', 5000, 500), repeats: or(flags, 'repeats', 3, 1), only: flags.string('only'), members: flags.int('members') === 1 ? 1 : 3,
    directory: flags.string('directory'), json: flags.string('json'), resume: flags.bool('resume'), html: flags.string('html'), nodeArguments: flags.strings('node-arguments'), print,
  });
  if (report.rows.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

const kinds: Readonly<Record<string, (flags: FlagValues, words: readonly string[]) => Promise<void>>> = { store, apiserver, scheduling };

export const bench: Tool = {
  usage: 'bench store|apiserver|scheduling [--quick]',
  summary: 'the store beside Debian\'s etcd, or the API server beside another one (--server), in turn on this machine, or scheduling by scheduler_perf\'s workloads: rates, latencies, memory; docs/benchmarks.md says how to read it',
  flags: {
    quick: { kind: 'bool', help: 'a few minutes: short runs, one round, small sizes' },
    repeats: { kind: 'int', default: 0, min: 0, max: 100, help: 'rounds, alternating who goes first; 0: 3, or 1 with --quick' },
    seconds: { kind: 'int', default: 0, min: 0, max: 600, help: 'length of a measurement; 0: 5, or with --quick 1 (store) or 2 (apiserver)' },
    keys: { kind: 'int', default: 0, min: 0, help: 'store: keys of 1 KiB of the large store; 0: 1,000,000, or 50,000 with --quick' },
    only: { kind: 'string', help: 'only work with this in its name' },
    servers: { kind: 'strings', default: ['etcd', 'etcd-lite'], help: 'store: which servers; with one of them no verdicts' },
    directory: { kind: 'string', default: '/var/tmp', help: 'where the members keep their data; not a tmpfs' },
    json: { kind: 'string', help: 'file for everything that was measured' },
    nodes: { kind: 'int', default: 0, min: 0, help: 'apiserver: nodes; scheduling: all sizes are so many 5,000ths of upstream\'s; 0: 5,000, or 500 with --quick' },
    pods: { kind: 'int', default: 0, min: 0, help: 'apiserver: pods of the small state; 0: 10,000, or 2,000 with --quick' },
    'pods-max': { kind: 'int', default: 0, min: 0, help: 'apiserver: pods of the large state; 0: 100,000, or 4,000 with --quick' },
    members: { kind: 'int', default: 3, min: 1, max: 3, help: 'apiserver, scheduling: members of its store: 1 or 3' },
    'store-tls': { kind: 'bool', default: false, help: 'apiserver: mutual TLS to and between the store\'s members' },
    server: { kind: 'string', help: 'apiserver: URL of another API server, measured in turn with ours by the same client' },
    token: { kind: 'string', help: 'apiserver: bearer token of an administrator there' },
    'server-pids': { kind: 'strings', help: 'apiserver: its process ids (the API server first), whose processor time and memory are told' },
    'only-server': { kind: 'bool', help: 'apiserver: measure only --server' },
    'node-arguments': { kind: 'strings', help: 'apiserver, scheduling: for Node of ours, such as --cpu-prof' },
    target: { kind: 'string', default: 'both', help: 'scheduling: real (API server, store and scheduler as processes), decisions (the scheduler in one process, without an API), or both: then, unless --quick, --only or --drain is given, on the real path once what no goal speaks of' },
    resume: { kind: 'bool', help: 'scheduling: rows that the file of --json has of an earlier run on this machine are not measured again' },
    minutes: { kind: 'int', default: 0, min: 0, help: 'scheduling: what has not begun by then is not measured and fails; 0: 60, or 15 with --quick' },
    drain: { kind: 'bool', help: 'scheduling: the scheduler is started when the measured pods are there' },
    kubeconfig: { kind: 'string', help: 'scheduling: a cluster to use instead of an own API server; what a run made there is deleted after it, but for namespaces, service accounts, priority classes and definitions' },
    'scheduler-command': { kind: 'string', help: 'scheduling: another scheduler, run by a shell with KUBECONFIG set' },
    'scheduler-name': { kind: 'string', default: 'default-scheduler', help: 'scheduling: the one that pods ask for' },
    'scheduler-metrics': { kind: 'string', help: 'scheduling: URL of the metrics of --scheduler-command, asked for with the token of --kubeconfig: attempts and how long decisions took' },
    html: { kind: 'string', help: 'scheduling: file for a report with plots' },
  },
  wordsMax: 4,
  run: async (flags, words) => {
    const run = Object.hasOwn(kinds, words[0] ?? '') ? kinds[words[0] ?? ''] : undefined;
    if (run === undefined) throw new UsageError(`cox bench measures: ${Object.keys(kinds).join(', ')}`);
    if (words.length > 1 && run !== scheduling) throw new UsageError(`unexpected argument ${JSON.stringify(words[1])}`);
    await run(flags, words.slice(1));
  },
};
