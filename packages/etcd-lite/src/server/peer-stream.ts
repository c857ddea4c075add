import type { Host, Logger, Peer } from '@coxswain/host';
import { errorCode, Http2Server, serveHandler, type Head, type Http2Stream, type StreamHandler } from '@coxswain/http2';
import { LengthCutter } from '../wire/frames.ts';
import { decodePeerMessage } from '../wire/peer-codec.ts';
import { guardCertificates, isAllowed, type CertificatePolicy } from './certificate-policy.ts';
import { idText } from './cluster.ts';
import { checkPeer, maxFrameBytes, peerHandler, type PeerHandlerHooks } from './peer-handler.ts';
import { peerPaths } from './peer-paths.ts';

/** What a peer URL answers over HTTP/2: the stream of a peer's messages, which come without a promise each, and questions. */
export function peerHttp2(hooks: PeerHandlerHooks, host: Host, policy: () => CertificatePolicy | undefined): Http2Server {
  const other = serveHandler(guardCertificates(peerHandler(hooks), policy), host.log);
  return new Http2Server({
    clock: host.clock, timers: host.timers, log: host.log,
    onStream: (stream, head, ended, peer) => {
      if (head.path === peerPaths.stream && isAllowed(policy(), peer.certificate)) receive(hooks, host.log, stream, head, ended, peer, other);
      else other(stream, head, ended, peer);
    },
  });
}

function receive(hooks: PeerHandlerHooks, log: Logger, stream: Http2Stream, head: Head, ended: boolean, peer: Peer, other: ReturnType<typeof serveHandler>): void {
  const sender = checkPeer(hooks, head.headers);
  // Whoever is refused hears it from the handler.
  if (sender.refusal !== undefined || ended) other(stream, head, ended, peer);
  else stream.handler = new PeerStream(hooks, log, stream, sender.from);
}

/** The messages of one peer, until its stream ends. */
class PeerStream implements StreamHandler {
  readonly #hooks: PeerHandlerHooks;
  readonly #log: Logger;
  readonly #stream: Http2Stream;
  readonly #from: bigint;
  readonly #cutter = new LengthCutter(maxFrameBytes);
  #over = false;

  constructor(hooks: PeerHandlerHooks, log: Logger, stream: Http2Stream, from: bigint) {
    this.#hooks = hooks;
    this.#log = log;
    this.#stream = stream;
    this.#from = from;
  }

  head(): void {}

  data(data: Uint8Array, ended: boolean): void {
    if (this.#over) return;
    this.#stream.consumed(data.length);
    try {
      this.#cutter.push(data, (frame) => { this.#message(frame); });
    } catch (error) {
      this.#log.debug('the message stream of a peer is broken', { peer: idText(this.#from), error: (error as Error).message });
      this.#stream.reset(errorCode.internalError);
      this.#lost();
      return;
    }
    if (ended) this.trailers();
  }

  #message(frame: Uint8Array): void {
    const message = decodePeerMessage(frame);
    if (message === undefined || message.from !== this.#from || message.to !== this.#hooks.cluster.self.id) return;
    this.#hooks.heard(this.#from);
    this.#hooks.message(message);
  }

  trailers(): void {
    this.#stream.headers([[':status', '200']], true);
    this.#lost();
  }

  reset(): void {
    this.#lost();
  }

  drained(): void {}

  #lost(): void {
    if (this.#over) return;
    this.#over = true;
    this.#hooks.lost(this.#from);
  }
}
