import type { Segment } from './segment.ts';

export interface RewriteOptions {
  /** No segment is made larger than about this. */
  readonly maxSegmentBytes: number;
  /** Live bytes that one checkpoint copies. */
  readonly rewriteBytes: number;
}

/** `worthwhile`: what is mostly garbage or in many small pieces; `everything`: whatever has any garbage, of the segments up to an id. */
export type RewriteAim = { readonly kind: 'worthwhile' } | { readonly kind: 'everything'; readonly upToId: number };

/** Live entries that one checkpoint moves, however small they are. */
const maxMoved = 20_000;
const garbageShare = 0.5;
/** So many segments of about one size are made one. */
const tierWidth = 8;
const tierFactor = 4;
const smallestTierBytes = 64 * 1024;

export function garbageBytes(segment: Segment): number {
  return segment.info.sizeBytes - segment.liveBytes;
}

/** The segments whose live values the next checkpoint should copy, so that they can be removed. */
export function chooseVictims(segments: readonly Segment[], aim: RewriteAim, options: RewriteOptions): Segment[] {
  const dirty = segments.filter((segment) => (aim.kind === 'everything' ? segment.info.id <= aim.upToId && segment.liveCount < segment.info.count : isDirty(segment)));
  dirty.sort((a, b) => a.liveBytes / a.info.sizeBytes - b.liveBytes / b.info.sizeBytes);
  return within(dirty.length > 0 || aim.kind === 'everything' ? dirty : crowdedTier(segments, options), options);
}

function isDirty(segment: Segment): boolean {
  return garbageBytes(segment) > garbageShare * segment.info.sizeBytes;
}

function within(segments: readonly Segment[], { rewriteBytes }: RewriteOptions): Segment[] {
  const out: Segment[] = [];
  let [bytes, count] = [0, 0];
  for (const segment of segments) {
    bytes += segment.liveBytes;
    count += segment.liveCount;
    if (out.length > 0 && (bytes > rewriteBytes || count > maxMoved)) break;
    out.push(segment);
  }
  return out;
}

/** Many small segments cost a file each, and their indexes. Merging those of a size copies each value a few times in all. */
function crowdedTier(segments: readonly Segment[], { maxSegmentBytes }: RewriteOptions): readonly Segment[] {
  const tiers = new Map<number, Segment[]>();
  for (const segment of segments) {
    const bytes = Math.max(segment.liveBytes, smallestTierBytes);
    if (bytes > maxSegmentBytes / 2) continue;
    const tier = Math.floor(Math.log(bytes) / Math.log(tierFactor));
    tiers.set(tier, [...tiers.get(tier) ?? [], segment]);
  }
  for (const crowd of tiers.values()) if (crowd.length >= tierWidth) return crowd;
  return [];
}
