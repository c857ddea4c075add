import { etcdTrailerBytes, streamBytes, streamState } from '../storage/index.ts';
import { codecs } from '../wire/schema.ts';
import type { Member } from './member.ts';

const maxBlobBytes = 256 * 1024;
const digestBytes = 32;

/**
 * etcdserverpb.Maintenance/Snapshot: the state with everything applied when it was asked for, in the project's own format, with what
 * etcd's clients look for behind it (they refuse a length that is not a multiple of 512 and 32).
 */
export async function* snapshotStream(member: Member): AsyncGenerator<Uint8Array, void, undefined> {
  const { host, applier } = member;
  const state = await applier.exportState();
  try {
    const version = applier.machine.versions.clusterVersion;
    const sizeBytes = streamBytes(state);
    const padding = new Uint8Array(etcdTrailerBytes(sizeBytes) - digestBytes);
    let remainingBytes = sizeBytes + padding.length;
    host.log.info('sending the state to a client', { index: state.manifest.index, sizeBytes });
    let last: Uint8Array = padding;
    for await (const part of streamState(host.crypto, state)) {
      last = part;
      for (let at = 0; at < part.length; at += maxBlobBytes) {
        const blob = part.subarray(at, at + maxBlobBytes);
        remainingBytes -= blob.length;
        yield codecs.snapshotResponse.encode({ remainingBytes, blob, version });
      }
    }
    // The state ends with a digest of all of it, so a digest of that stands for everything, as etcd's last blob does.
    if (padding.length > 0) yield codecs.snapshotResponse.encode({ remainingBytes: 0, blob: padding, version });
    yield codecs.snapshotResponse.encode({ remainingBytes: 0, blob: host.crypto.hash('sha256', last), version });
  } finally {
    state.close();
  }
}
