import type { Client, KubeObject, ResourceType } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { ConfigMap, Pod, Secret } from 'kubernetes-types/core/v1';
import { apiCode, configMaps, messageOf, secrets } from '../api-types.ts';
import { allContainers, ephemeralContainers, specOf, uidOf } from '../pod/pod-facts.ts';

type Kind = 'configmaps' | 'secrets';

interface Entry {
  object: KubeObject | undefined;
  fresh: boolean;
  fetching: Promise<void> | undefined;
  readonly users: Set<string>;
  readonly abort: AbortController;
}

function volumeReferences(pod: Pod): [Kind, string][] {
  const out: [Kind, string][] = [];
  for (const volume of specOf(pod).volumes ?? []) {
    if (volume.configMap !== undefined) out.push(['configmaps', volume.configMap.name ?? '']);
    if (volume.secret !== undefined) out.push(['secrets', volume.secret.secretName ?? '']);
    for (const source of volume.projected?.sources ?? []) {
      if (source.configMap !== undefined) out.push(['configmaps', source.configMap.name ?? '']);
      if (source.secret !== undefined) out.push(['secrets', source.secret.name ?? '']);
    }
  }
  return out;
}

function references(pod: Pod): [Kind, string][] {
  const out = volumeReferences(pod);
  for (const secret of specOf(pod).imagePullSecrets ?? []) out.push(['secrets', secret.name ?? '']);
  for (const container of [...allContainers(pod), ...ephemeralContainers(pod)]) {
    for (const from of container.envFrom ?? []) {
      if (from.configMapRef !== undefined) out.push(['configmaps', from.configMapRef.name ?? '']);
      if (from.secretRef !== undefined) out.push(['secrets', from.secretRef.name ?? '']);
    }
    for (const variable of container.env ?? []) {
      if (variable.valueFrom?.configMapKeyRef !== undefined) out.push(['configmaps', variable.valueFrom.configMapKeyRef.name ?? '']);
      if (variable.valueFrom?.secretKeyRef !== undefined) out.push(['secrets', variable.valueFrom.secretKeyRef.name ?? '']);
    }
  }
  return out;
}

const types: Readonly<Record<Kind, ResourceType>> = { configmaps: configMaps, secrets };
const rewatchMs = 1000;

/**
 * ConfigMaps and Secrets that pods of this node name, each kept by a watch of that one object (all that the node authorizer
 * grants). The first answer is a read of the server; later ones may lag a watch round trip.
 */
export class ReferencedObjects {
  readonly #client: Client;
  readonly #host: Host;
  readonly #changed: (podUid: string) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #byPod = new Map<string, ReadonlySet<string>>();

  constructor(client: Client, host: Host, changed: (podUid: string) => void) {
    this.#client = client;
    this.#host = host;
    this.#changed = changed;
  }

  register(pod: Pod): void {
    const uid = uidOf(pod);
    const keys = new Set(references(pod).map(([kind, name]) => `${kind}/${pod.metadata?.namespace ?? ''}/${name}`));
    const old = this.#byPod.get(uid) ?? new Set<string>();
    this.#byPod.set(uid, keys);
    for (const key of keys) {
      const entry = this.#entries.get(key) ?? this.#open(key);
      entry.users.add(uid);
    }
    for (const key of old) if (!keys.has(key)) this.#leave(key, uid);
  }

  unregister(uid: string): void {
    for (const key of this.#byPod.get(uid) ?? []) this.#leave(key, uid);
    this.#byPod.delete(uid);
  }

  close(): void {
    for (const uid of this.#byPod.keys()) this.unregister(uid);
  }

  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#get(`configmaps/${namespace}/${name}`) as Promise<ConfigMap | undefined>;
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#get(`secrets/${namespace}/${name}`) as Promise<Secret | undefined>;
  }

  #open(key: string): Entry {
    const entry: Entry = { object: undefined, fresh: false, fetching: undefined, users: new Set(), abort: new AbortController() };
    this.#entries.set(key, entry);
    return entry;
  }

  #leave(key: string, uid: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.users.delete(uid);
    if (entry.users.size > 0) return;
    entry.abort.abort();
    this.#entries.delete(key);
  }

  async #get(key: string): Promise<KubeObject | undefined> {
    const entry = this.#entries.get(key) ?? this.#open(key);
    if (!entry.fresh) {
      entry.fetching ??= this.#fetch(key, entry).finally(() => { entry.fetching = undefined; });
      await entry.fetching;
    }
    return entry.object;
  }

  async #fetch(key: string, entry: Entry): Promise<void> {
    const [kind, namespace, name] = key.split('/') as [Kind, string, string];
    try {
      entry.object = await this.#client.get(types[kind], { namespace, name });
    } catch (error) {
      if (apiCode(error) !== 404) throw error;
      // Not kept: a pod that waits for it asks again, and finds it as soon as it exists.
      entry.object = undefined;
      return;
    }
    entry.fresh = true;
    void this.#watch(key, entry);
  }

  async #watch(key: string, entry: Entry): Promise<void> {
    const [kind, namespace, name] = key.split('/') as [Kind, string, string];
    const { signal } = entry.abort;
    let resourceVersion = entry.object?.metadata?.resourceVersion;
    while (!signal.aborted) {
      try {
        for await (const event of this.#client.watch(types[kind], { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion, signal })) {
          if (event.type === 'ERROR') break;
          resourceVersion = event.object.metadata?.resourceVersion;
          if (event.type === 'BOOKMARK') continue;
          entry.object = event.type === 'DELETED' ? undefined : event.object;
          for (const uid of entry.users) this.#changed(uid);
        }
      } catch (error) {
        this.#host.log.debug('watch of a referenced object broke off', { key, error: messageOf(error) });
      }
      await this.#host.timers.sleep(rewatchMs, signal);
      if (!signal.aborted) resourceVersion = await this.#reread(key, entry) ?? resourceVersion;
    }
  }

  /** After a broken watch: what was missed meanwhile is read at once. */
  async #reread(key: string, entry: Entry): Promise<string | undefined> {
    const [kind, namespace, name] = key.split('/') as [Kind, string, string];
    try {
      const object = await this.#client.get(types[kind], { namespace, name });
      const changed = object.metadata?.resourceVersion !== entry.object?.metadata?.resourceVersion;
      entry.object = object;
      if (changed) for (const uid of entry.users) this.#changed(uid);
      return object.metadata?.resourceVersion;
    } catch (error) {
      if (apiCode(error) === 404) { entry.object = undefined; entry.fresh = false; entry.abort.abort(); this.#entries.delete(key); this.#reopen(key, entry); }
      return undefined;
    }
  }

  /** The object is gone: its users get a fresh entry that asks the server again. */
  #reopen(key: string, old: Entry): void {
    const entry = this.#open(key);
    for (const uid of old.users) {
      entry.users.add(uid);
      this.#changed(uid);
    }
  }
}
