import { fromUtf8, NetworkError, type ByteSource } from '@coxswain/host';
import type { Actor } from './actor.ts';
import { pathOf, stateOf, type Item, type Kind } from './kinds.ts';
import type { Told, View } from './model.ts';
import { noteList, queryOf, selectorOf } from './readers.ts';
import type { Beginning, WatchRecord } from './records.ts';
import { lastValue } from './writers.ts';

interface Wire { readonly type: Told['type'] | 'BOOKMARK' | 'ERROR'; readonly object: Item & { readonly code?: number; readonly message?: string } }

async function* linesOf(body: ByteSource): AsyncGenerator<Wire, void, undefined> {
  let text = '';
  for await (const chunk of body) {
    const lines = `${text}${fromUtf8(chunk)}`.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as Wire;
  }
}

/** Follows one view of one resource, from session to session, at any server, as long as it takes to see the last write. */
export class Follower {
  readonly #actor: Actor;
  readonly #kind: Kind;
  readonly #view: View;
  /** Where the next session goes on. */
  #resume: number | undefined;
  done = false;

  constructor(actor: Actor) {
    this.#actor = actor;
    this.#kind = actor.kind();
    this.#view = actor.view();
  }

  get name(): string {
    return `${this.#actor.name}: ${this.#kind.resource} in "${this.#view.namespace}" with "${this.#view.label}"`;
  }

  async run(): Promise<void> {
    const actor = this.#actor;
    while (!this.done) {
      if (actor.chance(0.15)) this.#resume = undefined;
      if (this.#resume === undefined && actor.chance(0.4)) await this.#list();
      else await this.#session();
      await actor.host.timers.sleep(actor.host.random.float() * 300);
    }
  }

  async #list(): Promise<void> {
    const asked = { kind: this.#kind, view: this.#view, server: this.#actor.server(), floor: this.#actor.stage.newest, form: { query: '', atLeast: undefined, exactly: undefined }, behind: '' };
    const record = noteList(this.#actor, asked, await this.#actor.call(asked.server, 'GET', `${pathOf(this.#kind, this.#view.namespace)}${queryOf(selectorOf(this.#view))}`));
    this.#resume = record?.revision;
    if (record?.items.some((item) => item.value.startsWith(lastValue)) === true) this.done = true;
  }

  #beginning(): { readonly beginning: Beginning; readonly query: string } {
    const actor = this.#actor;
    if (this.#resume !== undefined) return { beginning: { kind: 'behind', revision: this.#resume }, query: `resourceVersion=${this.#resume}` };
    const seen = actor.stage.seen.length === 0 ? 0 : actor.pick(actor.stage.seen);
    const initial = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
    return actor.pick([
      { beginning: { kind: 'state', atLeast: undefined }, query: '' },
      { beginning: { kind: 'state', atLeast: 0 }, query: 'resourceVersion=0' },
      { beginning: { kind: 'state', atLeast: undefined }, query: initial },
      { beginning: { kind: 'state', atLeast: seen }, query: `${initial}&resourceVersion=${seen}` },
    ] as const);
  }

  async #session(): Promise<void> {
    const actor = this.#actor;
    const { beginning, query } = this.#beginning();
    const server = actor.server();
    const seconds = 1 + actor.below(12);
    const asked = queryOf('watch=true', query, selectorOf(this.#view), `timeoutSeconds=${seconds}`, actor.chance(0.6) ? 'allowWatchBookmarks=true' : '');
    const record: WatchRecord = { client: actor.name, server, resource: this.#kind.resource, floor: actor.stage.newest, view: this.#view, query: asked, beginning, frames: [] };
    const abort = new AbortController();
    // Some leave before the server ends it, and nobody waits for one that has gone.
    const timer = actor.host.timers.after((actor.chance(0.3) ? actor.host.random.float() * seconds : seconds + 3) * 1000, () => { abort.abort(); });
    try {
      const response = await actor.fetch(server, 'GET', `${pathOf(this.#kind, this.#view.namespace)}${asked}`, { signal: abort.signal });
      if (response.status === 200) await this.#read(response.body, record);
      else abort.abort();
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
    } finally {
      timer.cancel();
    }
    if (record.frames.length > 0) actor.stage.records.watches.push(record);
  }

  async #read(body: ByteSource, record: WatchRecord): Promise<void> {
    for await (const { type, object } of linesOf(body)) {
      if (type === 'ERROR') {
        if (object.code === 410) this.#resume = undefined;
        this.#count(`WATCH ${object.code} ${object.message?.replace(/\d+/g, 'N')}`);
        return;
      }
      const revision = Number(object.metadata.resourceVersion);
      if (type === 'BOOKMARK') record.frames.push({ kind: 'bookmark', revision, initialEventsEnd: JSON.stringify(object.metadata).includes('k8s.io/initial-events-end') });
      else record.frames.push({ kind: 'event', told: { ...stateOf(this.#kind, object), type } });
      this.#tellOn(record, revision, type === 'BOOKMARK' ? '' : this.#kind.valueOf(object));
      if (this.done) return;
    }
    this.#count('WATCH ended');
  }

  /** The objects of a state come in order of keys: it is known up to somewhere only when its end was marked, or something came after it. */
  #tellOn(record: WatchRecord, revision: number, value: string): void {
    const known = record.beginning.kind === 'behind' || record.frames.some((frame) => frame.kind === 'bookmark');
    if (known) {
      this.#resume = revision;
      this.#actor.told(revision);
    } else this.#actor.stage.newest = Math.max(this.#actor.stage.newest, revision);
    if (value.startsWith(lastValue)) this.done = true;
  }

  #count(what: string): void {
    const { answers } = this.#actor.stage.records;
    answers.set(what, (answers.get(what) ?? 0) + 1);
  }
}
