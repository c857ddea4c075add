import type { History, State, Told } from './model.ts';
import type { Frame, GetRecord, ListRecord, Records, WatchRecord, WriteRecord } from './records.ts';

function same(a: State, b: State): boolean {
  return a.key === b.key && a.uid === b.uid && a.revision === b.revision && a.value === b.value && a.label === b.label;
}

function shown(state: State | undefined): string {
  return state === undefined ? 'nothing' : `${'type' in state ? `${String(state.type)} ` : ''}${state.key}@${state.revision} (${state.value})`;
}

function writeFault(history: History, write: WriteRecord): string | undefined {
  if (write.kind === 'delete') {
    const done = history.changes.some((change) => change.now === undefined && change.key === write.key && change.before?.uid === write.uid);
    return done ? undefined : `the deletion of ${write.key} was acknowledged and is not in the log`;
  }
  const { state } = write;
  const done = history.changes.find((change) => change.now !== undefined && same(change.now, state));
  if (done === undefined) return `${shown(state)} was acknowledged and is not in the log`;
  // A lease that is gone is made by its update, as upstream's, whatever it was to replace.
  const replaced = done.before?.revision ?? (write.resource === 'leases' ? write.over : 0);
  if (write.over !== undefined && replaced !== write.over) return `${shown(state)} was to replace ${write.over} and has replaced ${shown(done.before)}`;
  return state.revision > write.floor ? undefined : `${shown(state)} was written below ${write.floor}, which somebody had seen before`;
}

/** Each write has a value of its own: it may be in the log once. */
function repeatedWrites(history: History): readonly string[] {
  const seen = new Map<string, number>();
  const faults: string[] = [];
  for (const { now, before, revision } of history.changes) {
    if (now === undefined || now.value === '' || now.value === before?.value) continue;
    const first = seen.get(now.value);
    if (first !== undefined) faults.push(`${shown(now)} is in the log at ${first} and at ${revision}`);
    seen.set(now.value, revision);
  }
  return faults;
}

function getFault(history: History, get: GetRecord): string | undefined {
  const from = get.atLeast ?? get.floor;
  const states = history.of(get.key);
  // Those that were there at `from` or later.
  const possible = states.filter((_state, at) => (states[at + 1]?.since ?? Number.POSITIVE_INFINITY) > from);
  const { answer } = get;
  const fits = possible.some(({ state }) => (answer === 'absent' ? state === undefined : answer === 'present' ? state !== undefined : state !== undefined && same(state, answer)));
  return fits ? undefined : `${get.key} was told as ${typeof answer === 'string' ? answer : shown(answer)} to who asked at ${from}; it was ${possible.map(({ state }) => shown(state)).join(', ')}`;
}

function listFault(history: History, list: ListRecord): string | undefined {
  const from = list.atLeast ?? list.floor;
  if (list.exactly !== undefined ? list.revision !== list.exactly : list.revision < from) return `is at ${list.revision}, asked for ${list.exactly ?? from}`;
  const there = history.at(list.revision, list.view).filter((state) => state.key > list.behind);
  const expected = list.more ? there.slice(0, list.items.length) : there;
  const at = Array.from({ length: Math.max(expected.length, list.items.length) }, (_, index) => index).find((index) => {
    const [one, other] = [expected[index], list.items[index]];
    return one === undefined || other === undefined || !same(one, other);
  });
  if (at !== undefined) return `at ${list.revision} has ${shown(list.items[at])} as number ${at}; there was ${shown(expected[at])}`;
  const rest = there.length - list.items.length;
  return list.remaining === undefined || list.remaining === rest ? undefined : `at ${list.revision} counts ${list.remaining} more of ${rest}`;
}

/** The first frame that is another one than expected. */
function frameFault(frames: readonly Frame[], expected: readonly Told[]): string | undefined {
  let at = 0;
  for (const frame of frames) {
    const next = expected[at];
    if (frame.kind === 'bookmark') {
      const before = expected[at - 1]?.revision ?? 0;
      if (before > frame.revision || (next !== undefined && next.revision <= frame.revision)) return `bookmark ${frame.revision} after event ${at}, before ${shown(next)}`;
      continue;
    }
    const { told } = frame;
    if (next === undefined || next.type !== told.type || !same(next, told)) return `event ${at} is ${shown(told)}; it should be ${shown(next)}`;
    at += 1;
  }
  return undefined;
}

function isMark(frame: Frame): frame is Frame & { readonly kind: 'bookmark' } {
  return frame.kind === 'bookmark' && frame.initialEventsEnd;
}

/** As if the state had been taken at `revision`. Its objects have older revisions of their own: only what follows them is in order with the bookmarks. */
function beginningFault(history: History, watch: WatchRecord, revision: number): string | undefined {
  const all = history.from(revision, watch.view);
  const size = history.at(revision, watch.view).length;
  const mark = watch.frames.findIndex(isMark);
  if (mark >= 0 && mark !== size) return `the mark of the end comes after ${mark} of ${size} objects`;
  const rest = watch.frames.slice(size).filter((frame) => !isMark(frame));
  return frameFault(watch.frames.slice(0, size), all.slice(0, size)) ?? frameFault(rest, all.slice(size));
}

/** At which revision the state was taken is told by the mark of its end; where there is none any that fits will do. */
function stateFault(history: History, watch: WatchRecord, from: number): string | undefined {
  const mark = watch.frames.find(isMark);
  if (mark !== undefined) return mark.revision < from ? `its state is of ${mark.revision}, asked for ${from}` : beginningFault(history, watch, mark.revision);
  let first: string | undefined;
  for (const revision of [from, ...new Set(history.changes.map((change) => change.revision).filter((one) => one > from))]) {
    const fault = beginningFault(history, watch, revision);
    if (fault === undefined) return undefined;
    first ??= fault;
  }
  return `no state from ${from} on fits; there: ${first}`;
}

function watchFault(history: History, watch: WatchRecord): string | undefined {
  const { beginning } = watch;
  if (beginning.kind === 'behind') return frameFault(watch.frames, history.after(beginning.revision, watch.view));
  return stateFault(history, watch, beginning.atLeast ?? watch.floor);
}

/** Everything that clients were told, against the store's own log. */
export function judge(histories: ReadonlyMap<string, History>, records: Records): readonly string[] {
  const historyOf = (resource: string): History => histories.get(resource) as History;
  const faults = [...records.faults];
  const add = (what: string, record: { readonly client: string; readonly server: string; readonly resource: string }, fault: string | undefined): void => {
    if (fault !== undefined) faults.push(`${what} of ${record.resource} (${record.client} at ${record.server}): ${fault}`);
  };
  for (const history of histories.values()) faults.push(...repeatedWrites(history));
  for (const write of records.writes) add('write', write, writeFault(historyOf(write.resource), write));
  for (const get of records.gets) add('get', get, getFault(historyOf(get.resource), get));
  for (const list of records.lists) add(`list ${list.query}`, list, listFault(historyOf(list.resource), list));
  for (const watch of records.watches) add(`watch ${watch.query}`, watch, watchFault(historyOf(watch.resource), watch));
  return faults;
}
