import { EtcdError, type EtcdAdmin, type Member } from '@coxswain/etcd-lite/client';
import { nearestName, UsageError, type FlagValues } from '@coxswain/service';
import type { Tool } from '../../../tool.ts';
import { confirm, yesFlag } from './confirm.ts';
import { connect, connectionFlags, type Connection } from './connection.ts';

const id = (member: Member): string => member.id.toString(16);
const nameOf = (member: Member): string => (member.name === '' ? id(member) : `${member.name} (${id(member)})`);

/** The first endpoint that answers: changes of members go through any of them. */
async function anyMember(connection: Connection): Promise<{ readonly admin: EtcdAdmin; readonly members: readonly Member[] }> {
  let failure: unknown;
  for (const endpoint of connection.endpoints) {
    const admin = connection.admin(endpoint);
    try {
      return { admin, members: await admin.memberList() };
    } catch (error) {
      admin.close();
      failure = error;
    }
  }
  throw new Error(`no member answers at ${connection.endpoints.join(', ')}: ${(failure as Error).message}`);
}

function find(members: readonly Member[], word: string | undefined, verb: string): Member {
  if (word === undefined) throw new UsageError(`${verb} which member? its id or name: ${members.map(nameOf).join(', ')}`);
  const found = members.filter((member) => id(member) === word.toLowerCase() || member.name === word);
  if (found.length === 1) return found[0] as Member;
  throw new UsageError(`${found.length === 0 ? 'no' : 'more than one'} member ${word}; there are ${members.map(nameOf).join(', ')}`);
}

function peerUrls(flags: FlagValues, verb: string): readonly string[] {
  const urls = flags.strings('peer-urls');
  if (urls.length === 0) throw new UsageError(`${verb} needs --peer-urls, e.g. --peer-urls=https://10.0.0.4:2380`);
  return urls;
}

type Action = (connection: Connection, flags: FlagValues, word: string | undefined) => Promise<void>;

async function statusOf(connection: Connection, member: Member): Promise<string> {
  const endpoint = member.clientUrls[0];
  if (endpoint === undefined) return 'never started';
  const admin = connection.admin(endpoint);
  try {
    const { leader, memberId, version, revision } = await admin.status();
    return `${leader === memberId ? 'leads' : 'follows'}, ${version}, revision ${revision}`;
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    return `does not answer: ${error.message}`;
  } finally {
    admin.close();
  }
}

const list: Action = async (connection) => {
  const { members } = await anyMember(connection);
  for (const member of members) {
    process.stdout.write(`${id(member).padStart(16)}  ${(member.name === '' ? '-' : member.name).padEnd(12)}  ${member.isLearner ? 'learner' : 'voter  '}  ${member.peerUrls.join()}  ${await statusOf(connection, member)}\n`);
  }
};

function startLines(name: string, added: Member, members: readonly Member[]): readonly string[] {
  const all = [...members.filter((member) => member.id !== added.id && member.name !== ''), { ...added, name }];
  return [
    `member ${id(added)} is added${added.isLearner ? ' as a learner' : ''}. Start it with an empty data directory and`,
    `  --name=${name} --initial-cluster-state=existing --initial-advertise-peer-urls=${added.peerUrls.join()}`,
    `  --initial-cluster=${all.flatMap((member) => member.peerUrls.map((url) => `${member.name}=${url}`)).join()}`,
    ...(added.isLearner ? [`and when it has caught up: cox etcd member promote ${id(added)}`] : []),
  ];
}

function quorumLine(voters: number): string {
  return `${voters} voting members need ${Math.floor(voters / 2) + 1} to be alive`;
}

const voterCount = (members: readonly Member[]): number => members.filter((member) => !member.isLearner).length;

const add: Action = async (connection, flags, name) => {
  if (name === undefined) throw new UsageError('add whom? cox etcd member add NAME --peer-urls=URL');
  const urls = peerUrls(flags, 'add');
  const { admin, members } = await anyMember(connection);
  const learner = !flags.bool('voter');
  await confirm([`adds ${name} at ${urls.join()} as a ${learner ? 'learner, which counts for nothing until it is promoted' : 'voter, which counts for the quorum before it has started'}`,
    quorumLine(voterCount(members) + (learner ? 0 : 1))], flags.bool('yes'));
  process.stdout.write(`${startLines(name, await admin.memberAdd(urls, learner), members).join('\n')}\n`);
};

const remove: Action = async (connection, flags, word) => {
  const { admin, members } = await anyMember(connection);
  const member = find(members, word, 'remove');
  await confirm([`removes ${nameOf(member)} for good: it stops, and its data directory is of no use any more`, quorumLine(voterCount(members) - (member.isLearner ? 0 : 1))], flags.bool('yes'));
  await admin.memberRemove(member.id);
  process.stdout.write(`${nameOf(member)} is removed\n`);
};

const promote: Action = async (connection, flags, word) => {
  const { admin, members } = await anyMember(connection);
  const member = find(members, word, 'promote');
  await confirm([`makes ${nameOf(member)} a voter`, quorumLine(voterCount(members) + 1)], flags.bool('yes'));
  await admin.memberPromote(member.id);
  process.stdout.write(`${nameOf(member)} is a voter\n`);
};

const update: Action = async (connection, flags, word) => {
  const urls = peerUrls(flags, 'update');
  const { admin, members } = await anyMember(connection);
  const member = find(members, word, 'update');
  await confirm([`${nameOf(member)}: peer URLs ${member.peerUrls.join()} → ${urls.join()}`], flags.bool('yes'));
  await admin.memberUpdate(member.id, urls);
  process.stdout.write(`${nameOf(member)} is updated\n`);
};

/** A dead member out, a new one in under the same name: removal first, so that the dead one does not count while the new one comes. */
const replace: Action = async (connection, flags, word) => {
  const { admin, members } = await anyMember(connection);
  const member = find(members, word, 'replace');
  const urls = flags.strings('peer-urls').length === 0 ? member.peerUrls : flags.strings('peer-urls');
  const name = member.name === '' ? id(member) : member.name;
  await confirm([`removes ${nameOf(member)} for good and adds a new ${name} at ${urls.join()} as a learner`, `until it is promoted ${quorumLine(voterCount(members) - (member.isLearner ? 0 : 1))}`], flags.bool('yes'));
  await admin.memberRemove(member.id);
  process.stdout.write(`${nameOf(member)} is removed\n`);
  const added = await admin.memberAdd(urls, true);
  process.stdout.write(`${startLines(name, added, members.filter((one) => one.id !== member.id)).join('\n')}\n`);
};

const actions: Readonly<Record<string, Action>> = { list, add, remove, promote, update, replace };

export const member: Tool = {
  usage: 'etcd member list|add|remove|promote|update|replace [ID|NAME]',
  summary: 'who belongs to the store. `add` adds a learner unless --voter; `replace` takes a dead member out and a new one in',
  flags: {
    ...connectionFlags, ...yesFlag,
    'peer-urls': { kind: 'strings', default: [], help: 'where the other members reach it' },
    voter: { kind: 'bool', default: false, help: 'with add: a voter at once' },
  },
  wordsMax: 2,
  async run(flags, [verb = 'list', word]) {
    const action = Object.hasOwn(actions, verb) ? actions[verb] : undefined;
    if (action === undefined) {
      const nearest = nearestName(verb, Object.keys(actions));
      throw new UsageError(`unknown action ${verb}; ${nearest === undefined ? '' : `did you mean ${nearest}? `}known: ${Object.keys(actions).join(', ')}`);
    }
    await action(connect(flags), flags, word);
  },
};
