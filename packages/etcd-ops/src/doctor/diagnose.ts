import type { HashKv, ServerStatus } from '@coxswain/etcd-lite/client';
import type { Examined, Facts, Finding } from './types.ts';

type Living = Examined & { readonly status: ServerStatus };

/** Entries by which a member may be behind before it is told of. */
const lagEntries = 1000;
/** etcd's own advice for the disk is 10 ms at p99; a read includes no disk but two members' turns. */
const slowReadMs = 100;
const fragmentedShare = 0.5;
const fragmentedFromBytes = 100 * 1024 * 1024;
const nearQuotaShare = 0.8;

/** What the facts mean, worst last within a subject, in the order in which one would look. Pure. */
export function diagnose(facts: Facts): readonly Finding[] {
  const living = facts.endpoints.filter((one): one is Living => !('error' in one.status));
  return [...reachable(facts), ...quorumOf(facts, living), ...leader(living), ...membership(facts), ...progress(living), ...hashes(living), ...alarms(facts), ...space(living), ...speed(facts, living), ...versions(living)];
}

const id = (value: bigint): string => value.toString(16);

function nameOf(facts: Facts, memberId: bigint): string {
  const name = facts.members.find((member) => member.id === memberId)?.name ?? '';
  return name === '' ? id(memberId) : `${name} (${id(memberId)})`;
}

function reachable(facts: Facts): readonly Finding[] {
  return facts.endpoints.map(({ endpoint, status }): Finding => ('error' in status
    ? { level: 'fail', what: `${endpoint} does not answer: ${status.error}`, advice: 'look at its process and its log; if it is lost for good: `cox etcd member replace`' }
    : { level: 'ok', what: `${endpoint} answers: ${nameOf(facts, status.memberId)}, version ${status.version}, revision ${status.revision}` }));
}

function quorumOf(facts: Facts, living: readonly Living[]): readonly Finding[] {
  const voters = facts.members.filter((member) => !member.isLearner);
  if (voters.length === 0) return [{ level: 'fail', what: 'no member could say who belongs to the cluster', advice: 'if a majority is lost for good, `cox etcd recover` starts a new cluster from what the survivors have' }];
  const present = voters.filter((voter) => living.some(({ status }) => status.memberId === voter.id)).length;
  const needed = Math.floor(voters.length / 2) + 1;
  if (present < needed) return [{ level: 'fail', what: `${present} of ${voters.length} voting members answer, ${needed} are needed`, advice: 'bring members back; if they are lost for good, `cox etcd recover`' }];
  if (present === needed && voters.length > 1) return [{ level: 'warn', what: `${present} of ${voters.length} voting members answer: the loss of one more stops all writes`, advice: present < voters.length ? 'bring the missing members back, or replace them one at a time' : 'nobody is missing, but two are too few: `cox etcd member add` a third' }];
  return [{ level: 'ok', what: `${present} of ${voters.length} voting members answer, ${needed} are needed` }];
}

function leader(living: readonly Living[]): readonly Finding[] {
  const leaders = new Set(living.map(({ status }) => status.leader));
  if (living.length === 0) return [];
  if (leaders.has(0n)) return [{ level: 'fail', what: `${living.filter(({ status }) => status.leader === 0n).map((one) => one.endpoint).join(', ')}: no leader is known`, advice: 'are the peer URLs reachable from each other, and the clocks of certificates right?' }];
  if (leaders.size > 1) return [{ level: 'warn', what: 'members name different leaders: an election is under way or a member is cut off', advice: 'ask again in a moment' }];
  return [{ level: 'ok', what: `all agree on the leader ${id([...leaders][0] as bigint)} in term ${Math.max(...living.map(({ status }) => status.raftTerm))}` }];
}

function membership(facts: Facts): readonly Finding[] {
  const out: Finding[] = [];
  const voters = facts.members.filter((member) => !member.isLearner);
  const asked = new Set(facts.endpoints.flatMap(({ status }) => ('error' in status ? [] : [status.memberId])));
  for (const member of facts.members) {
    if (member.name === '') out.push({ level: 'warn', what: `member ${id(member.id)} (${member.peerUrls.join()}) was added and has never started, yet it counts for the quorum`, advice: `start it, or \`cox etcd member remove ${id(member.id)}\`` });
    else if (member.isLearner) out.push({ level: 'warn', what: `member ${nameOf(facts, member.id)} is a learner and does not vote`, advice: `when it has caught up: \`cox etcd member promote ${id(member.id)}\`` });
    else if (!asked.has(member.id) && facts.endpoints.every(({ status }) => !('error' in status))) out.push({ level: 'warn', what: `member ${nameOf(facts, member.id)} is at none of the endpoints asked`, advice: `add ${member.clientUrls.join()} to --endpoints` });
  }
  if (voters.length > 0 && voters.length % 2 === 0) out.push({ level: 'warn', what: `${voters.length} voting members survive no more losses than ${voters.length - 1} would`, advice: 'add or remove one' });
  return out;
}

