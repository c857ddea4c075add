import { AssumeCache, keyOf, keyOfObject, type Informer, type KubeObject, type Lister, type ObjectKey } from '@coxswain/client';
import { assert } from '@coxswain/host';
import { Journal } from '../cache/journal.ts';

/** Changes that can be taken back. */
const journalLength = 5000;

/** What objects were before the last changes of several kinds, so that all can be looked at as they were at one time. */
export class Past {
  readonly #journal = new Journal<() => void>(journalLength);
  readonly #kinds: { forget(): void }[] = [];

  /** The place of the next change. */
  get place(): number { return this.#journal.end; }
  /** The earliest place to which `at` can go back. */
  get earliestPlace(): number { return this.#journal.start; }

  kind<T extends KubeObject>(): PastOf<T> {
    const past = new PastOf<T>((putBack) => { this.#journal.add(putBack); });
    this.#kinds.push(past);
    return past;
  }

  /** Every kind as it was when `place` was the next change. `look` must not await. */
  at<T>(place: number, look: () => T): T {
    assert(place >= this.earliestPlace && place <= this.place, 'no such place in the past', { place, start: this.earliestPlace, end: this.place });
    for (const putBack of this.#journal.since(place).toReversed()) putBack();
    try {
      return look();
    } finally {
      for (const kind of this.#kinds) kind.forget();
    }
  }
}

/** Objects of one kind that were not what they are. Empty but while it is looked back. */
export class PastOf<T extends KubeObject> {
  readonly #was = new Map<string, T | undefined>();
  readonly #note: (putBack: () => void) => void;

  constructor(note: (putBack: () => void) => void) {
    this.#note = note;
  }

  forget(): void {
    this.#was.clear();
  }

  changed(key: string, before: T | undefined): void {
    this.#note(() => { this.#was.set(key, before); });
  }

  get(key: ObjectKey, now: (key: ObjectKey) => T | undefined): T | undefined {
    if (this.#was.size === 0) return now(key);
    const name = keyOf(key);
    return this.#was.has(name) ? this.#was.get(name) : now(key);
  }

  /** All that belong, of which those of now are known. */
  among(now: readonly T[], belongs: (object: T) => boolean): readonly T[] {
    if (this.#was.size === 0) return now;
    const then = [...this.#was.values()].filter((object) => object !== undefined && belongs(object)) as T[];
    return [...now.filter((object) => !this.#was.has(keyOfObject(object))), ...then];
  }

  /** `over`: of a reported object what counts. Before all that ends assumptions. */
  observe(informer: Pick<Informer<T>, 'addHandler'>, over: (object: T) => T = (object) => object): void {
    informer.addHandler({
      added: (object) => { this.changed(keyOfObject(object), undefined); over(object); },
      updated: (before, object) => { if (over(object) === object) this.changed(keyOfObject(object), before); },
      deleted: (object) => { this.changed(keyOfObject(object), over(object)); },
    });
  }
}

/** As it was, while it is looked back. */
export class AssumeCacheWithPast<T extends KubeObject> extends AssumeCache<T> {
  readonly #past: PastOf<T>;

  constructor(lister: Lister<T>, past: PastOf<T>, changed: (object: T) => void) {
    super(lister, (object, before) => { past.changed(keyOfObject(object), before); changed(object); });
    this.#past = past;
  }

  override get(key: ObjectKey): T | undefined {
    return this.#past.get(key, (now) => super.get(now));
  }

  among(found: readonly T[], belongs: (object: T) => boolean): readonly T[] {
    return this.#past.among(found.map((object) => this.over(object)), belongs);
  }
}
