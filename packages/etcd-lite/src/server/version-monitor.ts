import type { TimerHandle } from '@coxswain/host';
import type { Member } from './member.ts';
import { decideClusterVersion } from './versions.ts';

/** As etcd's own. */
const checkMs = 5000;

/** While this member leads it sees to it that the cluster agrees on a version: at once after an election, then now and then. */
export class VersionMonitor {
  readonly #member: Member;
  readonly #forget: () => void;
  #timer: TimerHandle | undefined;
  #proposing = false;
  #stopped = false;

  constructor(member: Member) {
    this.#member = member;
    this.#forget = member.onLeaderChange(() => { this.check(); });
    this.#later();
  }

  #later(): void {
    this.#timer = this.#member.host.timers.after(checkMs, () => {
      this.check();
      this.#later();
    });
  }

  check(): void {
    if (this.#stopped || this.#proposing || !this.#member.isLeader) return;
    const version = decideClusterVersion(this.#member.applier.machine.versions);
    if (version !== undefined) void this.#propose(version);
  }

  async #propose(version: string): Promise<void> {
    this.#proposing = true;
    try {
      await this.#member.propose({ clusterVersionSet: { version } });
      this.#member.host.log.info('cluster version', { version });
    } catch (error) {
      this.#member.host.log.debug('the cluster version could not be set yet', { version, error: (error as Error).message });
    } finally {
      this.#proposing = false;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#forget();
    this.#timer?.cancel();
  }
}
