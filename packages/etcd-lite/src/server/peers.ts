import type { ClientTls, Host } from '@coxswain/host';
import type { MemberId, Message } from '../raft/index.ts';
import type { StoreFiles } from '../storage/index.ts';
import { idText, type Cluster, type ClusterMember } from './cluster.ts';
import { PeerSender } from './peer-sender.ts';

export interface PeersOptions {
  readonly host: Host;
  readonly cluster: Cluster;
  /** May become another. */
  readonly identity: { readonly peerTls: ClientTls | undefined };
  readonly files: StoreFiles;
  readonly electionMs: number;
  unreachable(member: MemberId): void;
  snapshotSent(member: MemberId, ok: boolean): void;
  /** A peer says that this member was removed. */
  removed(): void;
}

/** Whom this member talks to. Follows the list of members; those who left are let go when they could have heard of it. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #senders = new Map<MemberId, PeerSender>();
  readonly #connected = new Map<MemberId, { sinceMs: number; lastMs: number }>();
  #stopped = false;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  get(id: MemberId): PeerSender | undefined {
    return this.#senders.get(id);
  }

  all(): readonly { readonly id: MemberId; readonly sender: PeerSender }[] {
    return [...this.#senders].map(([id, sender]) => ({ id, sender }));
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) this.#senders.get(message.to)?.send(message);
  }

  follow(members: readonly ClusterMember[]): void {
    if (this.#stopped) return;
    for (const member of members) this.#know(member);
    const ids = new Set(members.map(({ id }) => id));
    for (const id of this.#senders.keys()) if (!ids.has(id)) this.#letGo(id);
  }

  /** It has talked to us, and isn't in our list of members, which may be behind. */
  learn(id: MemberId, peerUrls: readonly string[]): void {
    if (!this.#stopped && peerUrls.length > 0 && !this.#senders.has(id)) this.#know({ id, name: idText(id), peerUrls });
  }

  #know(peer: ClusterMember): void {
    const { host, cluster, identity, files, electionMs } = this.#options;
    if (peer.id === cluster.self.id) return;
    const sender = this.#senders.get(peer.id);
    if (sender !== undefined) {
      sender.moved(peer);
      return;
    }
    this.#senders.set(peer.id, new PeerSender({
      host, cluster, peer, get tls() { return identity.peerTls; }, files, silenceMs: 2 * electionMs, removed: () => { this.#options.removed(); },
      unreachable: () => { this.#options.unreachable(peer.id); }, snapshotSent: (ok) => { this.#options.snapshotSent(peer.id, ok); },
    }));
  }

  #letGo(id: MemberId): void {
    const sender = this.#senders.get(id);
    if (sender === undefined) return;
    this.#options.host.timers.after(this.#options.electionMs, () => {
      const { cluster } = this.#options;
      if (this.#stopped || cluster.members.some((member) => member.id === id) || this.#senders.get(id) !== sender) return;
      sender.stop();
      this.#senders.delete(id);
      this.#connected.delete(id);
    });
  }

  heard(id: MemberId): void {
    this.#senders.get(id)?.heard();
    const nowMs = this.#options.host.clock.monotonicMs();
    const connected = this.#connected.get(id);
    if (connected === undefined || nowMs - connected.lastMs > this.#options.electionMs) this.#connected.set(id, { sinceMs: nowMs, lastMs: nowMs });
    else connected.lastMs = nowMs;
  }

  /** Since when it has been heard without a gap; undefined: it isn't now. */
  connectedSinceMs(id: MemberId): number | undefined {
    const connected = this.#connected.get(id);
    return connected === undefined || this.#options.host.clock.monotonicMs() - connected.lastMs > this.#options.electionMs ? undefined : connected.sinceMs;
  }

  tick(): void {
    for (const sender of this.#senders.values()) sender.tick();
  }

  stop(): void {
    this.#stopped = true;
    for (const sender of this.#senders.values()) sender.stop();
  }
}
