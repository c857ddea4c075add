import type { Actor, Answer } from './actor.ts';
import { pathOf, stateOf, type Item, type Kind } from './kinds.ts';
import type { View } from './model.ts';
import type { ListRecord } from './records.ts';
import { namespaces } from './actor.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const;

export function selectorOf(view: View): string {
  return view.label === '' ? '' : `labelSelector=l%3D${view.label}`;
}

export function queryOf(...parts: readonly string[]): string {
  const text = parts.filter((part) => part !== '').join('&');
  return text === '' ? '' : `?${text}`;
}

async function getOne(actor: Actor): Promise<void> {
  const kind = actor.kind();
  const key = `${actor.pick(namespaces)}/${actor.pick(names)}`;
  const [namespace, name] = key.split('/') as [string, string];
  const server = actor.server();
  const floor = actor.stage.newest;
  const atLeast = actor.chance(0.6) ? undefined : actor.chance(0.5) ? 0 : actor.pick(actor.stage.seen) ?? 0;
  const answer = await actor.call(server, 'GET', `${pathOf(kind, namespace, name)}${atLeast === undefined ? '' : `?resourceVersion=${atLeast}`}`);
  if (answer?.status !== 200 && answer?.status !== 404) return;
  const state = answer.status === 404 ? 'absent' : stateOf(kind, answer.json as Item);
  if (state !== 'absent') actor.toldStates([state]);
  actor.stage.records.gets.push({ client: actor.name, server, resource: kind.resource, floor, key, atLeast, answer: state });
}

interface Form { readonly query: string; readonly atLeast: number | undefined; readonly exactly: number | undefined }

/** Each combination of resourceVersion, resourceVersionMatch and limit that means something. */
function form(actor: Actor): Form {
  const limit = actor.chance(0.5) ? `limit=${1 + actor.below(30)}` : '';
  const seen = actor.stage.seen.length === 0 ? 0 : actor.pick(actor.stage.seen);
  const all: readonly Form[] = [
    { query: limit, atLeast: undefined, exactly: undefined },
    { query: limit, atLeast: undefined, exactly: undefined },
    { query: queryOf('resourceVersion=0', limit).slice(1), atLeast: 0, exactly: undefined },
    { query: queryOf('resourceVersion=0', 'resourceVersionMatch=NotOlderThan', limit).slice(1), atLeast: 0, exactly: undefined },
    { query: queryOf(`resourceVersion=${seen}`, 'resourceVersionMatch=NotOlderThan', limit).slice(1), atLeast: seen, exactly: undefined },
    { query: queryOf(`resourceVersion=${seen}`, 'resourceVersionMatch=Exact', limit).slice(1), atLeast: seen, exactly: seen },
    { query: queryOf(`resourceVersion=${seen}`, limit).slice(1), atLeast: seen, exactly: limit === '' ? undefined : seen },
  ];
  const [first] = all as [Form, ...Form[]];
  return seen === 0 ? first : actor.pick(all);
}

export interface Listed { readonly kind: Kind; readonly view: View; readonly server: string; readonly floor: number; readonly form: Form; readonly behind: string }

/** What an answered list says; undefined: it was refused, or is not known. */
export function noteList(actor: Actor, asked: Listed, answer: Answer | undefined): ListRecord | undefined {
  const { records, compacts } = actor.stage;
  if (answer?.status === 410 && !compacts) records.faults.push(`list ${asked.form.query} was answered 410 though nothing was compacted: ${answer.json.message}`);
  if (answer?.status !== 200) return undefined;
  const { metadata, items = [] } = answer.json;
  const record: ListRecord = {
    client: actor.name, server: asked.server, resource: asked.kind.resource, floor: asked.floor, view: asked.view, query: asked.form.query, revision: Number(metadata?.resourceVersion),
    atLeast: asked.form.atLeast, exactly: asked.form.exactly, behind: asked.behind, items: items.map((item) => stateOf(asked.kind, item)), more: (metadata?.continue ?? '') !== '', remaining: metadata?.remainingItemCount,
  };
  records.lists.push(record);
  actor.told(record.revision);
  return record;
}

/** All pieces, each from another server; a piece whose revision is gone goes on without it. */
async function list(actor: Actor): Promise<void> {
  const kind = actor.kind();
  const view = actor.view();
  const path = pathOf(kind, view.namespace);
  let asked: Listed = { kind, view, server: actor.server(), floor: actor.stage.newest, form: form(actor), behind: '' };
  let answer = await actor.call(asked.server, 'GET', `${path}${queryOf(asked.form.query, selectorOf(view))}`);
  let record = noteList(actor, asked, answer);
  for (let pieces = 0; record?.more === true && pieces < 20; pieces += 1) {
    await actor.host.timers.sleep(actor.host.random.float() * (actor.chance(0.1) ? 8000 : 200));
    const behind = record.items.at(-1)?.key ?? asked.behind;
    const token = encodeURIComponent(answer?.json.metadata?.continue ?? '');
    const { revision } = record;
    asked = { ...asked, server: actor.server(), floor: actor.stage.newest, behind, form: { query: `continue at ${revision}`, atLeast: revision, exactly: revision } };
    answer = await actor.call(asked.server, 'GET', `${path}${queryOf(`limit=${1 + actor.below(20)}`, `continue=${token}`, selectorOf(view))}`);
    const inconsistent = answer?.status === 410 ? answer.json.metadata?.continue : undefined;
    record = noteList(actor, asked, answer);
    if (inconsistent === undefined) continue;
    asked = { ...asked, floor: actor.stage.newest, form: { query: 'continue at any', atLeast: undefined, exactly: undefined } };
    answer = await actor.call(asked.server, 'GET', `${path}${queryOf(`continue=${encodeURIComponent(inconsistent)}`, selectorOf(view))}`);
    record = noteList(actor, asked, answer);
  }
}

export async function runReader(actor: Actor, untilMs: number, thinkMs: number): Promise<void> {
  while (actor.host.clock.monotonicMs() < untilMs) {
    await actor.host.timers.sleep(actor.host.random.float() * thinkMs);
    await (actor.chance(0.4) ? getOne : list)(actor);
  }
}
