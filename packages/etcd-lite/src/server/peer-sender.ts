import type { ClientTls, Host } from '@coxswain/host';
import { Http2Client, resetError, type ClientRequest, type Head } from '@coxswain/http2';
import { confOfState } from '../machine/snapshot.ts';
import type { Message } from '../raft/index.ts';
import { streamBytes, streamState, type ExportedState, type StoreFiles } from '../storage/index.ts';
import { lengthFrame } from '../wire/frames.ts';
import { encodePeerFrame, encodePeerMessage } from '../wire/peer-codec.ts';
import { idText, type Cluster, type ClusterMember } from './cluster.ts';
import { peerHeaders, peerPaths } from './peer-paths.ts';

/** What a stuck connection may hold before it is dropped. Raft sends anew what was lost. */
const maxQueuedBytes = 16 * 1024 * 1024;
const retryMinMs = 50;
const retryMaxMs = 500;

type SnapshotMessage = Extract<Message, { readonly type: 'snapshot' }>;

export interface PeerSenderOptions {
  readonly host: Host;
  readonly cluster: Cluster;
  readonly peer: ClusterMember;
  readonly tls: ClientTls | undefined;
  readonly files: StoreFiles;
  /** Without a sign of life for so long after something was sent, the connection is made anew. */
  readonly silenceMs: number;
  /** The peer says that this member does not belong to the cluster any more. */
  readonly removed: () => void;
  readonly unreachable: () => void;
  readonly snapshotSent: (ok: boolean) => void;
}

/** One long request whose body are the messages; those that come before it stands wait here. */
class OpenStream {
  readonly #abort = new AbortController();
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #request: ClientRequest | undefined;

  /** False: too much waits. */
  write(frame: readonly Uint8Array[]): boolean {
    const request = this.#request;
    const stream = request?.stream;
    for (const part of frame) {
      if (request === undefined) this.#early.push(part);
      else request.write(part);
      if (stream === undefined) this.#earlyBytes += part.length;
    }
    return (stream?.queuedBytes ?? this.#earlyBytes) <= maxQueuedBytes;
  }

  abort(): void {
    this.#abort.abort();
  }

  /** Resolves with the status that ends it. Rejects with NetworkError if it breaks, or by `abort`. */
  async run(host: Host, url: string, headers: Readonly<Record<string, string>>, tls: ClientTls | undefined): Promise<number> {
    const { signal } = this.#abort;
    const { protocol, hostname, port, host: authority, pathname } = new URL(url);
    const secure = protocol === 'https:';
    const channel = await host.network.connect({ address: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (secure ? 443 : 80) : Number(port), signal, ...(secure ? { tls: tls ?? {}, alpn: ['h2'] } : {}) });
    const done = Promise.withResolvers<number>();
    const client = new Http2Client(channel, { clock: host.clock, timers: host.timers, onLeaving: () => undefined });
    const broken = (): void => { client.close(); };
    signal.addEventListener('abort', broken);
    if (signal.aborted) broken();
    this.#request = client.begin([[':method', 'POST'], [':scheme', protocol.slice(0, -1)], [':path', pathname], [':authority', authority], ...Object.entries(headers)], {
      head: (head: Head) => { done.resolve(head.status); }, data: () => undefined, trailers: () => undefined, drained: () => undefined, reset: (code) => { done.reject(resetError(code)); },
    });
    for (const frame of this.#early.splice(0)) this.#request.write(frame);
    try {
      return await done.promise;
    } finally {
      signal.removeEventListener('abort', broken);
      client.close();
    }
  }
}

/** Sends to one peer: messages over one long request, made when needed and made anew when it breaks; a state over its own. */
export class PeerSender {
  readonly #options: PeerSenderOptions;
  #peer: ClusterMember;
  #stream: OpenStream | undefined;
  #urlAt = 0;
  #retryMs = retryMinMs;
  #notBeforeMs = 0;
  /** The oldest message since the peer was last heard. */
  #unansweredSinceMs: number | undefined;
  #sendingSnapshot = false;
  #stopped = false;

  constructor(options: PeerSenderOptions) {
    this.#options = options;
    this.#peer = options.peer;
  }

  /** Its addresses may be others now. */
  moved(peer: ClusterMember): void {
    const same = peer.peerUrls.join() === this.#peer.peerUrls.join();
    this.#peer = peer;
    if (!same) this.#break();
  }

