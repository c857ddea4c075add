import { readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chooseHistory, inspectDataDir, replayDataDir, restoreSnapshot, streamState, type DataDir, type RecoveryPlan } from '@coxswain/etcd-lite/offline';
import { silentLogger, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { UsageError, type FlagValues } from '@coxswain/service';
import type { Tool } from '../../../tool.ts';
import { confirm, yesFlag } from './confirm.ts';

/** When the last of its log was written. */
function lastWrite(dataDir: string): Date {
  const wal = join(dataDir, 'member', 'wal');
  return new Date(Math.max(...readdirSync(wal).map((name) => statSync(join(wal, name)).mtimeMs)));
}

function describe(data: DataDir): string {
  const name = data.membership.members.find((member) => member.id === data.memberId)?.name ?? '';
  return `${data.dataDir}: member ${name === '' ? '' : `${name} `}(${data.memberId.toString(16)}), log up to entry ${data.last.index} of term ${data.last.term}, knew ${data.commit} to be committed, last written ${lastWrite(data.dataDir).toISOString()}`;
}

function explain(plan: RecoveryPlan, survivors: readonly DataDir[], keep: boolean): readonly string[] {
  const since = new Date(Math.max(...survivors.map((one) => lastWrite(one.dataDir).getTime())));
  return [
    ...survivors.map(describe),
    `chosen: ${plan.chosen.dataDir}, whose history is the longest that could have been agreed on`,
    `last entry known to be committed: ${plan.knownCommitted}; ${plan.beyond} beyond it, which ${keep ? 'are KEPT: any of them may have been acknowledged' : 'are DROPPED, though some may have been acknowledged'}`,
    plan.complete ? `${plan.survivors} of ${plan.voters} voting members: every acknowledged write is among what they have`
      : `${plan.survivors} of ${plan.voters} voting members: writes may be missing that were acknowledged after ${since.toISOString()}, or earlier if the survivor was behind or cut off`,
  ];
}

async function recoverInto(host: Host, plan: RecoveryPlan, flags: FlagValues): Promise<void> {
  const dataDir = resolve(flags.string('out'));
  const own = plan.chosen.membership.members.find((member) => member.id === plan.chosen.memberId);
  const name = flags.string('name') === '' ? own?.name ?? 'default' : flags.string('name');
  const urls = flags.strings('initial-advertise-peer-urls').length === 0 ? own?.peerUrls ?? [] : flags.strings('initial-advertise-peer-urls');
  if (urls.length === 0) throw new UsageError('the survivor does not know its own address: say it with --initial-advertise-peer-urls');
  // Never the identity of the old cluster, nor of an earlier recovery: whoever belongs to those is refused.
  const token = `recovered-${plan.chosen.clusterId.toString(16)}-${Date.now().toString(36)}`;
  const work = `${dataDir}.work`;
  try {
    const state = await replayDataDir(host, plan.chosen, plan.upToIndex, work);
    const bumpRevision = flags.int('bump-revision');
    const restored = await restoreSnapshot(host, streamState(host.crypto, state), 'the recovered state', { name, dataDir, initialCluster: { [name]: urls }, initialClusterToken: token, bumpRevision });
    state.close();
    process.stdout.write([
      `recovered revision ${restored.snapshotRevision} as ${restored.revision} into ${dataDir}: member ${restored.memberId.toString(16)} of the new cluster ${restored.clusterId.toString(16)}`,
      `start it: --name=${name} --data-dir=${dataDir} --initial-advertise-peer-urls=${urls.join()} --initial-cluster=${name}=${urls.join()}`,
      'then add the others, with empty data directories, one at a time: cox etcd member add NAME --peer-urls=URL',
      'the old members cannot join this cluster with their data; keep their directories until you need them no more',
    ].map((line) => `${line}\n`).join(''));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

export const recover: Tool = {
  usage: 'etcd recover --survivor DIR [--survivor DIR …] --out DIR',
  summary: 'the quorum is lost for good: makes a new cluster of one from what the survivors have. Their members must not run; their directories are only read',
  flags: {
    ...yesFlag,
    survivor: { kind: 'strings', default: [], help: 'data directory of a member that survived; each of them, for the best choice' },
    out: { kind: 'string', default: '', help: 'the new member\'s data directory' },
    name: { kind: 'string', default: '', help: 'its name; without it the chosen survivor\'s' },
    'initial-advertise-peer-urls': { kind: 'strings', default: [], help: 'its peer URLs; without it the chosen survivor\'s' },
    'bump-revision': { kind: 'int', default: 1_000_000, min: 0, help: 'by how much the revision jumps ahead, so that no client sees a lost revision a second time' },
    'drop-uncommitted': { kind: 'bool', default: false, help: 'drop entries that no survivor knew to be committed' },
  },
  async run(flags) {
    const directories = flags.strings('survivor');
    if (directories.length === 0) throw new UsageError('--survivor is missing: the data directory of a member that survived');
    if (flags.string('out') === '') throw new UsageError('--out is missing: the new data directory');
    const host = createRealHost(silentLogger);
    const survivors: DataDir[] = [];
    for (const directory of directories) survivors.push(await inspectDataDir(host, resolve(directory)));
    const keep = !flags.bool('drop-uncommitted');
    const plan = chooseHistory(survivors, keep);
    await confirm(explain(plan, survivors, keep), flags.bool('yes'));
    await recoverInto(host, plan, flags);
  },
};
