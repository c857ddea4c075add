import type { EventMessage, ResponseHeader } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import type { WatchOutput } from './watch-output.ts';

/** Watch responses in which header and events are encoded once, however many watches get them. One for a whole member. */
export class WatchFrames {
  #header: ResponseHeader | undefined;
  #headerData: Uint8Array = new Uint8Array(0);

  /** The same bytes as the codec would give for `{ header, watchId, events }`, framed for gRPC. `watchId` is not negative. */
  write(out: WatchOutput, header: ResponseHeader, watchId: number, events: readonly EventMessage[]): void {
    out.events(this.#headerBytes(header), header, watchId, events);
  }

  #headerBytes(header: ResponseHeader): Uint8Array {
    const last = this.#header;
    if (last === header) return this.#headerData;
    if (last === undefined || last.revision !== header.revision || last.raftTerm !== header.raftTerm) this.#headerData = codecs.watchResponse.encode({ header, watchId: 0, events: [] });
    this.#header = header;
    return this.#headerData;
  }
}
