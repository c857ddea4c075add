import type { Simulation, SimulatedProcess } from '@coxswain/host/sim';
import { startEtcdServer, type EtcdConfig, type RunningEtcd } from '@coxswain/etcd-lite';

export interface SimMember {
  readonly name: string;
  process: SimulatedProcess | undefined;
  running: RunningEtcd | undefined;
}

/** Members on machines of their own, with small logs and snapshots so that everything happens often. */
export class SimCluster {
  readonly sim: Simulation;
  readonly members: readonly SimMember[];
  readonly failures: unknown[] = [];
  readonly #options: Partial<EtcdConfig>;

  constructor(sim: Simulation, names: readonly string[], options: Partial<EtcdConfig> = {}) {
    this.sim = sim;
    this.#options = options;
    this.members = names.map((name) => ({ name, process: undefined, running: undefined }));
    for (const name of names) sim.machine(name);
  }

  #url(name: string, port: number): string {
    return `http://${this.sim.machine(name).address}:${port}`;
  }

  get endpoints(): readonly string[] {
    return this.members.map(({ name }) => this.#url(name, 2379));
  }

  start(member: SimMember): void {
    const process = this.sim.start(member.name, `etcd-${member.name}`);
    member.process = process;
    const config: EtcdConfig = {
      name: member.name, dataDir: '/var/lib/etcd', clientListeners: [{ address: '0.0.0.0', port: 2379 }], peerListeners: [{ address: '0.0.0.0', port: 2380 }],
      advertiseClientUrls: [this.#url(member.name, 2379)], initialCluster: Object.fromEntries(this.members.map(({ name }) => [name, [this.#url(name, 2380)]])),
      snapshotCount: 100, snapshotCatchUpEntries: 20, segmentBytes: 16 * 1024, checkpointBytes: 64 * 1024, valueCacheBytes: 2000, maxStoreSegmentBytes: 4000, defragmentPauseMs: 50, ...this.#options,
    };
    startEtcdServer(config, process.host).then((running) => {
      if (!process.alive) return;
      member.running = running;
      running.failed.catch((error: unknown) => { this.failures.push(error); });
    }, (error: unknown) => { this.failures.push(error); });
  }

  startAll(): void {
    for (const member of this.members) this.start(member);
  }

  kill(member: SimMember, powerCut: boolean): void {
    if (member.process !== undefined) this.sim.kill(member.process, { powerCut });
    member.process = undefined;
    member.running = undefined;
  }

  leader(): SimMember | undefined {
    return this.members.filter((member) => member.running?.status().role === 'leader').toSorted((a, b) => (b.running?.status().term ?? 0) - (a.running?.status().term ?? 0))[0];
  }
}
