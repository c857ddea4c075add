import type { StoreCluster } from '../../src/edge/bench/cluster.ts';

const key = (name: string): RegExp => new RegExp(`("${name}":)"?-?[\\d.]+"?`, 'g');

/** What differs between two runs of the same program. */
const always: readonly (readonly [RegExp, string])[] = [
  [/^\{"level":.*"error":("(?:[^"\\]|\\.)*").*\}$/gm, 'log: $1'], [/^\{"level":.*"msg":("(?:[^"\\]|\\.)*").*\}$/gm, 'log: $1'],
  [key('raft_term'), '$1TERM'], [key('raftIndex'), '$1N'], [key('raftTerm'), '$1N'], [key('raftAppliedIndex'), '$1N'], [key('dbSize'), '$1N'], [key('dbSizeInUse'), '$1N'], [key('hash'), '$1N'],
  [/("(?:RaftTerm|RaftIndex|RaftAppliedIndex|DBSize|DBSizeInUse|Hash)" : )\d+/g, '$1N'], [/("(?:version|Version)"(?: ?: ?))"[\d.]+"/g, '$1VERSION'],
  [/\b[\da-f]{12,16}\b/g, 'ID'],
  // A new member's ID is made from its URLs and the second.
  [/member ID already exist|Peer URLs already exists/g, 'member exists'],
  [/\b\d+(\.\d+)?(ns|µs|ms|s)\b(?=["\n]|$)/g, 'TIME'], [/"took":"[^"]*"/g, '"took":TIME'], [/remaining\(\d+s\)/g, 'remaining(Ns)'], [/"ttl":\d+/g, '"ttl":N'], [/"TTL" : \d+/g, '"TTL" : N'],
];

/** Texts known only at run time (ids, ports, folders) and what stands for them; longest first, so that none is found inside another. */
export class Mask {
  readonly #texts = new Map<string, string>();

  constructor(cluster: StoreCluster) {
    this.add(cluster.directory, 'DIR');
    cluster.members.forEach((member, at) => {
      this.add(new URL(member.clientUrl).host, `HOST${at + 1}`);
      this.add(new URL(member.peerUrl).host, `PEER${at + 1}`);
    });
  }

  add(text: string, name: string): void {
    this.#texts.set(text, name);
  }

  /** As etcdctl writes it: hexadecimal in simple answers, decimal in the others, either sign. */
  addId(id: bigint, name: string): void {
    for (const text of [id.toString(16), id.toString(16).padStart(16, '0'), BigInt.asUintN(64, id).toString(), BigInt.asIntN(64, id).toString()]) this.add(text, name);
  }

  apply(text: string): string {
    let out = text;
    for (const [from, to] of [...this.#texts].sort((a, b) => b[0].length - a[0].length)) out = out.replaceAll(from, to);
    for (const [from, to] of always) out = out.replace(from, to);
    // Which of them answered, or leads, is chance.
    out = out.replace(/\b(HOST|PEER|MEMBER|FOLLOWER|store)\d\b/g, '$1').replace(/\b(LEADER|FOLLOWER)\b/g, 'MEMBER');
    out = out.replace(/(ETCD_INITIAL_CLUSTER=")([^"]*)/g, (_all, name: string, members: string) => name + members.split(',').toSorted().join(','));
    return out.replace(/"keys":\[([^\]]*)\]/g, sortedItems).replace(/attached keys\(\[([^\]]*)\]\)/g, sortedItems);
  }
}

/** A lease's keys come in no order. */
function sortedItems(_all: string, items: string): string {
  return `keys ${items.split(/[ ,]/).toSorted().join(' ')}`;
}

/** A table's columns are as wide as what is in them; its numbers are those that `always` masks elsewhere. */
export function squeeze(text: string): string {
  return text.replace(/-{2,}/g, '-').replace(/ {2,}/g, ' ').replace(/\b\d+(\.\d+)? [kM]?B\b/g, 'SIZE')
    .replace(/(HOST(?:,| \|) )\d{5,10}\b/g, '$1HASH').replace(/((?:true|false)(?:,| \|) (?:true|false)(?:,| \|)) \d+(,| \|) \d+(,| \|) \d+/g, '$1 TERM$2 INDEX$3 INDEX');
}
