import { emptyConf, encodeConf, readConfChange } from '../raft/conf.ts';
import type { Message, MessageType } from '../raft/types.ts';
import { peerMessage, type PeerMessage } from './schema.ts';

/** Numbers of the message types on the wire between members: append only. */
const typeNumbers: Readonly<Record<MessageType, number>> = {
  'pre-vote': 1, 'pre-vote-response': 2, vote: 3, 'vote-response': 4, append: 5, 'append-response': 6, heartbeat: 7, 'heartbeat-response': 8,
  snapshot: 9, 'timeout-now': 10, 'read-index': 11, 'read-index-response': 12, propose: 13,
};
const typeNames = new Map(Object.entries(typeNumbers).map(([name, number]) => [number, name as MessageType]));

export function encodePeerMessage(message: Message): Uint8Array {
  return peerMessage.encode(toWire(message));
}

function toWire(message: Message): PeerMessage {
  const { from, to, term } = message;
  const common = { type: typeNumbers[message.type], from, to, term };
  switch (message.type) {
    case 'pre-vote': case 'vote': return { ...common, index: message.index, logTerm: message.logTerm, flag: message.transfer };
    case 'pre-vote-response': case 'vote-response': return { ...common, flag: message.reject };
    case 'append': return { ...common, index: message.index, logTerm: message.logTerm, entries: message.entries, commit: message.commit };
    case 'append-response': return { ...common, index: message.index, flag: message.reject, hintIndex: message.hintIndex, hintTerm: message.hintTerm };
    case 'heartbeat': return { ...common, commit: message.commit, context: message.context };
    case 'heartbeat-response': return { ...common, context: message.context };
    case 'snapshot': return { ...common, index: message.snapshot.index, logTerm: message.snapshot.term, conf: encodeConf(message.conf) };
    case 'timeout-now': return common;
    case 'read-index': return { ...common, context: message.context };
    case 'read-index-response': return { ...common, context: message.context, index: message.index };
    case 'propose': return { ...common, proposals: message.proposals };
  }
}

/** Undefined: of a type that this version does not know. Throws MalformedMessage. */
export function decodePeerMessage(data: Uint8Array): Message | undefined {
  const wire = peerMessage.decode(data) as Required<PeerMessage>;
  const type = typeNames.get(wire.type);
  if (type === undefined) return undefined;
  const common = { from: wire.from, to: wire.to, term: wire.term };
  switch (type) {
    case 'pre-vote': case 'vote': return { ...common, type, index: wire.index, logTerm: wire.logTerm, transfer: wire.flag };
    case 'pre-vote-response': case 'vote-response': return { ...common, type, reject: wire.flag };
    case 'append': return { ...common, type, index: wire.index, logTerm: wire.logTerm, entries: wire.entries, commit: wire.commit };
    case 'append-response': return { ...common, type, index: wire.index, reject: wire.flag, hintIndex: wire.hintIndex, hintTerm: wire.hintTerm };
    case 'heartbeat': return { ...common, type, commit: wire.commit, context: wire.context };
    case 'heartbeat-response': return { ...common, type, context: wire.context };
    case 'snapshot': return { ...common, type, snapshot: { index: wire.index, term: wire.logTerm }, conf: wire.conf.length === 0 ? emptyConf : readConfChange(wire.conf).conf };
    case 'timeout-now': return { ...common, type };
    case 'read-index': return { ...common, type, context: wire.context };
    case 'read-index-response': return { ...common, type, context: wire.context, index: wire.index };
    case 'propose': return { ...common, type, proposals: wire.proposals };
  }
}
