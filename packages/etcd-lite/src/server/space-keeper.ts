import { readAll, type TimerHandle } from '@coxswain/host';
import { rootName } from '../auth/auth-state.ts';
import { alarmAction, alarmType } from '../wire/messages.ts';
import { idText } from './cluster.ts';
import { defaults } from './config.ts';
import type { Member } from './member.ts';
import { peerPaths } from './peer-paths.ts';
import type { PeerSender } from './peer-sender.ts';

const checkMs = 1000;
const askDisksMs = 5000;
const sampleMs = 60_000;

/**
 * How much history is kept at which share of the quota, when nobody compacts: the API server does so every five minutes and
 * never comes near these. Once it has raised the alarm nothing but the newest state is kept.
 */
const pressure: readonly { readonly aboveShare: number; readonly keepMs: number; readonly keepRevisions: number }[] = [
  { aboveShare: 0.9, keepMs: 0, keepRevisions: 100 },
  { aboveShare: 0.75, keepMs: 2 * 60_000, keepRevisions: 1000 },
  { aboveShare: 0.5, keepMs: 10 * 60_000, keepRevisions: 1000 },
];
/** The alarm that was raised above the quota, or for want of disk, goes only well on the other side: it must not flicker. */
const clearShare = 0.9;
const clearDiskFactor = 2;

/** What a quota is measured against, and the quota; 0: none. */
export function spaceOf(member: Member): { readonly usedBytes: number; readonly quotaBytes: number } {
  const configured = member.config.quotaBackendBytes ?? 0;
  return { usedBytes: member.applier.machine.store.sizeBytes, quotaBytes: configured === 0 ? defaults.quotaBackendBytes : Math.max(0, configured) };
}

export async function setNoSpace(member: Member, memberID: bigint, action: number): Promise<void> {
  await member.propose({ user: rootName, alarm: { action, memberID, alarm: alarmType.noSpace } });
}

interface DiskAnswers { readonly short: readonly bigint[]; readonly enough: number }

/**
 * Keeps the store writable without a human: the leader compacts when history fills the quota, raises the cluster's NOSPACE alarm
 * when the store is over the quota, or when without the members whose disks are nearly full there would be no quorum (before
 * their logs hit the end of it; fewer than that only degrade), and takes it back when there is space again.
 */
export class SpaceKeeper {
  readonly #member: Member;
  /** Revisions by the time they were the newest, oldest first, at most one a minute. */
  #samples: { readonly atMs: number; readonly revision: number }[] = [];
  #timer: TimerHandle | undefined;
  #disks: DiskAnswers = { short: [], enough: 0 };
  #nextAskMs = 0;
  #running = false;
  #stopped = false;

  constructor(member: Member) {
    this.#member = member;
  }

  start(): void {
    this.#later();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #later(): void {
    this.#timer = this.#member.host.timers.after(checkMs, () => {
      this.#later();
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      this.#sample();
      if (!this.#member.isLeader) return;
      await this.#compact();
      await this.#checkAlarm();
    } catch (error) {
      // No leader, or too busy a one: the next turn comes soon.
      this.#member.host.log.debug('space could not be kept', { error: (error as Error).message });
    } finally {
      this.#running = false;
    }
  }

  #sample(): void {
    const atMs = this.#member.host.clock.monotonicMs();
    const last = this.#samples[this.#samples.length - 1];
    if (last !== undefined && atMs - last.atMs < sampleMs) return;
    this.#samples.push({ atMs, revision: this.#member.applier.machine.store.revision });
    if (this.#samples.length > 15) this.#samples.shift();
  }

