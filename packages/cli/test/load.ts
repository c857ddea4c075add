import { ApiError, isAlreadyExists, isGone, resources, type Client } from '@coxswain/client';
import { NetworkError } from '@coxswain/host';

const namespace = 'default';
const labelSelector = 'test=writer';

/** Creates `w-0`, `w-1`, … until told to stop; a create whose answer was lost counts as acknowledged only if it is there. */
export class Writer {
  readonly acknowledged: string[] = [];
  readonly unknown: string[] = [];
  #stopped = false;
  readonly done: Promise<void>;

  constructor(client: Client) {
    this.done = this.#run(client);
  }

  async #run(client: Client): Promise<void> {
    for (let at = 0; !this.#stopped; at += 1) await this.#write(client, `w-${String(at).padStart(5, '0')}`);
  }

  async #write(client: Client, name: string): Promise<void> {
    try {
      await client.create(resources.configmaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels: { test: 'writer' } } });
      this.acknowledged.push(name);
    } catch (error) {
      if (isAlreadyExists(error)) this.acknowledged.push(name);
      else this.unknown.push(name);
    }
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.done;
  }
}

/**
 * Follows the writer's objects as an informer does: from the last seen resourceVersion after each break. Only with `mayRelist` it
 * may be told that this is too long ago, as by a server that has just started; it lists then.
 */
export class Follower {
  readonly added: string[] = [];
  readonly problems: string[] = [];
  breaks = 0;
  relists = 0;
  readonly #client: Client;
  readonly #mayRelist: boolean;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(client: Client, options: { readonly mayRelist: boolean }) {
    this.#client = client;
    this.#mayRelist = options.mayRelist;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    let resourceVersion = await this.#list();
    while (!this.#stop.signal.aborted) {
      const result = await this.#watch(resourceVersion);
      if (result === 'expired') this.relists += 1;
      resourceVersion = result === 'expired' ? await this.#list() : result;
      this.breaks += 1;
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  }

  async #list(): Promise<string> {
    for (;;) {
      try {
        const list = await this.#client.list(resources.configmaps, { namespace, labelSelector });
        for (const item of list.items) if (!this.added.includes(item.metadata?.name ?? '')) this.added.push(item.metadata?.name ?? '');
        return list.metadata.resourceVersion ?? '';
      } catch (error) {
        if (this.#stop.signal.aborted) return '';
        await new Promise((resolve) => { setTimeout(resolve, 50); });
        if (!(error instanceof NetworkError || error instanceof ApiError)) throw error;
      }
    }
  }

  /** The last resourceVersion that was seen. */
  async #watch(from: string): Promise<string> {
    let resourceVersion = from;
    try {
      for await (const event of this.#client.watch(resources.configmaps, { namespace, labelSelector, resourceVersion, allowWatchBookmarks: true, signal: this.#stop.signal })) {
        if (event.type === 'ERROR') return this.#refused(event.object.code === 410, event.object.message ?? '', resourceVersion);
        const next = event.object.metadata?.resourceVersion ?? '';
        if (Number(next) < Number(resourceVersion)) this.problems.push(`resourceVersion went back from ${resourceVersion} to ${next}`);
        resourceVersion = next;
        if (event.type === 'ADDED') this.added.push(event.object.metadata?.name ?? '');
      }
    } catch (error) {
      if (isGone(error)) return this.#refused(true, (error as ApiError).message, resourceVersion);
    }
    return resourceVersion;
  }

  #refused(isExpired: boolean, message: string, resourceVersion: string): string {
    if (isExpired && this.#mayRelist) return 'expired';
    this.problems.push(`error event: ${message}`);
    return resourceVersion;
  }

  stop(): Promise<void> {
    this.#stop.abort();
    return this.#done;
  }
}
