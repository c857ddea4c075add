import { createClient } from '@coxswain/client';
import { writeItems } from '@coxswain/client/fast-path';
import { fromUtf8, utf8 } from '@coxswain/host';
import { labels, namespaces, type Actor, type Answer } from './actor.ts';
import { kinds, pathOf, stateOf, type Item, type Kind } from './kinds.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

interface Target { readonly kind: Kind; readonly namespace: string; readonly name: string; readonly server: string; readonly floor: number }

function target(actor: Actor): Target {
  return { kind: actor.kind(), namespace: actor.pick(namespaces), name: actor.pick(names), server: actor.server(), floor: actor.stage.newest };
}

function nextValue(actor: Actor): string {
  actor.stage.writes += 1;
  return `v${actor.stage.writes}`;
}

/** What an acknowledged write, or a refusal, says. */
function note(actor: Actor, { kind, namespace, name, server, floor }: Target, answer: Answer | undefined, over?: number): void {
  const { records } = actor.stage;
  const asked = { client: actor.name, server, resource: kind.resource, floor };
  if (answer === undefined) return;
  if (answer.status < 300) {
    const state = stateOf(kind, answer.json as Item);
    records.writes.push({ ...asked, kind: 'put', state, over });
    actor.told(state.revision);
  } else if (answer.status === 404) records.gets.push({ ...asked, key: `${namespace}/${name}`, atLeast: undefined, answer: 'absent' });
  else if (answer.status === 409 && over === 0) records.gets.push({ ...asked, key: `${namespace}/${name}`, atLeast: undefined, answer: 'present' });
}

async function create(actor: Actor): Promise<void> {
  const at = target(actor);
  const body = at.kind.bodyOf({ name: at.name, namespace: at.namespace, labels: { l: actor.pick(labels) } }, nextValue(actor));
  note(actor, at, await actor.call(at.server, 'POST', pathOf(at.kind, at.namespace), body), 0);
}

/** As clients do: what was read, changed, with its resourceVersion. */
async function update(actor: Actor): Promise<void> {
  const at = target(actor);
  const read = await actor.call(at.server, 'GET', pathOf(at.kind, at.namespace, at.name));
  if (read?.status !== 200) return;
  const { labels: before, resourceVersion, uid } = (read.json as Item).metadata;
  const label = actor.chance(0.3) ? actor.pick(labels) : before?.['l'] ?? 'x';
  const body = at.kind.bodyOf({ name: at.name, namespace: at.namespace, uid, resourceVersion, labels: { l: label } }, nextValue(actor));
  const again = { ...at, server: actor.server(), floor: actor.stage.newest };
  note(actor, again, await actor.call(again.server, 'PUT', pathOf(at.kind, at.namespace, at.name), body), Number(resourceVersion));
}

async function patch(actor: Actor): Promise<void> {
  const at = target(actor);
  const change = { ...at.kind.patchOf(nextValue(actor)), ...(actor.chance(0.3) ? { metadata: { labels: { l: actor.pick(labels) } } } : {}) };
  note(actor, at, await actor.call(at.server, 'PATCH', pathOf(at.kind, at.namespace, at.name), change));
}

async function remove(actor: Actor): Promise<void> {
  const at = target(actor);
  const answer = await actor.call(at.server, 'DELETE', pathOf(at.kind, at.namespace, at.name));
  if (answer === undefined || answer.status >= 300) { note(actor, at, answer); return; }
  actor.stage.records.writes.push({ client: actor.name, server: at.server, resource: at.kind.resource, floor: at.floor, kind: 'delete', key: `${at.namespace}/${at.name}`, uid: answer.json.details?.uid ?? '' });
}

async function removeSome(actor: Actor): Promise<void> {
  const at = target(actor);
  const answer = await actor.call(at.server, 'DELETE', `${pathOf(at.kind, at.namespace)}?labelSelector=l%3D${actor.pick(labels)}`);
  if (answer?.status !== 200) return;
  for (const item of answer.json.items ?? []) {
    actor.stage.records.writes.push({ client: actor.name, server: at.server, resource: at.kind.resource, floor: at.floor, kind: 'delete', key: `${at.namespace}/${item.metadata.name}`, uid: item.metadata.uid });
  }
}

/** Many leases in one call: their writes share transactions, and so revisions. */
async function updateMany(actor: Actor): Promise<void> {
  const at = target(actor);
  const kind = kinds.find(({ resource }) => resource === 'leases') as Kind;
  const listed = await actor.call(at.server, 'GET', pathOf(kind, at.namespace));
  if (listed?.status !== 200) return;
  const floor = actor.stage.newest;
  const items = (listed.json.items ?? []).filter((item) => (names as readonly string[]).includes(item.metadata.name) && actor.chance(0.7)).map(({ metadata }) => {
    const label = actor.chance(0.3) ? actor.pick(labels) : metadata.labels?.['l'] ?? 'x';
    return { namespace: at.namespace, name: metadata.name, over: Number(metadata.resourceVersion), lease: { body: utf8(JSON.stringify(kind.bodyOf({ name: metadata.name, namespace: at.namespace, resourceVersion: metadata.resourceVersion, labels: { l: label } }, nextValue(actor)))) } };
  });
  const client = createClient(actor.host, { server: `https://${at.server}:6443`, tls: actor.stage.tls, userAgent: actor.name });
  const answers = await writeItems(client, items).catch(() => undefined);
  answers?.forEach((answer, index) => {
    note(actor, { ...at, kind, floor, name: items[index]?.name ?? '' }, { status: answer.code, json: JSON.parse(fromUtf8(answer.body)) as Answer['json'] }, items[index]?.over);
  });
}

const works = [create, create, create, update, update, patch, patch, remove, updateMany, updateMany] as const;

/** Writes until `untilMs`, at any server, whatever comes back. */
export async function runWriter(actor: Actor, untilMs: number, thinkMs: number): Promise<void> {
  while (actor.host.clock.monotonicMs() < untilMs) {
    await actor.host.timers.sleep(actor.host.random.float() * thinkMs);
    await (actor.chance(0.03) ? removeSome : actor.pick(works))(actor);
  }
}

/** The last value of everything that anybody may follow; who sees one has seen the end. */
export const lastValue = 'last';

export async function writeLast(actor: Actor): Promise<void> {
  for (const kind of kinds) {
    for (const namespace of namespaces) {
      for (const label of labels) {
        const body = kind.bodyOf({ name: `z-${label}`, namespace, labels: { l: label } }, `${lastValue} ${kind.resource} ${namespace} ${label}`);
        for (let status = 0; status !== 201 && status !== 409; ) {
          status = (await actor.call(actor.server(), 'POST', pathOf(kind, namespace), body))?.status ?? 0;
          if (status !== 201) await actor.host.timers.sleep(200);
        }
      }
    }
  }
}