  get #hasAlarm(): boolean {
    const { applier } = this.#member;
    return applier.machine.alarms.some(({ alarm }) => alarm === alarmType.noSpace);
  }

  async #compact(): Promise<void> {
    if (this.#member.config.compactUnderPressure === false) return;
    const { usedBytes, quotaBytes } = spaceOf(this.#member);
    if (quotaBytes === 0) return;
    const { store } = this.#member.applier.machine;
    const revision = this.#hasAlarm && usedBytes >= quotaBytes * clearShare ? store.revision : this.#target(usedBytes / quotaBytes, store.revision);
    if (revision <= store.compactRevision || !store.pruned) return;
    await this.#member.propose({ user: rootName, compaction: { revision, physical: false } });
    this.#member.host.log.warn('history was compacted because it filled the quota', { revision, usedBytes, quotaBytes });
  }

  #target(share: number, revision: number): number {
    const level = pressure.find(({ aboveShare }) => share > aboveShare);
    if (level === undefined) return 0;
    const before = this.#member.host.clock.monotonicMs() - level.keepMs;
    const byTime = level.keepMs === 0 ? revision : this.#samples.findLast((sample) => sample.atMs <= before)?.revision ?? 0;
    return Math.min(byTime, revision - level.keepRevisions);
  }

  /** Raises or takes back, for all members; another leader goes on with what this one has raised. */
  async #checkAlarm(): Promise<void> {
    const member = this.#member;
    const { usedBytes, quotaBytes } = spaceOf(member);
    const { short, enough } = await this.#askDisks();
    if (this.#stopped || !member.isLeader) return;
    const { voters } = member.raft.log.conf;
    const quorum = Math.floor(voters.length / 2) + 1;
    const raised = member.applier.machine.alarms.filter(({ alarm }) => alarm === alarmType.noSpace);
    const self = member.cluster.self.id;
    const wanted = [...(quotaBytes > 0 && usedBytes > quotaBytes ? [self] : []), ...(voters.length - short.length < quorum ? short : [])];
    const missing = wanted.find((id) => raised.every(({ memberID }) => memberID !== id));
    if (missing !== undefined) {
      member.host.log.error('out of space: the cluster refuses writes until there is some', { memberId: idText(missing), usedBytes, quotaBytes, shortOfDisk: short.map(idText).join() });
      await setNoSpace(member, missing, alarmAction.activate);
    } else if (wanted.length === 0 && raised.length > 0 && (quotaBytes === 0 || usedBytes < quotaBytes * clearShare) && enough >= quorum) {
      for (const { memberID } of raised) await setNoSpace(member, memberID, alarmAction.deactivate);
      member.host.log.info('there is space again: writes go on', { usedBytes, quotaBytes });
    }
  }

  /** Whose disk is nearly full, and how many have more than enough. Who does not answer is neither. Asked now and then only. */
  async #askDisks(): Promise<DiskAnswers> {
    const { host, config, peers, cluster } = this.#member;
    if (host.clock.monotonicMs() < this.#nextAskMs) return this.#disks;
    this.#nextAskMs = host.clock.monotonicMs() + askDisksMs;
    const minFreeBytes = config.minDiskFreeBytes ?? defaults.minDiskFreeBytes;
    const own = { id: cluster.self.id, freeBytes: await host.disk.freeBytes(config.dataDir) };
    const voting = peers.all().filter(({ id }) => this.#member.raft.log.conf.voters.includes(id));
    const all = [own, ...await Promise.all(voting.map(async ({ id, sender }) => ({ id, freeBytes: await this.#askPeer(sender) })))];
    const short = all.filter(({ freeBytes }) => freeBytes !== undefined && freeBytes < minFreeBytes).map(({ id }) => id);
    this.#disks = { short, enough: all.filter(({ freeBytes }) => freeBytes !== undefined && freeBytes >= minFreeBytes * clearDiskFactor).length };
    return this.#disks;
  }

  async #askPeer(sender: PeerSender): Promise<number | undefined> {
    const abort = new AbortController();
    const timer = this.#member.host.timers.after(1000, () => { abort.abort(); });
    try {
      const response = await sender.ask(peerPaths.space, new Uint8Array(0), abort.signal);
      const body = await readAll(response.body, 64);
      return response.status === 200 && body.length === 8 ? new DataView(body.buffer, body.byteOffset).getFloat64(0) : undefined;
    } catch (error) {
      this.#member.host.log.debug('a member could not be asked for its space', { error: (error as Error).message });
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  /** What a peer asks: the free bytes of this member's disk. */
  async answerPeer(): Promise<Uint8Array> {
    const body = new Uint8Array(8);
    new DataView(body.buffer).setFloat64(0, await this.#member.host.disk.freeBytes(this.#member.config.dataDir));
    return body;
  }
}
