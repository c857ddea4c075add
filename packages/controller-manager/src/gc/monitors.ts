import { createInformerFactory, metadataOnly, pathOf, type Client, type InformerFactory, type ResourceType } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import { discoverPreferred, type Discovered } from '../common/discovery.ts';
import type { OwnerGraph } from './graph.ts';

/** Too many and too short-lived; nothing may own or be owned by them. */
const ignored = new Set(['/events', 'events.k8s.io/events']);

function isWatched(type: Discovered): boolean {
  return type.verbs.includes('list') && type.verbs.includes('watch') && type.verbs.includes('delete') && !ignored.has(`${type.group}/${type.resource}`);
}

/** One informer of metadata for each resource that the server has, as it has them now. */
export class Monitors {
  readonly #host: Host;
  readonly #client: Client;
  readonly #graph: OwnerGraph;
  readonly #running = new Map<string, { readonly stop: AbortController; readonly factory: InformerFactory; synced: boolean }>();
  #byKind = new Map<string, ResourceType>();

  constructor(host: Host, client: Client, graph: OwnerGraph) {
    this.#host = host;
    this.#client = client;
    this.#graph = graph;
  }

  /** The resource of an apiVersion and kind, any version of its group. */
  find(apiVersion: string, kind: string): ResourceType | undefined {
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    return this.#byKind.get(`${group}/${kind}`);
  }

  /** Starts and ends informers as discovery says; resolves when the new ones have synced (or after a while without). */
  async refresh(signal: AbortSignal): Promise<void> {
    const discovery = await discoverPreferred(this.#client);
    const wanted = new Map(discovery.resources.filter(isWatched).map((type) => [pathOf(type), type]));
    this.#byKind = new Map(discovery.resources.filter((type) => !ignored.has(`${type.group}/${type.resource}`)).map((type) => [`${type.group}/${type.kind}`, type]));
    // A group that does not answer now has not vanished.
    if (discovery.failed.length === 0) for (const [path, { stop }] of this.#running) if (!wanted.has(path)) { stop.abort(); this.#running.delete(path); }
    const fresh = [...wanted].filter(([path]) => !this.#running.has(path));
    await Promise.all(fresh.map(([path, type]) => this.#start(path, type, signal)));
  }

  async #start(path: string, type: ResourceType, signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const forward = (): void => stop.abort();
    signal.addEventListener('abort', forward, { once: true });
    stop.signal.addEventListener('abort', () => signal.removeEventListener('abort', forward), { once: true });
    const factory = createInformerFactory(this.#host, this.#client);
    const monitor = { stop, factory, synced: false };
    this.#running.set(path, monitor);
    factory.informer(metadataOnly(type)).addHandler({
      added: (object) => this.#graph.observe(type, object), updated: (_before, object) => this.#graph.observe(type, object),
      deleted: (object) => this.#graph.remove(object.metadata?.uid ?? ''),
    });
    await Promise.race([factory.start(stop.signal), this.#host.timers.sleep(30_000, stop.signal)]);
  }
}
