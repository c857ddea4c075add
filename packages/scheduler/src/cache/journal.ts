import type { Node } from 'kubernetes-types/core/v1';
import type { PodInfo } from './pod-info.ts';

/** Where the cache has a pod, and by whose word. The journal and the cache share it: two are made for each pod. */
export interface PlacedPod {
  readonly pod: PodInfo;
  readonly nodeName: string;
  readonly kind: 'assumed' | 'added';
}

/** One change of the cache, with what is needed to take it back. Absent before: it came; absent after: it went. */
export type Change =
  | { readonly kind: 'pod'; readonly before: PlacedPod | undefined; readonly after: PlacedPod | undefined }
  | { readonly kind: 'node'; readonly before: Node | undefined; readonly after: Node | undefined };

/**
 * The last changes of something, such as the cache. With it a decision can be asked for its reasons later: what it looked at is taken back to where it was
 * then, and forward again.
 */
export class Journal<T> {
  readonly #capacity: number;
  #changes: T[] = [];
  /** Changes that were forgotten. */
  #forgotten = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many changes there have been: the place of the next one. */
  get end(): number { return this.#forgotten + this.#changes.length; }
  /** The earliest place that can be gone back to. */
  get start(): number { return this.#forgotten; }

  add(change: T): void {
    this.#changes.push(change);
    // Half at a time, so that the cost of moving the rest is shared by many.
    if (this.#changes.length < 2 * this.#capacity) return;
    this.#forgotten += this.#changes.length - this.#capacity;
    this.#changes = this.#changes.slice(-this.#capacity);
  }

  /** From `place` on, oldest first. */
  since(place: number): readonly T[] {
    return this.#changes.slice(place - this.#forgotten);
  }
}
