/** What tells one state of an object from all others. */
export interface State {
  readonly key: string;
  readonly uid: string;
  readonly revision: number;
  readonly value: string;
  readonly label: string;
}

/** One key at one revision of the store. */
export interface Change {
  readonly revision: number;
  readonly key: string;
  readonly now: State | undefined;
  readonly before: State | undefined;
  /** Others of the same resource were written in the same transaction. */
  readonly shared: boolean;
}

/** What a client asks to see; empty: all. */
export interface View {
  readonly namespace: string;
  readonly label: string;
}

export interface Told extends State {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
}

export function sees(view: View, state: State): boolean {
  return (view.namespace === '' || state.key.startsWith(`${view.namespace}/`)) && (view.label === '' || state.label === view.label);
}

function byKey(a: State, b: State): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

function told(change: Change, view: View): Told | undefined {
  const now = change.now !== undefined && sees(view, change.now) ? change.now : undefined;
  const before = change.before !== undefined && sees(view, change.before) ? change.before : undefined;
  if (now !== undefined) return { ...now, type: before === undefined ? 'ADDED' : 'MODIFIED' };
  return before === undefined ? undefined : { ...before, revision: change.revision, type: 'DELETED' };
}

/** All changes of one resource in the order of the store's log, and what a client must see of them: nothing but a replay. */
export class History {
  readonly changes: Change[] = [];
  readonly #now = new Map<string, State>();

  /** All of one revision at once. */
  add(revision: number, puts: readonly State[], deletedKeys: readonly string[]): void {
    const shared = puts.length + deletedKeys.length > 1;
    for (const now of puts) {
      this.changes.push({ revision, key: now.key, now, before: this.#now.get(now.key), shared });
      this.#now.set(now.key, now);
    }
    for (const key of deletedKeys) {
      this.changes.push({ revision, key, now: undefined, before: this.#now.get(key), shared });
      this.#now.delete(key);
    }
  }

  get last(): number {
    return this.changes.at(-1)?.revision ?? 0;
  }

  /** In order of keys. */
  at(revision: number, view: View): readonly State[] {
    const states = new Map<string, State>();
    for (const change of this.changes) {
      if (change.revision > revision) break;
      if (change.now === undefined) states.delete(change.key);
      else states.set(change.key, change.now);
    }
    return [...states.values()].filter((state) => sees(view, state)).sort(byKey);
  }

  /** One key's states with the revisions from which they were there; it begins with nothing. */
  of(key: string): readonly { readonly since: number; readonly state: State | undefined }[] {
    return [{ since: 0, state: undefined }, ...this.changes.filter((change) => change.key === key).map((change) => ({ since: change.revision, state: change.now }))];
  }

  /**
   * What a watch that goes on from a revision is told: what came later, and of that revision itself everything once more where it has
   * several changes of the resource, for who has seen one of them may not have seen the others.
   */
  after(revision: number, view: View): readonly Told[] {
    return this.#told(view, (change) => change.revision > revision || (change.revision === revision && change.shared));
  }

  /** What a watch that began with the state at a revision is told. */
  from(revision: number, view: View): readonly Told[] {
    const state = this.at(revision, view).map((one): Told => ({ ...one, type: 'ADDED' }));
    return [...state, ...this.#told(view, (change) => change.revision > revision)];
  }

  #told(view: View, wanted: (change: Change) => boolean): readonly Told[] {
    return this.changes.filter(wanted).map((change) => told(change, view)).filter((one) => one !== undefined);
  }
}
