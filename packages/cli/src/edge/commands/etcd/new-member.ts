import { resolve } from 'node:path';
import { UsageError, type FlagSet, type FlagValues } from '@coxswain/service';

/** Whom a data directory is made for: etcd's flags. */
export const newMemberFlags: FlagSet = {
  name: { kind: 'string', default: '', help: 'name of the member whose data directory is made' },
  'data-dir': { kind: 'string', default: '', help: 'the new data directory' },
  'initial-cluster': { kind: 'string', default: '', help: 'the new cluster, NAME=PEER-URL,…; without it this member alone' },
  'initial-advertise-peer-urls': { kind: 'strings', default: ['http://localhost:2380'], help: 'where the others will reach this member' },
  'initial-cluster-token': { kind: 'string', default: 'etcd-cluster', help: 'sets the new cluster apart from others with the same URLs' },
};

export interface NewMember {
  readonly name: string;
  readonly dataDir: string;
  readonly initialCluster: Readonly<Record<string, readonly string[]>>;
  readonly initialClusterToken: string;
}

export function newMemberOf(flags: FlagValues, defaultName: string): NewMember {
  const name = flags.string('name') === '' ? defaultName : flags.string('name');
  if (flags.string('data-dir') === '') throw new UsageError('--data-dir is missing: the new data directory');
  const members: Record<string, string[]> = {};
  for (const part of flags.string('initial-cluster').split(',').filter((one) => one !== '')) {
    const at = part.indexOf('=');
    if (at < 1) throw new UsageError(`--initial-cluster: ${JSON.stringify(part)} is not NAME=URL`);
    (members[part.slice(0, at)] ??= []).push(part.slice(at + 1));
  }
  if (Object.keys(members).length === 0) members[name] = [...flags.strings('initial-advertise-peer-urls')];
  if (members[name] === undefined) throw new UsageError(`--initial-cluster has no member ${name}: name one of ${Object.keys(members).join(', ')} with --name`);
  return { name, dataDir: resolve(flags.string('data-dir')), initialCluster: members, initialClusterToken: flags.string('initial-cluster-token') };
}
