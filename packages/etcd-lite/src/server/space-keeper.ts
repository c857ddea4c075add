import type { TimerHandle } from '@coxswain/host';
import { rootName } from '../auth/auth-state.ts';
import { alarmAction, alarmType } from '../wire/messages.ts';
import { defaults } from './config.ts';
import type { Member } from './member.ts';

const checkMs = 1000;
const sampleMs = 60_000;

/**
 * How much history is kept at which share of the quota, when nobody compacts: the API server does so every five minutes and
 * never comes near these. Once the alarm is on nothing but the newest state is kept.
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

export async function raiseNoSpace(member: Member): Promise<void> {
  await member.propose({ user: rootName, alarm: { action: alarmAction.activate, memberID: member.cluster.self.id, alarm: alarmType.noSpace } });
}

/**
 * Keeps the store writable without a human: the leader compacts when history fills the quota; each member raises the cluster's
 * NOSPACE alarm when its store is over the quota or its disk nearly full (before the log hits the end of it), and takes its own
 * alarm back when there is space again.
 */
export class SpaceKeeper {
  readonly #member: Member;
  /** Revisions by the time they were the newest, oldest first, at most one a minute. */
  #samples: { readonly atMs: number; readonly revision: number }[] = [];
  #timer: TimerHandle | undefined;
  #running = false;
  #stopped = false;

  constructor(member: Member) {
    this.#member = member;
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
      if (this.#member.isLeader) await this.#compact();
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
    const revision = this.#hasAlarm ? store.revision : this.#target(usedBytes / quotaBytes, store.revision);
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

  async #checkAlarm(): Promise<void> {
    const member = this.#member;
    const minFreeBytes = member.config.minDiskFreeBytes ?? defaults.minDiskFreeBytes;
    const freeBytes = await member.host.disk.freeBytes(member.config.dataDir);
    if (this.#stopped) return;
    const { usedBytes, quotaBytes } = spaceOf(member);
    const memberID = member.cluster.self.id;
    const has = member.applier.machine.alarms.some((one) => one.alarm === alarmType.noSpace && one.memberID === memberID);
    if (!has && ((quotaBytes > 0 && usedBytes > quotaBytes) || freeBytes < minFreeBytes)) {
      member.host.log.error('out of space: the cluster refuses writes until there is some', { usedBytes, quotaBytes, diskFreeBytes: freeBytes, minFreeBytes });
      await raiseNoSpace(member);
    } else if (has && (quotaBytes === 0 || usedBytes < quotaBytes * clearShare) && freeBytes >= minFreeBytes * clearDiskFactor) {
      await member.propose({ user: rootName, alarm: { action: alarmAction.deactivate, memberID, alarm: alarmType.noSpace } });
      member.host.log.info('there is space again: this member has taken its alarm back', { usedBytes, quotaBytes, diskFreeBytes: freeBytes });
    }
  }
}
