import { header, readAll, utf8, type HeaderMap, type HttpHandler, type HttpRequest, type HttpResponse, type Logger } from '@coxswain/host';
import type { Message, SnapshotMeta } from '../raft/index.ts';
import { ByteReader, readLengthFrame } from '../wire/frames.ts';
import { decodePeerMessage } from '../wire/peer-codec.ts';
import { idText, parseId, type Cluster } from './cluster.ts';
import { membersBody } from './join.ts';
import { membersPath, peerHeaders, peerPaths, removedText } from './peer-paths.ts';

const maxQuestionBytes = 64 * 1024;
export const maxFrameBytes = 64 * 1024 * 1024;

export interface PeerHandlerHooks {
  readonly cluster: Cluster;
  readonly log: Logger;
  message(message: Message): void;
  heard(from: bigint): void;
  /** The stream of its messages has ended. */
  lost(from: bigint): void;
  /** Of this cluster and not removed, but not in this member's list, which may be behind. */
  learn(from: bigint, peerUrls: readonly string[]): void;
  /** Changes the members on behalf of another one; undefined if this member doesn't lead. */
  change(body: Uint8Array): Promise<Uint8Array | undefined>;
  /** Resolves when the state is on disk. */
  saveSnapshot(snapshot: SnapshotMeta, from: bigint, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** Answers a question about a lease; undefined if this member doesn't lead. */
  readonly lease: (body: Uint8Array) => Promise<Uint8Array | undefined>;
  /** The free bytes of this member's disk. */
  readonly space: () => Promise<Uint8Array>;
  /** Answers what this member holds at a revision; undefined if that cannot be told. */
  readonly hashKv: (body: Uint8Array) => Promise<Uint8Array | undefined>;
}

function text(status: number, message: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain' }, body: utf8(`${message}\n`) };
}

/** What a member's peer URL answers. TLS has already told who may connect at all. */
export function peerHandler(hooks: PeerHandlerHooks): HttpHandler {
  return async (request) => {
    if (request.target === membersPath) return answerMembers(hooks.cluster);
    const { from, refusal } = checkPeer(hooks, request.headers);
    if (refusal !== undefined) return refusal;
    try {
      switch (request.target) {
        case peerPaths.snapshot: return await receiveSnapshot(hooks, from, request);
        case peerPaths.lease: return await answer((body) => hooks.lease(body), request, 'not leader');
        case peerPaths.hashKv: return await answer((body) => hooks.hashKv(body), request, 'no hash of that revision');
        case peerPaths.space: return await answer(() => hooks.space(), request, 'unknown');
        case peerPaths.change: return await answer((body) => hooks.change(body), request, 'not leader');
        default: return text(404, '404 page not found');
      }
    } catch (error) {
      hooks.log.debug('request of a peer failed', { peer: idText(from), target: request.target, error: (error as Error).message });
      return text(500, 'failed');
    }
  };
}

function answerMembers(cluster: Cluster): HttpResponse {
  const published = new Map(cluster.listed().map((member) => [member.ID, member.clientURLs]));
  const body = membersBody(cluster.members, (id) => published.get(id) ?? []);
  return { status: 200, headers: { 'content-type': 'application/json', [peerHeaders.cluster]: idText(cluster.clusterId) }, body: utf8(body) };
}

/** Who sends, and why that is refused. */
export function checkPeer(hooks: Pick<PeerHandlerHooks, 'cluster' | 'learn'>, headers: HeaderMap): { readonly from: bigint; readonly refusal: HttpResponse | undefined } {
  const from = parseId(header(headers, peerHeaders.from)) ?? 0n;
  const refusal = refusalOf(hooks.cluster, from, headers);
  if (refusal === undefined) hooks.learn(from, (header(headers, peerHeaders.urls) ?? '').split(',').filter((url) => URL.canParse(url)));
  return { from, refusal };
}

function refusalOf(cluster: Cluster, from: bigint, headers: HeaderMap): HttpResponse | undefined {
  if (header(headers, peerHeaders.cluster) !== idText(cluster.clusterId)) return text(412, 'cluster ID mismatch');
  if (header(headers, peerHeaders.to) !== idText(cluster.self.id)) return text(412, 'member ID mismatch');
  if (from === 0n) return text(403, 'not a member');
  if (cluster.wasRemoved(from)) return text(410, removedText);
  return undefined;
}

async function receiveSnapshot(hooks: PeerHandlerHooks, from: bigint, request: HttpRequest): Promise<HttpResponse> {
  const reader = new ByteReader(request.body);
  const first = await readLengthFrame(reader, maxFrameBytes);
  const message = first === undefined ? undefined : decodePeerMessage(first);
  if (message?.type !== 'snapshot' || message.to !== hooks.cluster.self.id) return text(400, 'expected a snapshot message');
  await hooks.saveSnapshot(message.snapshot, from, chunksOf(reader));
  hooks.heard(from);
  hooks.message(message);
  return { status: 204, headers: {} };
}

async function* chunksOf(reader: ByteReader): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const chunk = await readLengthFrame(reader, maxFrameBytes);
    if (chunk === undefined) throw new Error('the transfer broke off');
    if (chunk.length === 0) return;
    yield chunk;
  }
}

async function answer(ask: PeerHandlerHooks['lease'], request: HttpRequest, none: string): Promise<HttpResponse> {
  const body = await ask(await readAll(request.body, maxQuestionBytes));
  return body === undefined ? text(503, none) : { status: 200, headers: { 'content-type': 'application/octet-stream' }, body };
}
