import { GrpcCutter, grpcContentType, grpcMessage } from '@coxswain/etcd-lite/wire';
import { fromUtf8 } from '@coxswain/host';
import { apiErrorOf } from '../api-error.ts';
import type { Client } from '../types.ts';
import { fastPathCodecs, fastPathMethods, type FastPathAnswer, type FastPathItem, type FastPathWrite } from './messages.ts';

/** They say something of this call, not that the server has no fast path. */
const notNow = new Set([401, 408, 429]);

const maxMessageBytes = 64 * 1024 * 1024;

export interface WriteOptions extends Omit<FastPathWrite, 'items'> {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Undefined: this server has no fast path. Rejects with NetworkError, or with ApiError if the server cannot say at the moment. */
export async function writeItems(client: Client, items: readonly FastPathItem[], { headers = {}, ...how }: WriteOptions = {}): Promise<readonly FastPathAnswer[] | undefined> {
  const response = await client.raw({
    method: 'POST', target: fastPathMethods.write, headers: { ...headers, 'content-type': grpcContentType, te: 'trailers' }, body: grpcMessage(fastPathCodecs.writeRequest, { items, ...how }),
  });
  if (response.status >= 500 || notNow.has(response.status)) throw apiErrorOf(response.status, fromUtf8(response.body), undefined);
  if (response.status !== 200) return undefined;
  const cutter = new GrpcCutter(maxMessageBytes);
  cutter.push(response.body);
  const message = cutter.next();
  return message === undefined ? undefined : fastPathCodecs.writeResponse.decode(message).answers;
}
