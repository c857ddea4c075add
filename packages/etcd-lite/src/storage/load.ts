import { emptyBytes } from '@coxswain/host';
import type { MvccStore } from '../mvcc/store.ts';
import { Version } from '../mvcc/version.ts';
import type { StoreManifest } from '../wire/schema.ts';
import type { SegmentEntry } from './segment-format.ts';
import type { Segment } from './segment.ts';
import type { OpenState, StoreFiles } from './store-files.ts';

type Slot = Version | Version[] | undefined;

/** Fills an empty store from the indexes of a state's segments; values stay where they are. */
export async function loadStore(files: StoreFiles, manifest: StoreManifest, store: MvccStore): Promise<OpenState> {
  const collector = new VersionCollector(manifest.revision, manifest.compactRevision);
  const state = await files.openState(manifest, (entry, ordinal, segment) => { collector.stored(entry, ordinal, segment); });
  collector.fill(store);
  return state;
}

/** Versions in any order become what a store is made of: keys in order, each with its versions linked, and the history. */
export class VersionCollector {
  readonly #revision: number;
  readonly #compactRevision: number;
  readonly #first: number;
  readonly #versions: Version[] = [];
  readonly #slots: Slot[] = [];

  constructor(revision: number, compactRevision: number) {
    this.#revision = revision;
    this.#compactRevision = compactRevision;
    this.#first = Math.max(compactRevision, 2);
  }

  stored(entry: SegmentEntry, ordinal: number, segment: Segment): void {
    const value = entry.length === 0 ? emptyBytes : undefined;
    const version = new Version(entry.text, entry.createRevision, entry.modRevision, entry.version, entry.lease, entry.crc, value);
    version.file = segment;
    version.ordinal = ordinal;
    this.add(version, entry.sub);
  }

  /** `sub`: its place among the changes of its revision. */
  add(version: Version, sub: number): void {
    this.#versions.push(version);
    const at = version.modRevision - this.#first;
    if (at < 0) return;
    // An array that is filled from its end would become a hash table.
    while (this.#slots.length < at) this.#slots.push(undefined);
    const slot = this.#slots[at];
    if (slot === undefined && sub === 0) {
      this.#slots[at] = version;
      return;
    }
    const list = slot === undefined ? [] : Array.isArray(slot) ? slot : [slot];
    list[sub] = version;
    this.#slots[at] = list;
  }

  fill(store: MvccStore): void {
    this.#versions.sort(byKeyAndRevision);
    const heads: Version[] = [];
    for (const version of this.#versions) {
      const last = heads[heads.length - 1];
      if (last?.text !== version.text) {
        heads.push(version);
        continue;
      }
      version.older = last;
      heads[heads.length - 1] = version;
    }
    while (this.#slots.length <= this.#revision - this.#first) this.#slots.push(undefined);
    const slots = this.#slots.map((slot) => (Array.isArray(slot) ? slot.filter((version) => version !== undefined) : slot));
    store.load(this.#revision, this.#compactRevision, heads, { first: this.#first, slots });
  }
}

function byKeyAndRevision(a: Version, b: Version): number {
  if (a.text !== b.text) return a.text < b.text ? -1 : 1;
  return a.modRevision - b.modRevision;
}