function progress(living: readonly Living[]): readonly Finding[] {
  const newest = Math.max(...living.map(({ status }) => status.raftAppliedIndex));
  return living.filter(({ status }) => newest - status.raftAppliedIndex > lagEntries).map(({ endpoint, status }) =>
    ({ level: 'warn', what: `${endpoint} is ${newest - status.raftAppliedIndex} entries behind`, advice: 'a slow disk or network? it serves stale data to serializable reads' }));
}

type Hashed = Living & { readonly hash: HashKv };

function hashes(living: readonly Living[]): readonly Finding[] {
  const hashed = living.filter((one): one is Hashed => one.hash !== undefined && !('error' in one.hash));
  // Members that have forgotten different amounts of history have different hashes and the same data.
  const compacted = Math.max(...hashed.map(({ hash }) => hash.compactRevision));
  const comparable = hashed.filter(({ hash }) => hash.compactRevision === compacted);
  if (comparable.length < 2) return [];
  const groups = Map.groupBy(comparable, ({ hash }) => hash.hash);
  if (groups.size === 1) return [{ level: 'ok', what: `${comparable.length} members have the same data at revision ${comparable[0]?.hash.hashRevision}` }];
  const sizes = [...groups.values()].toSorted((a, b) => b.length - a.length);
  const majority = (sizes[0] as Hashed[]).length > living.length / 2;
  const suspects = majority ? sizes.slice(1).flat() : comparable;
  return suspects.map(({ endpoint, hash }) => ({
    level: 'fail', what: `${endpoint} has other data than ${majority ? 'the majority' : 'its peers'} at revision ${hash.hashRevision} (hash ${hash.hash.toString(16)})`,
    advice: majority ? 'remove this member, empty its data directory and add it again' : 'no majority agrees: save a snapshot of each before anything else',
  }));
}

function alarms(facts: Facts): readonly Finding[] {
  return facts.alarms.map(({ memberId, alarm }) => (alarm === 'NOSPACE'
    ? { level: 'fail', what: `${nameOf(facts, memberId)} has raised NOSPACE: writes are refused`, advice: 'delete keys or compact, or make room on its disk; the alarm clears itself when there is space (a real etcd: defragment, then `alarm disarm`)' }
    : { level: 'fail', what: `${nameOf(facts, memberId)} has raised CORRUPT`, advice: 'remove this member, empty its data directory, add it again, then `etcdctl alarm disarm`' }));
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;

function space(living: readonly Living[]): readonly Finding[] {
  return living.flatMap(({ endpoint, status }): Finding[] => {
    const { dbSize, dbSizeInUse, dbSizeQuota } = status;
    const out: Finding[] = [];
    if (dbSizeQuota > 0 && dbSizeInUse > dbSizeQuota * nearQuotaShare) out.push({ level: 'warn', what: `${endpoint} holds ${mebibytes(dbSizeInUse)} of the ${mebibytes(dbSizeQuota)} that its quota allows`, advice: 'compact more, or raise --quota-backend-bytes' });
    if (dbSize > fragmentedFromBytes && dbSizeInUse < dbSize * (1 - fragmentedShare)) out.push({ level: 'warn', what: `${endpoint} keeps ${mebibytes(dbSize)} on disk for ${mebibytes(dbSizeInUse)} of data`, advice: '`etcdctl defrag` gives it back' });
    return out;
  });
}

function speed(facts: Facts, living: readonly Living[]): readonly Finding[] {
  // A learner has none to give.
  const learners = new Set(facts.members.filter((member) => member.isLearner).map((member) => member.id));
  return living.filter(({ status }) => !learners.has(status.memberId)).flatMap(({ endpoint, readsMs }): Finding[] => {
    const slowest = readsMs[readsMs.length - 1];
    if (slowest === undefined) return [{ level: 'fail', what: `${endpoint} answers no linearizable read`, advice: 'it has no leader, or no quorum to confirm it' }];
    if (slowest > slowReadMs) return [{ level: 'warn', what: `${endpoint} took up to ${slowest.toFixed(0)} ms for a linearizable read`, advice: 'an overloaded machine, a slow network between members, or a slow disk' }];
    return [];
  });
}

function versions(living: readonly Living[]): readonly Finding[] {
  const found = [...new Set(living.map(({ status }) => status.version))];
  return found.length > 1 ? [{ level: 'warn', what: `members have different versions: ${found.join(', ')}`, advice: 'finish the upgrade' }] : [];
}

/** 0: nothing to do, 1: something has failed. Warnings are no failure. */
export function exitCode(findings: readonly Finding[]): 0 | 1 {
  return findings.some(({ level }) => level === 'fail') ? 1 : 0;
}
