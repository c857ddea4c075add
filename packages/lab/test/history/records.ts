import type { State, Told, View } from './model.ts';

/** `floor` is always what anybody had been told when the request left: what is newest must not be older. */
interface Asked {
  readonly client: string;
  readonly server: string;
  readonly resource: string;
  readonly floor: number;
}

/** Acknowledged. `state`: what the answer shows, `over`: the revision that it was to replace (0: nothing, undefined: any); of a deletion only the uid is known. */
export type WriteRecord = Asked & ({ readonly kind: 'put'; readonly state: State; readonly over: number | undefined } | { readonly kind: 'delete'; readonly key: string; readonly uid: string });

/** One object was asked for by name, or its absence (404) or presence (409) was told. `atLeast`: the resourceVersion that was asked for; undefined: the newest. */
export interface GetRecord extends Asked {
  readonly key: string;
  readonly atLeast: number | undefined;
  readonly answer: State | 'absent' | 'present';
}

/** A list, or one piece of it. */
export interface ListRecord extends Asked {
  readonly view: View;
  /** As asked, for the report. */
  readonly query: string;
  readonly revision: number;
  /** undefined: as new as the store. */
  readonly atLeast: number | undefined;
  readonly exactly: number | undefined;
  /** The last key of the piece before. */
  readonly behind: string;
  readonly items: readonly State[];
  readonly more: boolean;
  readonly remaining: number | undefined;
}

export type Frame = { readonly kind: 'event'; readonly told: Told } | { readonly kind: 'bookmark'; readonly revision: number; readonly initialEventsEnd: boolean };

/** How a watch began: behind a revision, or with the state as it was at some revision (undefined: as new as the store). */
export type Beginning = { readonly kind: 'behind'; readonly revision: number } | { readonly kind: 'state'; readonly atLeast: number | undefined };

export interface WatchRecord extends Asked {
  readonly view: View;
  readonly query: string;
  readonly beginning: Beginning;
  readonly frames: Frame[];
}

export interface Records {
  readonly writes: WriteRecord[];
  readonly gets: GetRecord[];
  readonly lists: ListRecord[];
  readonly watches: WatchRecord[];
  /** What no server may answer at all, found while playing. */
  readonly faults: string[];
  /** How often each answer came. */
  readonly answers: Map<string, number>;
}

export function emptyRecords(): Records {
  return { writes: [], gets: [], lists: [], watches: [], faults: [], answers: new Map() };
}
