import type { ProtocolFailure } from './frames.ts';
import type { Head } from './head.ts';
import type { Slabs } from './slabs.ts';
import type { Http2Stream } from './stream.ts';

export interface ConnectionOptions {
  readonly role: 'client' | 'server';
  /** How many streams the peer may have open at once. */
  readonly maxConcurrentStreams: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly maxHeaderListBytes: number;
  /** What all streams together may hold of content that nobody has consumed. */
  readonly maxHeldBytes: number;
  /** Never goes back; for the budget of what only costs work. */
  nowMs(): number;
  /** Shared with other connections; its own otherwise. */
  readonly slabs?: Slabs;
  /** Nobody keeps what `data` of a handler is given. */
  readonly briefReads?: boolean;
}

export interface ConnectionEvents {
  /** Something waits in `take`; said once until it is taken. */
  output(): void;
  /** It is to be taken now. */
  flush(): void;
  /** A server's: a request has come; its handler is to be set now. */
  stream(stream: Http2Stream, head: Head, ended: boolean): void;
  /** The peer will take no more requests on this connection, or its limits changed. */
  changed(): void;
  /** It is over: send what waits, then close the transport. `failure` undefined: both sides are done. */
  closed(failure: ProtocolFailure | undefined): void;
}
