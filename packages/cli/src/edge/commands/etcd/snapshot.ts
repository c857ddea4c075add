import { createReadStream, existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { EtcdAdmin } from '@coxswain/etcd-lite/client';
import { inspectSnapshot, restoreSnapshot, StoreCorruption } from '@coxswain/etcd-lite/offline';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { nearestName, UsageError, type FlagValues } from '@coxswain/service';
import type { Tool } from '../../../tool.ts';
import { confirm, yesFlag } from './confirm.ts';
import { connect, connectionFlags } from './connection.ts';
import { newMemberFlags, newMemberOf } from './new-member.ts';

const sizeText = (bytes: number): string => (bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`);

function fileOf(word: string | undefined, verb: string): string {
  if (word === undefined) throw new UsageError(`snapshot ${verb} which file?`);
  return resolve(word);
}

function existing(word: string | undefined, verb: string): string {
  const file = fileOf(word, verb);
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`);
  return file;
}

/** Under another name until it is whole and on disk. */
async function write(admin: EtcdAdmin, file: string): Promise<number> {
  const part = `${file}.part`;
  const handle = await open(part, 'w', 0o600);
  let sizeBytes = 0;
  let remaining = -1;
  try {
    for await (const { blob, remainingBytes } of admin.snapshot(new AbortController().signal)) {
      await handle.writeFile(blob);
      sizeBytes += blob.length;
      remaining = remainingBytes;
    }
    if (remaining !== 0) throw new Error(`the snapshot broke off ${remaining} bytes before its end`);
    await handle.datasync();
    await handle.close();
    renameSync(part, file);
    return sizeBytes;
  } catch (error) {
    await handle.close();
    rmSync(part, { force: true });
    throw error;
  }
}

/** A store's words for a damaged file are about members. */
async function whole<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StoreCorruption) throw new Error(`${file} is no whole snapshot: ${error.what} (offset ${error.offset})`, { cause: error });
    throw error;
  }
}

type Action = (flags: FlagValues, word: string | undefined) => Promise<void>;

const save: Action = async (flags, word) => {
  const file = fileOf(word, 'save');
  const connection = connect(flags);
  const endpoint = connection.endpoints[0] as string;
  if (existsSync(file)) await confirm([`${file} exists and is replaced`], flags.bool('yes'));
  const admin = connection.admin(endpoint);
  const startMs = performance.now();
  const sizeBytes = await write(admin, file);
  process.stdout.write(`${sizeText(sizeBytes)} from ${endpoint} saved as ${file} in ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
};

const status: Action = async (_flags, word) => {
  const file = existing(word, 'status');
  const work = mkdtempSync(join(dirname(file), '.snapshot-status-'));
  try {
    const found = await whole(file, inspectSnapshot(createRealHost(silentLogger), createReadStream(file), file, work));
    process.stdout.write(`revision ${found.revision} (compacted at ${found.compactRevision}), ${found.keys} keys, hash ${found.hash.toString(16)}, raft index ${found.index} in term ${found.term}, ${sizeText(statSync(file).size)}: whole\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

const restore: Action = async (flags, word) => {
  const file = existing(word, 'restore');
  const member = newMemberOf(flags, 'default');
  const bumpRevision = flags.int('bump-revision');
  await confirm([
    `restores ${file} into ${member.dataDir} for member ${member.name} of a new cluster: ${Object.entries(member.initialCluster).map(([name, urls]) => `${name}=${urls.join()}`).join(', ')}`,
    bumpRevision > 0 ? `the revision goes on ${bumpRevision} higher and everything before is compacted: watchers and informers list anew and never see time run backwards`
      : 'the revision goes on where the snapshot ends: clients that have seen later ones would see time run backwards (--bump-revision prevents it)',
  ], flags.bool('yes'));
  const restored = await whole(file, restoreSnapshot(createRealHost(silentLogger), createReadStream(file), file, { ...member, bumpRevision }));
  process.stdout.write(`restored revision ${restored.snapshotRevision} as ${restored.revision}: member ${restored.memberId.toString(16)} of cluster ${restored.clusterId.toString(16)}\n`);
};

const actions: Readonly<Record<string, Action>> = { save, restore, status };

export const snapshot: Tool = {
  usage: 'etcd snapshot save|restore|status FILE',
  summary: 'a store as one file: taken from a running member, looked at, or made a member\'s new data directory',
  flags: {
    ...connectionFlags, ...yesFlag, ...newMemberFlags,
    'bump-revision': { kind: 'int', default: 0, min: 0, help: 'with restore: by how much the revision jumps ahead; older ones count as compacted' },
  },
  wordsMax: 2,
  async run(flags, [verb, word]) {
    const action = verb !== undefined && Object.hasOwn(actions, verb) ? actions[verb] : undefined;
    if (action === undefined) {
      const nearest = verb === undefined ? undefined : nearestName(verb, Object.keys(actions));
      throw new UsageError(`${verb === undefined ? 'snapshot what?' : `unknown action ${verb};`} ${nearest === undefined ? '' : `did you mean ${nearest}? `}known: ${Object.keys(actions).join(', ')}`);
    }
    await action(flags, word);
  },
};
