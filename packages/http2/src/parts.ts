import type { ConnectionEvents, ConnectionOptions } from './connection-types.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { Inflow } from './inflow.ts';
import type { Peer } from './peer.ts';
import type { SendQueue } from './send-queue.ts';
import type { StreamPort } from './stream.ts';
import type { Streams } from './streams.ts';

/** What frames that come in act upon. */
export interface ConnectionParts {
  readonly options: ConnectionOptions;
  readonly events: ConnectionEvents;
  readonly writer: FrameWriter;
  readonly queue: SendQueue;
  readonly inflow: Inflow;
  readonly streams: Streams;
  readonly peer: Peer;
  /** For the streams that the peer opens. */
  readonly port: StreamPort;
}
