import type { Wire } from '@coxswain/host';
import type { CacheEvent } from './event.ts';
import type { Watcher } from './watcher.ts';

/**
 * What all objects that a watcher sees have in common: a field's value. The cache then hands it only changes of objects that have the
 * value, before or after.
 */
export interface Trigger {
  /** Names the field; equal names mean equal `valueOf`. */
  readonly field: string;
  readonly value: string;
  valueOf(event: CacheEvent): { readonly now: string; readonly before: string };
}

interface Indexed {
  readonly trigger: Trigger;
  readonly byValue: Map<string, Set<Watcher>>;
}

/** Wire by wire, so that what one puts together leaves, and its memory is free, before the next one's turn. */
function byWire(watchers: readonly Watcher[]): ReadonlyMap<Wire | undefined, readonly Watcher[]> {
  const groups = new Map<Wire | undefined, Watcher[]>();
  for (const watcher of watchers) {
    const { wire } = watcher;
    const group = groups.get(wire);
    if (group === undefined) groups.set(wire, [watcher]);
    else group.push(watcher);
  }
  return groups;
}

/** The watchers of one cache, so that a change costs those whom it is about. */
export class Watchers {
  readonly #all = new Map<Watcher, Trigger | undefined>();
  readonly #unindexed = new Set<Watcher>();
  readonly #fields = new Map<string, Indexed>();
  /** Those who have something since the last `tell`. */
  #told: Watcher[] = [];

  get size(): number {
    return this.#all.size;
  }

  all(): readonly Watcher[] {
    return [...this.#all.keys()];
  }

  add(watcher: Watcher, trigger: Trigger | undefined): void {
    this.#all.set(watcher, trigger);
    if (trigger === undefined) {
      this.#unindexed.add(watcher);
      return;
    }
    let indexed = this.#fields.get(trigger.field);
    if (indexed === undefined) {
      indexed = { trigger, byValue: new Map() };
      this.#fields.set(trigger.field, indexed);
    }
    const same = indexed.byValue.get(trigger.value);
    if (same === undefined) indexed.byValue.set(trigger.value, new Set([watcher]));
    else same.add(watcher);
  }

  delete(watcher: Watcher): void {
    const trigger = this.#all.get(watcher);
    this.#all.delete(watcher);
    this.#unindexed.delete(watcher);
    if (trigger === undefined) return;
    const indexed = this.#fields.get(trigger.field);
    const same = indexed?.byValue.get(trigger.value);
    same?.delete(watcher);
    if (same?.size === 0) indexed?.byValue.delete(trigger.value);
    if (indexed?.byValue.size === 0) this.#fields.delete(trigger.field);
  }

  /** Hands the event to those whom it may be about; they hear of it with the next `tell`. */
  push(event: CacheEvent): void {
    const item = { kind: 'event', event } as const;
    for (const watcher of this.#unindexed) this.#give(watcher, item);
    for (const { trigger, byValue } of this.#fields.values()) {
      const { now, before } = trigger.valueOf(event);
      for (const watcher of byValue.get(now) ?? []) this.#give(watcher, item);
      if (before !== now) for (const watcher of byValue.get(before) ?? []) this.#give(watcher, item);
    }
  }

  #give(watcher: Watcher, item: { readonly kind: 'event'; readonly event: CacheEvent }): void {
    watcher.add(item);
    if (watcher.willBeTold) return;
    watcher.willBeTold = true;
    this.#told.push(watcher);
  }

  tell(): void {
    const told = this.#told;
    if (told.length === 0) return;
    this.#told = [];
    for (const [wire, together] of byWire(told)) {
      for (const watcher of together) {
        watcher.willBeTold = false;
        watcher.tell();
      }
      wire?.flush();
    }
  }

  closeAll(): void {
    for (const watcher of this.#all.keys()) watcher.close();
  }
}
