import { resources, type Client, type Informer, type KubeObject, type ObjectKey } from '@coxswain/client';
import { fromUtf8 } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { OwnerReference } from 'kubernetes-types/meta/v1';
import { nameOf, namespaceOf, sum, uidOf } from '../common/object.ts';
import { controllerOf } from '../common/owner.ts';
import type { ControllerContext } from '../types.ts';

type Scaled = KubeObject & { readonly spec?: { readonly replicas?: number } };

/** How many pods the controllers of pods want: of the built-in kinds from caches, of any other from its scale subresource. */
export class Scales {
  readonly #client: Client;
  readonly #informers: ReadonlyMap<string, Informer<Scaled>>;

  /** `changed` is told the namespace in which something was scaled. */
  constructor(context: ControllerContext, changed: (namespace: string) => void) {
    this.#client = context.client;
    const informers: readonly (readonly [string, Informer<Scaled>])[] = [
      ['apps Deployment', context.informers.informer(resources.deployments)],
      ['apps ReplicaSet', context.informers.informer(resources.replicasets)],
      ['apps StatefulSet', context.informers.informer(resources.statefulsets)],
      [' ReplicationController', context.informers.informer(resources.replicationcontrollers)],
    ];
    this.#informers = new Map(informers);
    for (const [, informer] of informers) {
      informer.addHandler({
        added: (object) => changed(namespaceOf(object)), deleted: (object) => changed(namespaceOf(object)),
        updated: (before, after) => { if (before.spec?.replicas !== after.spec?.replicas) changed(namespaceOf(after)); },
      });
    }
  }

  /** Pods without a controller count nothing. Throws if a controller cannot be asked. */
  async of(pods: readonly Pod[]): Promise<number> {
    const seen = new Set<string>();
    // A Deployment's sets all lead to it: it counts once.
    const wanted = new Map<string, number>();
    for (const pod of pods) {
      const reference = controllerOf(pod);
      if (reference === undefined || seen.has(reference.uid)) continue;
      seen.add(reference.uid);
      const { uid, replicas } = await this.#resolve(namespaceOf(pod), reference, nameOf(pod));
      wanted.set(uid, replicas);
    }
    return sum(wanted.values(), (replicas) => replicas);
  }

  async #resolve(namespace: string, reference: OwnerReference, podName: string): Promise<{ readonly uid: string; readonly replicas: number }> {
    const group = reference.apiVersion.includes('/') ? reference.apiVersion.split('/')[0] ?? '' : '';
    const informer = this.#informers.get(`${group} ${reference.kind}`);
    if (informer === undefined) return { uid: reference.uid, replicas: await this.#ask({ namespace, name: reference.name }, reference, podName) };
    const found = informer.lister.get({ namespace, name: reference.name });
    if (found === undefined || uidOf(found) !== reference.uid) return { uid: reference.uid, replicas: 0 };
    const owner = reference.kind === 'ReplicaSet' ? controllerOf(found) : undefined;
    if (owner?.kind === 'Deployment') return await this.#resolve(namespace, owner, podName);
    return { uid: reference.uid, replicas: found.spec?.replicas ?? 1 };
  }

  async #ask(key: ObjectKey, reference: OwnerReference, podName: string): Promise<number> {
    const base = reference.apiVersion.includes('/') ? `/apis/${reference.apiVersion}` : `/api/${reference.apiVersion}`;
    const { resources: listed = [] } = await this.#json(base) as { resources?: readonly { readonly name: string; readonly kind: string }[] };
    const type = listed.find((one) => one.kind === reference.kind && !one.name.includes('/'));
    if (type === undefined || !listed.some((one) => one.name === `${type.name}/scale`)) throw new Error(`${reference.kind} ${reference.name}, which controls pod ${podName}, does not implement the scale subresource`);
    const scale = await this.#json(`${base}/namespaces/${key.namespace ?? ''}/${type.name}/${key.name}/scale`) as Scaled;
    return scale.spec?.replicas ?? 0;
  }

  async #json(target: string): Promise<unknown> {
    const { status, body } = await this.#client.raw({ method: 'GET', target, headers: { accept: 'application/json' } });
    if (status !== 200) throw new Error(`GET ${target}: ${status}`);
    return JSON.parse(fromUtf8(body));
  }
}
