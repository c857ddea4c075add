import type { Actor } from './actor.ts';
import { kinds, pathOf, stateOf, type Item, type Kind } from './kinds.ts';

const kind = kinds.find(({ resource }) => resource === 'configmaps') as Kind;
const namespace = 'kube-public';
const prefix = 'mayfly-';
/** Many on their way at once, so that some are when a store dies. */
const together = 6;

/** Creates objects, each of a name and value of its own, and notes what was acknowledged. What is in the log twice was made twice. */
export async function runMayflies(actor: Actor, untilMs: number): Promise<void> {
  let made = 0;
  const one = async (): Promise<void> => {
    while (actor.host.clock.monotonicMs() < untilMs) {
      made += 1;
      const server = actor.server();
      const floor = actor.stage.newest;
      const answer = await actor.call(server, 'POST', pathOf(kind, namespace), kind.bodyOf({ name: `${prefix}${made}`, namespace, labels: { l: 'z' } }, `${prefix}${made}`));
      if (answer !== undefined && answer.status < 300) {
        const state = stateOf(kind, answer.json as Item);
        actor.stage.records.writes.push({ client: actor.name, server, resource: kind.resource, floor, kind: 'put', state, over: 0 });
        actor.told(state.revision);
      }
      await actor.host.timers.sleep(actor.host.random.float() * 60);
    }
  };
  await Promise.all(Array.from({ length: together }, one));
}

/** Deletes each as soon as it is seen. */
export async function runUndertaker(actor: Actor, untilMs: number): Promise<void> {
  while (actor.host.clock.monotonicMs() < untilMs) {
    await actor.host.timers.sleep(actor.host.random.float() * 20);
    const listed = await actor.call(actor.server(), 'GET', `${pathOf(kind, namespace)}?labelSelector=l%3Dz`);
    if (listed?.status !== 200) continue;
    await Promise.all((listed.json.items ?? []).map(({ metadata }) => actor.call(actor.server(), 'DELETE', pathOf(kind, namespace, metadata.name))));
  }
}
