import type { TimerHandle } from '@coxswain/host';
import type { AutoCompaction } from './config.ts';
import type { KvService } from './kv-service.ts';
import type { Member } from './member.ts';

const revisionCheckMs = 5 * 60_000;
const samplesPerRetention = 10;

/** `--auto-compaction-mode`: the leader drops history by age or by number. (The API server usually compacts by itself.) */
export class AutoCompactor {
  readonly #member: Member;
  readonly #kv: KvService;
  readonly #options: AutoCompaction;
  /** Revisions by the time they were the newest, oldest first. */
  #samples: { readonly atMs: number; readonly revision: number }[] = [];
  #timer: TimerHandle | undefined;

  constructor(member: Member, kv: KvService, options: AutoCompaction) {
    this.#member = member;
    this.#kv = kv;
    this.#options = options;
    this.#later();
  }

  #later(): void {
    const delayMs = this.#options.mode === 'revision' ? revisionCheckMs : Math.max(this.#options.retentionMs / samplesPerRetention, 1000);
    this.#timer = this.#member.host.timers.after(delayMs, () => {
      void this.#run();
      this.#later();
    });
  }

  #target(): number {
    const { revision } = this.#member.applier.machine.store;
    if (this.#options.mode === 'revision') return revision - this.#options.retention;
    const nowMs = this.#member.host.clock.monotonicMs();
    const { retentionMs } = this.#options;
    this.#samples.push({ atMs: nowMs, revision });
    const old = this.#samples.filter((sample) => sample.atMs <= nowMs - retentionMs);
    this.#samples = this.#samples.slice(old.length);
    return old[old.length - 1]?.revision ?? 0;
  }

  async #run(): Promise<void> {
    const revision = this.#target();
    const { host, isLeader, applier } = this.#member;
    if (!isLeader || revision <= applier.machine.store.compactRevision) return;
    try {
      await this.#kv.compact({ revision, physical: false });
      host.log.info('history compacted', { revision });
    } catch (error) {
      host.log.warn('history could not be compacted', { revision, error: (error as Error).message });
    }
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
