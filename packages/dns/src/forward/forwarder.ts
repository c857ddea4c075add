import { fromUtf8, NetworkError, randomBelow, type ByteStream, type DatagramSocket, type Host } from '@coxswain/host';
import { frame, unframe, type Query } from '../wire/message.ts';
import { idOf, parseRaw, withId, type RawMessage } from '../wire/raw.ts';
import { AnswerCache } from './cache.ts';
import { parseResolvConf } from './resolv-conf.ts';

const timeoutMs = 2000;
const rounds = 2;
const rereadMs = 10_000;

export interface ForwarderOptions {
  /** Path of resolv.conf; read again every few seconds. */
  readonly resolvConf: string;
  /** Our own address and port: asking ourselves would never end. */
  readonly own: ReadonlySet<string>;
}

interface Server { readonly address: string; readonly port: number }

/** Asks the machine's resolvers. */
export class Forwarder {
  readonly #host: Host;
  readonly #options: ForwarderOptions;
  readonly #cache: AnswerCache;
  #servers: readonly Server[] = [];
  #readAtMs = Number.NEGATIVE_INFINITY;
  /** Questions under way, so that many who ask the same at once are one. */
  readonly #pending = new Map<string, Promise<RawMessage | undefined>>();

  constructor(host: Host, options: ForwarderOptions) {
    this.#host = host;
    this.#options = options;
    this.#cache = new AnswerCache(host.clock);
  }

  /** undefined: nobody answered. */
  async ask(query: Query, transport: 'udp' | 'tcp'): Promise<Uint8Array | undefined> {
    const { question } = parseRaw(query.bytes);
    const key = `${transport === 'tcp' ? 'tcp' : query.udpSize} ${query.edns} ${query.bytes[2]} ${query.bytes[3]} ${fromUtf8(question).toLowerCase()}`;
    const cached = this.#cache.get(key, query.id, question);
    if (cached !== undefined) return cached;
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = this.#askAll(query.bytes, question, transport).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    const message = await pending;
    if (message === undefined) return undefined;
    this.#cache.put(key, message);
    return withId(message.bytes, query.id);
  }

  async #askAll(bytes: Uint8Array, question: Uint8Array, transport: 'udp' | 'tcp'): Promise<RawMessage | undefined> {
    const servers = await this.#currentServers();
    for (let round = 0; round < rounds; round += 1) {
      for (const server of servers) {
        const message = await this.#askOne(server, bytes, question, transport);
        if (message !== undefined) return message;
      }
    }
    return undefined;
  }

  async #currentServers(): Promise<readonly Server[]> {
    const nowMs = this.#host.clock.monotonicMs();
    if (nowMs - this.#readAtMs < rereadMs) return this.#servers;
    this.#readAtMs = nowMs;
    try {
      const { nameservers } = parseResolvConf(fromUtf8(await this.#host.disk.readFile(this.#options.resolvConf)));
      this.#servers = nameservers.map((address) => ({ address, port: 53 })).filter(({ address, port }) => !this.#options.own.has(`${address}:${port}`));
    } catch (error) {
      this.#host.log.warn('resolv.conf cannot be read', { path: this.#options.resolvConf, error: String(error) });
    }
    return this.#servers;
  }

  /** A new id and, by UDP, a new port each time, so that answers cannot be forged by guessing. */
  async #askOne(server: Server, bytes: Uint8Array, question: Uint8Array, transport: 'udp' | 'tcp'): Promise<RawMessage | undefined> {
    const id = randomBelow(this.#host.random, 65_536);
    const accept = (answer: Uint8Array): RawMessage | undefined => {
      try {
        const message = parseRaw(answer);
        return idOf(answer) === id && sameQuestion(message.question, question) ? message : undefined;
      } catch {
        return undefined;
      }
    };
    try {
      const query = withId(bytes, id);
      return transport === 'udp' ? await this.#byUdp(server, query, accept) : await this.#byTcp(server, query, accept);
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      this.#host.log.debug('resolver was not reached', { server: server.address, error: error.message });
      return undefined;
    }
  }

  async #byUdp(server: Server, query: Uint8Array, accept: (answer: Uint8Array) => RawMessage | undefined): Promise<RawMessage | undefined> {
    const socket: DatagramSocket = await this.#host.network.bindDatagram({ address: server.address.includes(':') ? '::' : '0.0.0.0', port: 0 });
    const timer = this.#host.timers.after(timeoutMs, () => { socket.close().catch(() => undefined); });
    try {
      await socket.send(query, server.address, server.port);
      for await (const { data, address, port } of socket.messages) {
        if (address !== server.address || port !== server.port) continue;
        const message = accept(data);
        if (message !== undefined) return message;
      }
      return undefined;
    } finally {
      timer.cancel();
      await socket.close().catch(() => undefined);
    }
  }

  async #byTcp(server: Server, query: Uint8Array, accept: (answer: Uint8Array) => RawMessage | undefined): Promise<RawMessage | undefined> {
    const aborter = new AbortController();
    let stream: ByteStream | undefined;
    const timer = this.#host.timers.after(timeoutMs, () => { aborter.abort(); stream?.destroy(); });
    try {
      stream = await this.#host.network.dial(server.address, server.port, { signal: aborter.signal });
      await stream.write(frame(query));
      for await (const answer of unframe(stream.readable)) {
        const message = accept(answer);
        if (message !== undefined) return message;
      }
      return undefined;
    } finally {
      timer.cancel();
      stream?.destroy();
    }
  }
}

/** Names compare without case. */
function sameQuestion(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && fromUtf8(a).toLowerCase() === fromUtf8(b).toLowerCase();
}
