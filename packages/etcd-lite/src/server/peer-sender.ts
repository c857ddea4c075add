import { concatBytes, type ClientTls, type Host } from '@coxswain/host';
import { confOfState } from '../machine/snapshot.ts';
import type { Message } from '../raft/index.ts';
import { streamBytes, streamState, type ExportedState, type StoreFiles } from '../storage/index.ts';
import { lengthFrame } from '../wire/frames.ts';
import { encodePeerMessage } from '../wire/peer-codec.ts';
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

/** Sends to one peer: messages over one long request, made when needed and made anew when it breaks; a state over its own. */
export class PeerSender {
  readonly #options: PeerSenderOptions;
  #peer: ClusterMember;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #wake: (() => void) | undefined;
  #stream: AbortController | undefined;
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
    const frame = lengthFrame(encodePeerMessage(message));
    this.#queue.push(frame);
    this.#queuedBytes += frame.length;
    this.#unansweredSinceMs ??= nowMs;
    if (this.#queuedBytes > maxQueuedBytes) this.#break();
    else if (this.#stream === undefined) void this.#run();
    else this.#signal();
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
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
    const stream = new AbortController();
    this.#stream = stream;
    const startMs = host.clock.monotonicMs();
    try {
      const response = await host.network.fetch({
        url: this.#url(peerPaths.stream), method: 'POST', headers: this.#headers(), body: this.#body(stream.signal), signal: stream.signal, httpVersion: '2',
        ...(tls === undefined ? {} : { tls }),
      });
      host.log.warn('peer ended the message stream', { peer: peer.name, status: response.status });
      if (response.status === 410) this.#options.removed();
    } catch (error) {
      host.log.debug('message stream to peer broke', { peer: peer.name, error: (error as Error).message });
    }
    this.#ended(host.clock.monotonicMs() - startMs);
  }

  #ended(lifeMs: number): void {
    this.#stream = undefined;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#urlAt += 1;
    this.#retryMs = lifeMs > retryMaxMs ? retryMinMs : Math.min(this.#retryMs * 2, retryMaxMs);
    this.#notBeforeMs = this.#options.host.clock.monotonicMs() + this.#retryMs;
    if (!this.#stopped) this.#options.unreachable();
  }

  async *#body(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    signal.addEventListener('abort', () => { this.#signal(); });
    while (!signal.aborted) {
      if (this.#queue.length > 0) {
        const frames = this.#queue;
        this.#queue = [];
        this.#queuedBytes = 0;
        yield concatBytes(frames);
      } else {
        await new Promise<void>((resolve) => { this.#wake = resolve; });
      }
    }
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
