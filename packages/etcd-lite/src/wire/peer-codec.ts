import { emptyBytes } from '@coxswain/host';
import { emptyConf, encodeConf, readConfChange } from '../raft/conf.ts';
import type { Entry, Message, MessageType } from '../raft/types.ts';
import { MalformedMessage, Reader } from './reader.ts';
import type { PeerMessage } from './schema.ts';
import { PartsWriter, ReverseWriter } from './writer.ts';

/** Numbers of the message types on the wire between members: append only. */
const typeNumbers: Readonly<Record<MessageType, number>> = {
  'pre-vote': 1, 'pre-vote-response': 2, vote: 3, 'vote-response': 4, append: 5, 'append-response': 6, heartbeat: 7, 'heartbeat-response': 8,
  snapshot: 9, 'timeout-now': 10, 'read-index': 11, 'read-index-response': 12, propose: 13,
};
const typeNames = new Map(Object.entries(typeNumbers).map(([name, number]) => [number, name as MessageType]));

/**
 * Length (4, little-endian) and content: how a message stands in the stream between two members, in parts that follow each other. What is
 * large is not copied: it is the same for all members, and must not change until it is sent.
 */
export function encodePeerFrame(message: Message): readonly Uint8Array[] {
  const writer = new PartsWriter();
  writeMessage(writer, toWire(message));
  writer.uint32(writer.sizeBytes);
  return writer.finish();
}

export function encodePeerMessage(message: Message): Uint8Array {
  const writer = new ReverseWriter();
  writeMessage(writer, toWire(message));
  return writer.finish();
}

type FieldWriter = Pick<ReverseWriter, 'sizeBytes' | 'bytes' | 'varint' | 'bigint'>;

/** As the description of PeerMessage says, by hand: each write of the cluster goes through here twice on each member. */
function writeMessage(writer: FieldWriter, message: PeerMessage): void {
  if (message.conf !== undefined && message.conf.length > 0) writeBytes(writer, 14, message.conf);
  const { proposals = [], entries = [] } = message;
  for (let at = proposals.length - 1; at >= 0; at -= 1) writeBytes(writer, 13, proposals[at] as Uint8Array);
  for (let at = entries.length - 1; at >= 0; at -= 1) writeEntry(writer, entries[at] as Entry);
  writeNumber(writer, 11, message.context);
  writeNumber(writer, 10, message.hintTerm);
  writeNumber(writer, 9, message.hintIndex);
  writeNumber(writer, 8, message.flag === true ? 1 : 0);
  writeNumber(writer, 7, message.commit);
  writeNumber(writer, 6, message.logTerm);
  writeNumber(writer, 5, message.index);
  writeNumber(writer, 4, message.term);
  writeId(writer, 3, message.to);
  writeId(writer, 2, message.from);
  writeNumber(writer, 1, message.type);
}

function writeEntry(writer: FieldWriter, { index, term, data }: Entry): void {
  const before = writer.sizeBytes;
  if (data.length > 0) writeBytes(writer, 3, data);
  writeNumber(writer, 2, term);
  writeNumber(writer, 1, index);
  writer.varint(writer.sizeBytes - before);
  writer.varint(12 * 8 + 2);
}

function writeBytes(writer: FieldWriter, id: number, data: Uint8Array): void {
  writer.bytes(data);
  writer.varint(data.length);
  writer.varint(id * 8 + 2);
}

function writeNumber(writer: FieldWriter, id: number, value = 0): void {
  if (value === 0) return;
  writer.varint(value);
  writer.varint(id * 8);
}

function writeId(writer: FieldWriter, id: number, value: bigint): void {
  if (value === 0n) return;
  writer.bigint(value);
  writer.varint(id * 8);
}

function toWire(message: Message): PeerMessage {
  const { from, to, term } = message;
  const common = { type: typeNumbers[message.type], from, to, term };
  switch (message.type) {
    case 'pre-vote': case 'vote': return { ...common, index: message.index, logTerm: message.logTerm, flag: message.transfer };
    case 'pre-vote-response': case 'vote-response': return { ...common, flag: message.reject };
    case 'append': return { ...common, index: message.index, logTerm: message.logTerm, entries: message.entries, commit: message.commit, flag: message.quiet === true };
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
  const wire = readMessage(data);
  const type = typeNames.get(wire.type);
  if (type === undefined) return undefined;
  const common = { from: wire.from, to: wire.to, term: wire.term };
  switch (type) {
    case 'pre-vote': case 'vote': return { ...common, type, index: wire.index, logTerm: wire.logTerm, transfer: wire.flag };
    case 'pre-vote-response': case 'vote-response': return { ...common, type, reject: wire.flag };
    case 'append': return { ...common, type, index: wire.index, logTerm: wire.logTerm, entries: wire.entries, commit: wire.commit, ...(wire.flag ? { quiet: true } : {}) };
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

type Wire = { -readonly [K in keyof Required<PeerMessage>]: Required<PeerMessage>[K] };

/** Unknown fields are skipped, as any reader of protobuf does. */
function readMessage(data: Uint8Array): Wire {
  const entries: Entry[] = [];
  const proposals: Uint8Array[] = [];
  const wire: Wire = { type: 0, from: 0n, to: 0n, term: 0, index: 0, logTerm: 0, commit: 0, flag: false, hintIndex: 0, hintTerm: 0, context: 0, entries, proposals, conf: emptyBytes };
  const reader = new Reader(data);
  while (!reader.done) {
    const tag = reader.int64();
    switch (tag) {
      case 8: wire.type = reader.int64(); break;
      case 16: wire.from = reader.bigint(false); break;
      case 24: wire.to = reader.bigint(false); break;
      case 32: wire.term = reader.int64(); break;
      case 40: wire.index = reader.int64(); break;
      case 48: wire.logTerm = reader.int64(); break;
      case 56: wire.commit = reader.int64(); break;
      case 64: wire.flag = reader.int64() !== 0; break;
      case 72: wire.hintIndex = reader.int64(); break;
      case 80: wire.hintTerm = reader.int64(); break;
      case 88: wire.context = reader.int64(); break;
      case 98: entries.push(readEntry(reader)); break;
      case 106: proposals.push(reader.bytes()); break;
      case 114: wire.conf = reader.bytes(); break;
      default: reader.skip(tag % 8);
    }
  }
  return wire;
}

function readEntry(reader: Reader): Entry {
  const end = reader.limit();
  let [index, term, data] = [0, 0, emptyBytes];
  while (reader.position < end) {
    const tag = reader.int64();
    switch (tag) {
      case 8: index = reader.int64(); break;
      case 16: term = reader.int64(); break;
      case 26: data = reader.bytes(); break;
      default: reader.skip(tag % 8);
    }
  }
  if (reader.position !== end) throw new MalformedMessage('field is longer than its message');
  return { index, term, data };
}