  #url(path: string): string {
    const urls = this.#peer.peerUrls;
    return `${urls[this.#urlAt % urls.length] as string}${path}`;
  }

  #headers(): Record<string, string> {
    const { cluster, peer } = this.#options;
    return { [peerHeaders.cluster]: idText(cluster.clusterId), [peerHeaders.from]: idText(cluster.self.id), [peerHeaders.to]: idText(peer.id), [peerHeaders.urls]: cluster.self.peerUrls.join(), 'content-type': 'application/octet-stream' };
  }

  send(message: Message): void {
    if (this.#stopped) return;
    if (message.type === 'snapshot') {
      void this.#sendSnapshot(message);
      return;
    }
    const nowMs = this.#options.host.clock.monotonicMs();
    if (this.#stream === undefined && nowMs < this.#notBeforeMs) return;
    if (this.#stream === undefined) void this.#run();
    this.#unansweredSinceMs ??= nowMs;
    const stream = this.#stream as OpenStream | undefined;
    if (stream !== undefined && !stream.write(encodePeerFrame(message))) this.#break();
  }

  /** It lives: no reason to wait with the next attempt. */
  heard(): void {
    this.#unansweredSinceMs = undefined;
    this.#notBeforeMs = 0;
  }

  tick(): void {
    const { host, silenceMs } = this.#options;
    if (this.#unansweredSinceMs !== undefined && host.clock.monotonicMs() - this.#unansweredSinceMs > silenceMs) this.#break();
  }

  #break(): void {
    this.#unansweredSinceMs = undefined;
    this.#stream?.abort();
  }

  async #run(): Promise<void> {
    const { host, peer, tls } = this.#options;
    const stream = new OpenStream();
    this.#stream = stream;
    const startMs = host.clock.monotonicMs();
    try {
      const status = await stream.run(host, this.#url(peerPaths.stream), this.#headers(), tls);
      host.log.warn('peer ended the message stream', { peer: peer.name, status });
      if (status === 410) this.#options.removed();
    } catch (error) {
      host.log.debug('message stream to peer broke', { peer: peer.name, error: (error as Error).message });
    }
    this.#ended(host.clock.monotonicMs() - startMs);
  }

  #ended(lifeMs: number): void {
    this.#stream = undefined;
    this.#urlAt += 1;
    this.#retryMs = lifeMs > retryMaxMs ? retryMinMs : Math.min(this.#retryMs * 2, retryMaxMs);
    this.#notBeforeMs = this.#options.host.clock.monotonicMs() + this.#retryMs;
    if (!this.#stopped) this.#options.unreachable();
  }

  /** Of what is on disk now, which may be newer than what Raft asked to be sent. */
  async #sendSnapshot(message: SnapshotMessage): Promise<void> {
    const { host, peer, files, snapshotSent } = this.#options;
    if (this.#sendingSnapshot) return;
    this.#sendingSnapshot = true;
    let ok = false;
    const state = files.exportState();
    try {
      if (state !== undefined) ok = await this.#transfer(message, state);
    } catch (error) {
      host.log.warn('the state could not be sent to a peer', { peer: peer.name, error: (error as Error).message });
    } finally {
      state?.close();
    }
    this.#sendingSnapshot = false;
    if (!this.#stopped) snapshotSent(ok);
  }

  async #transfer(message: SnapshotMessage, state: ExportedState): Promise<boolean> {
    const { host, peer, tls } = this.#options;
    const { index, term } = state.manifest;
    host.log.info('sending the state to a peer', { peer: peer.name, index, sizeBytes: streamBytes(state) });
    const conf = index === message.snapshot.index ? message.conf : confOfState(state.manifest.state) ?? message.conf;
    const body = snapshotBody({ ...message, snapshot: { index, term }, conf }, streamState(host.crypto, state));
    const response = await host.network.fetch({
      url: this.#url(peerPaths.snapshot), method: 'POST', headers: this.#headers(), body, httpVersion: '2', ...(tls === undefined ? {} : { tls }),
    });
    return response.status === 204;
  }

  /** A short question, for instance about a lease. Rejects with NetworkError. */
  async ask(path: string, body: Uint8Array, signal: AbortSignal): Promise<{ readonly status: number; readonly body: AsyncIterable<Uint8Array> }> {
    const { host, tls } = this.#options;
    return host.network.fetch({ url: this.#url(path), method: 'POST', headers: this.#headers(), body, signal, httpVersion: '2', ...(tls === undefined ? {} : { tls }) });
  }

  stop(): void {
    this.#stopped = true;
    this.#break();
  }
}

/** An empty frame ends it: a transfer that breaks off must not look whole. */
async function* snapshotBody(message: Message, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield lengthFrame(encodePeerMessage(message));
  for await (const chunk of chunks) yield lengthFrame(chunk);
  yield lengthFrame(new Uint8Array(0));
}
