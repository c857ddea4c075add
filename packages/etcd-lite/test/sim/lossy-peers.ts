import type { Simulation } from '@coxswain/host/sim';
import type { Message } from '../../src/raft/index.ts';
import { PeerSender } from '../../src/server/peer-sender.ts';

/** Shares of the messages between members. */
export interface Loss {
  lost: number;
  twice: number;
  /** Come up to `lateMs` later, so that others overtake them. */
  late: number;
  lateMs: number;
}

/** A state must be reported as sent or not, and a proposal is no part of the algorithm: twice sent is twice done. */
const onceOnly: ReadonlySet<Message['type']> = new Set(['snapshot', 'propose']);

/**
 * Raft must bear messages that are lost, doubled and reordered, which the streams between members hardly ever do: this does it
 * between the algorithm and its senders. Answers how to put everything back.
 */
export function makePeersLossy(sim: Simulation, loss: Loss): () => void {
  const send = Reflect.get(PeerSender.prototype, 'send') as (this: PeerSender, message: Message) => void;
  PeerSender.prototype.send = function lossy(this: PeerSender, message: Message): void {
    if (loss.lost + loss.twice + loss.late === 0 || message.type === 'snapshot') {
      send.call(this, message);
      return;
    }
    const { random } = sim;
    if (random.float() < loss.lost) return;
    const times = random.float() < loss.twice && !onceOnly.has(message.type) ? 2 : 1;
    for (let at = 0; at < times; at += 1) {
      if (random.float() < loss.late) sim.loop.schedule(random.float() * loss.lateMs, () => { send.call(this, message); });
      else send.call(this, message);
    }
  };
  return () => { PeerSender.prototype.send = send; };
}
