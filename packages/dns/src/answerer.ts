import { randomBelow, type Random } from '@coxswain/host';
import packet, { type Answer } from 'dns-packet';
import { addressOfReverse, type ClusterZone, type FinalAnswer } from './cluster/resolve.ts';
import type { ClusterSource } from './cluster/source.ts';
import type { DnsMetrics } from './dns-metrics.ts';
import { decodeQuery, emptyReply, encodeReply, type Query, type Reply } from './wire/message.ts';

export type Transport = 'udp' | 'tcp';

export interface Upstream {
  ask(query: Query, transport: Transport): Promise<Uint8Array | undefined>;
}

export interface AnswererParts {
  readonly source: ClusterSource;
  readonly zone: ClusterZone;
  readonly upstream: Upstream;
  readonly random: Random;
  readonly metrics: DnsMetrics;
}

/** Aliases of aliases; a longer chain is a circle. */
const aliasDepthMax = 8;

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i -= 1) {
    const j = randomBelow(random, i + 1);
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

/** From a query's bytes to the answer's: the cluster's names from memory, all others from the machine's resolvers. */
export class Answerer {
  readonly #parts: AnswererParts;

  constructor(parts: AnswererParts) {
    this.#parts = parts;
  }

  /** undefined: no answer is due. Never rejects. */
  async answer(bytes: Uint8Array, transport: Transport): Promise<Uint8Array | undefined> {
    const decoded = decodeQuery(bytes);
    if (decoded.kind === 'ignored') return undefined;
    if (decoded.kind === 'refused') return decoded.response;
    const { query } = decoded;
    const done = this.#parts.metrics.asked(query.question.type, transport);
    const response = await this.#respond(query, transport);
    done((response[3] as number) & 15);
    return response;
  }

  async #respond(query: Query, transport: Transport): Promise<Uint8Array> {
    const { zone } = this.#parts;
    if (query.question.class !== undefined && query.question.class !== 'IN') return encodeReply(query, emptyReply('REFUSED'), transport);
    if (zone.contains(query.name)) return encodeReply(query, await this.#fromZone(query), transport);
    const reversed = this.#reverse(query);
    if (reversed !== undefined) return encodeReply(query, this.#replyOf(reversed), transport);
    const answer = await this.#parts.upstream.ask(query, transport);
    return answer ?? encodeReply(query, emptyReply('SERVFAIL'), transport);
  }

  #reverse(query: Query): FinalAnswer | undefined {
    const address = query.question.type === 'PTR' ? addressOfReverse(query.name) : undefined;
    return address === undefined ? undefined : this.#parts.zone.reverse(address, query.question.name);
  }

  #replyOf(answer: FinalAnswer, before: readonly Answer[] = []): Reply {
    const { zone, random } = this.#parts;
    const soa = [zone.soa()];
    if (answer.kind === 'no-such-name') return { rcode: 'NXDOMAIN', authoritative: true, answers: before, authorities: soa, additionals: [] };
    // In another order each time: most clients take the first.
    const answers = [...before, ...shuffled(answer.answers, random)];
    return { rcode: 'NOERROR', authoritative: true, answers, authorities: answers.length === 0 ? soa : [], additionals: answer.additionals };
  }

  async #fromZone(query: Query): Promise<Reply> {
    const { source, zone } = this.#parts;
    // What we have not heard of yet is not the same as what does not exist.
    if (!source.hasSynced) return emptyReply('SERVFAIL');
    const aliases: Answer[] = [];
    let asked = query.question.name;
    for (let depth = 0; depth < aliasDepthMax; depth += 1) {
      const answer = zone.resolve(asked.toLowerCase().replace(/\.$/, ''), asked, query.question.type);
      if (answer.kind !== 'alias') return this.#replyOf(answer, aliases);
      aliases.push(answer.answer);
      asked = answer.target;
      if (!zone.contains(asked)) return this.#outsideAlias(query, asked, aliases);
    }
    return emptyReply('SERVFAIL');
  }

  /** Clients expect the alias's addresses in the same answer. */
  async #outsideAlias(query: Query, target: string, aliases: readonly Answer[]): Promise<Reply> {
    const bytes = packet.encode({ type: 'query', id: query.id, flags: packet.RECURSION_DESIRED, questions: [{ ...query.question, name: target }] });
    const decoded = decodeQuery(bytes);
    const found = decoded.kind === 'query' ? await this.#parts.upstream.ask(decoded.query, 'udp') : undefined;
    const answers = found === undefined ? [] : (packet.decode(found as Parameters<typeof packet.decode>[0]).answers ?? []);
    return { rcode: 'NOERROR', authoritative: true, answers: [...aliases, ...answers.filter((answer) => answer.type !== 'OPT')], authorities: [], additionals: [] };
  }
}
