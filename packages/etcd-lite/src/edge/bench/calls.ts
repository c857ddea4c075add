import type { ClientTls } from '@coxswain/host';
import { putRequest, rangeRequest } from '../../client/convert.ts';
import { grpcFrame } from '../../wire/grpc.ts';
import { codecs } from '../../wire/schema.ts';
import { paths } from './requests.ts';
import { LeanConnection } from './wire/connection.ts';

/** Calls around the load. Each throws if it fails; what the server said is not decoded. */
export class Caller {
  readonly #connection: LeanConnection;

  private constructor(connection: LeanConnection) {
    this.#connection = connection;
  }

  static async connect(endpoint: string, tls: ClientTls | undefined): Promise<Caller> {
    return new Caller(await LeanConnection.connect(endpoint, tls));
  }

  close(): void {
    this.#connection.close();
  }

  /** The sum of the messages' sizes, and the last message. */
  #call(path: string, message: Uint8Array): Promise<{ readonly sizeBytes: number; readonly last: Buffer }> {
    return new Promise((resolve, reject) => {
      let sizeBytes = 0;
      let last = Buffer.alloc(0);
      this.#connection.call(path, grpcFrame(message), {
        message: (buffer, start, end) => {
          sizeBytes += end - start;
          last = Buffer.from(buffer.subarray(start, end));
        },
        end: (ok) => { if (ok) resolve({ sizeBytes, last }); else reject(new Error(`${path} failed`)); },
      }, true);
    });
  }

  async put(key: Uint8Array, value: Uint8Array): Promise<void> {
    await this.#call(paths.put, codecs.putRequest.encode(putRequest({ key, value })));
  }

  async revision(): Promise<number> {
    const { last } = await this.#call(paths.range, codecs.rangeRequest.encode(rangeRequest({ key: Uint8Array.of(0x21) })));
    return codecs.rangeResponse.decode(last).header?.revision ?? 0;
  }

  async snapshot(): Promise<number> {
    return (await this.#call(paths.snapshot, new Uint8Array(0))).sizeBytes;
  }

  async compact(revision: number): Promise<void> {
    await this.#call(paths.compact, codecs.compactionRequest.encode({ revision, physical: false }));
  }

  async defragment(): Promise<void> {
    await this.#call(paths.defragment, new Uint8Array(0));
  }

  async moveLeader(targetId: bigint): Promise<void> {
    await this.#call(paths.moveLeader, codecs.moveLeaderRequest.encode({ targetID: targetId }));
  }
}
