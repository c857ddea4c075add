import { createClient } from '@coxswain/client';
import { PodDeletions, PodStatusPatches } from '@coxswain/client/fast-path';
import { silentLogger, type Host } from '@coxswain/host';
import { SchedulerCache } from '../cache/cache.ts';
import { Extenders } from '../extender/extenders.ts';
import { Gangs } from '../gangs/gangs.ts';
import { AwaitedVictims } from '../plugins/default-preemption/awaited-victims.ts';
import type { PluginHandle } from '../plugins/handle.ts';
import { Nominations } from '../queue/nominations.ts';
import { staticStorage } from './static-storage.ts';

type Handle = Omit<PluginHandle, 'framework' | 'schedulerName'>;

/** Of a scheduler in which nothing is, and that tells nobody of anything, but for what is given. */
export function testHandle(host: Host, given: Partial<Handle> = {}): Handle {
  const cache = new SchedulerCache();
  const client = createClient(host, { server: 'http://127.0.0.1:1', userAgent: 'never used' });
  return {
    host, client, podStatuses: new PodStatusPatches(client), podDeletions: new PodDeletions(client), awaitedVictims: new AwaitedVictims(), activate: () => undefined, recorder: { event() { /* nobody listens */ } },
    nominator: () => new Nominations(), budgets: () => [], owningSelectors: () => [], namespaceLabels: () => ({}), storage: staticStorage({}),
    extenders: new Extenders([], silentLogger), gangs: new Gangs(host.clock), snapshot: () => cache.snapshot(), ...given,
  };
}
