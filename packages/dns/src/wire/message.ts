import { concatBytes } from '@coxswain/host';
import packet, { type Answer, type Packet, type Question } from 'dns-packet';

export type Rcode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP' | 'REFUSED';

const codeOf: Readonly<Record<Rcode, number>> = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };
const headerLength = 12;
const flag = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursionDesired: 0x0100, recursionAvailable: 0x0080 } as const;

/** Largest answer by UDP to who does not say what it can take (RFC 1035), and the most we send to who says more. */
const udpSizeDefault = 512;
const udpSizeMax = 1232;

export interface Query {
  readonly id: number;
  readonly question: Question;
  /** Lower case, without the last dot: what is looked up. */
  readonly name: string;
  readonly recursionDesired: boolean;
  /** The client speaks EDNS. */
  readonly edns: boolean;
  readonly udpSize: number;
  /** As it came, for forwarding. */
  readonly bytes: Uint8Array;
}

export interface Reply {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly answers: readonly Answer[];
  readonly authorities: readonly Answer[];
  readonly additionals: readonly Answer[];
}

export type DecodedQuery =
  | { readonly kind: 'query'; readonly query: Query }
  /** Answer this. */
  | { readonly kind: 'refused'; readonly response: Uint8Array }
  /** Not even a header, or itself an answer: no answer. */
  | { readonly kind: 'ignored' };

export function emptyReply(rcode: Rcode): Reply {
  return { rcode, authoritative: false, answers: [], authorities: [], additionals: [] };
}

/** dns-packet reads Buffers: the same bytes, looked at in another way. */
function asBuffer(bytes: Uint8Array): Parameters<typeof packet.decode>[0] {
  return globalThis.Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Header only, for what cannot be understood. */
function bareResponse(bytes: Uint8Array, rcode: Rcode): Uint8Array {
  const out = new Uint8Array(headerLength);
  out.set(bytes.subarray(0, 2));
  out[2] = 0x80 | ((bytes[2] as number) & 0x79);
  out[3] = 0x80 | codeOf[rcode];
  return out;
}

export function decodeQuery(bytes: Uint8Array): DecodedQuery {
  if (bytes.length < headerLength || ((bytes[2] as number) & 0x80) !== 0) return { kind: 'ignored' };
  if (((bytes[2] as number) & 0x78) !== 0) return { kind: 'refused', response: bareResponse(bytes, 'NOTIMP') };
  let decoded: Packet;
  try {
    decoded = packet.decode(asBuffer(bytes));
  } catch {
    return { kind: 'refused', response: bareResponse(bytes, 'FORMERR') };
  }
  const [question, second] = decoded.questions ?? [];
  if (question === undefined || second !== undefined) return { kind: 'refused', response: bareResponse(bytes, 'FORMERR') };
  const opt = decoded.additionals?.find((record) => record.type === 'OPT');
  return { kind: 'query', query: {
    id: decoded.id ?? 0, question, name: question.name.toLowerCase().replace(/\.$/, ''), bytes,
    recursionDesired: ((decoded.flags ?? 0) & flag.recursionDesired) !== 0,
    edns: opt !== undefined,
    udpSize: opt === undefined ? udpSizeDefault : Math.min(udpSizeMax, Math.max(udpSizeDefault, opt.udpPayloadSize)),
  } };
}

function encode(query: Query, reply: Reply, truncated: boolean): Uint8Array {
  const opt: Answer[] = query.edns ? [{ type: 'OPT', name: '.', udpPayloadSize: udpSizeMax, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }] : [];
  return packet.encode({
    type: 'response', id: query.id, questions: [query.question],
    flags: (reply.authoritative ? flag.authoritative : 0) | (truncated ? flag.truncated : 0) | (query.recursionDesired ? flag.recursionDesired : 0)
      | flag.recursionAvailable | codeOf[reply.rcode],
    answers: [...reply.answers], authorities: [...reply.authorities], additionals: [...reply.additionals, ...opt],
  });
}

/** Fits the transport: additional records go first, silently; then answers, and the client is told to ask by TCP. */
export function encodeReply(query: Query, reply: Reply, transport: 'udp' | 'tcp'): Uint8Array {
  const limit = transport === 'tcp' ? 65_535 : query.udpSize;
  const whole = encode(query, reply, false);
  if (whole.length <= limit) return whole;
  const bare = { ...reply, additionals: [] };
  const withoutAdditionals = encode(query, bare, false);
  if (withoutAdditionals.length <= limit) return withoutAdditionals;
  let fits = encode(query, { ...bare, answers: [], authorities: [] }, true);
  // Some clients use what is there instead of asking again.
  for (let count = 1; count < bare.answers.length; count += 1) {
    const next = encode(query, { ...bare, authorities: [], answers: bare.answers.slice(0, count) }, true);
    if (next.length > limit) break;
    fits = next;
  }
  return fits;
}

/** DNS over TCP: each message after its length. */
export function frame(message: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.of(message.length >> 8, message.length & 255), message]);
}

export async function* unframe(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const part of source) {
    rest = rest.length === 0 ? part : concatBytes([rest, part]);
    while (rest.length >= 2) {
      const length = ((rest[0] as number) << 8) | (rest[1] as number);
      if (rest.length < 2 + length) break;
      yield rest.slice(2, 2 + length);
      rest = rest.subarray(2 + length);
    }
  }
}
