import { done, isNotFound, metadataOnly, runController, type KubeObject, type ResourceType, type SyncResult } from '@coxswain/client';
import type { OwnerReference } from 'kubernetes-types/meta/v1';
import { uidOf } from '../common/object.ts';
import { newLoop, runAll, runPeriodically } from '../common/run.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { decide, type OwnerState } from './decide.ts';
import { foregroundFinalizer, keyOfNode, orphanFinalizer, OwnerGraph, type GraphNode } from './graph.ts';
import { Monitors } from './monitors.ts';

const name = 'garbage-collector-controller';
const discoveryPeriodMs = 30_000;
const unknownKindRetryMs = 10_000;

export const garbageCollector: Controller = { name, account: 'generic-garbage-collector', start: (context) => new GarbageCollector(context).run };

class GarbageCollector {
  readonly #context: ControllerContext;
  readonly #graph: OwnerGraph;
  readonly #monitors: Monitors;
  readonly #attempts;
  readonly #orphans;
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#attempts = newLoop(context, `${name}-attempts`).queue;
    this.#orphans = newLoop(context, `${name}-orphans`).queue;
    this.#graph = new OwnerGraph({ attempt: (node) => this.#attempts.add(node.uid), orphan: (node) => this.#orphans.add(node.uid) });
    this.#monitors = new Monitors(context.host, context.client, this.#graph);
    const workers = context.config.concurrency[name] ?? 20;
    this.run = async (signal) => {
      // Nothing may be judged before every resource is known.
      await this.#firstRefresh(signal);
      await runAll(
        (stop) => runController(context.host, { name, queue: this.#attempts, workers, sync: (uid) => this.#attempt(uid) }, stop),
        (stop) => runController(context.host, { name, queue: this.#orphans, workers, sync: (uid) => this.#orphan(uid) }, stop),
        runPeriodically(context, name, discoveryPeriodMs, (stop) => this.#monitors.refresh(stop)),
      )(signal);
    };
  }

  async #firstRefresh(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#monitors.refresh(signal);
        return;
      } catch (error) {
        this.#context.host.log.warn('discovery failed, trying again', { error: error instanceof Error ? error.message : String(error) });
        await this.#context.host.timers.sleep(1000, signal);
      }
    }
  }

  async #live(type: ResourceType, node: { readonly namespace: string; readonly name: string }): Promise<KubeObject | undefined> {
    const key = { name: node.name, ...(type.namespaced ? { namespace: node.namespace } : {}) };
    return await this.#context.client.get(metadataOnly(type), key).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  /** Always judged by the live object: the graph only says when to look. */
  async #attempt(uid: string): Promise<SyncResult> {
    const node = this.#graph.get(uid);
    if (node === undefined || node.virtual || node.type === undefined) return done;
    const { type } = node;
    const live = await this.#live(type, node);
    if (live === undefined || uidOf(live) !== uid) {
      // Its own watch will say so too; without one it has to be forgotten here.
      this.#graph.remove(uid);
      return done;
    }
    if (live.metadata?.deletionTimestamp !== undefined) return await this.#finishForeground(node, type, live);
    const owners = await this.#ownerStates(node, live.metadata?.ownerReferences ?? []);
    if (owners === undefined) return { kind: 'retry-after', delayMs: unknownKindRetryMs };
    const decision = decide(owners, { finalizers: live.metadata?.finalizers ?? [], hasDependents: node.dependents.size > 0 });
    if (decision.kind === 'unlink') await this.#unlink(type, live, decision.uids);
    if (decision.kind === 'delete') await this.#delete(node, type, live, decision.propagationPolicy);
    return done;
  }

  async #delete(node: GraphNode, type: ResourceType, live: KubeObject, propagationPolicy: 'Background' | 'Foreground' | 'Orphan'): Promise<void> {
    this.#context.host.log.debug('deleting what has lost its owners', { kind: node.kind, namespace: node.namespace, name: node.name, policy: propagationPolicy });
    const resourceVersion = propagationPolicy === 'Foreground' && this.#graph.closesCircle(node) ? await this.#unblockOwners(type, live) : live.metadata?.resourceVersion;
    await this.#context.client.delete(type, keyOfNode(node), {
      propagationPolicy, preconditions: { uid: node.uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    }).catch(ignoreGone);
  }

  /** In a circle everybody would wait for the next: this one's owners do not wait for it any more. Answers its version. */
  async #unblockOwners(type: ResourceType, live: KubeObject): Promise<string | undefined> {
    const ownerReferences = (live.metadata?.ownerReferences ?? []).map((reference) => ({ ...reference, blockOwnerDeletion: false }));
    return (await this.#patchMetadata(type, live, { ownerReferences }))?.metadata?.resourceVersion;
  }

  /** Undefined: an owner's kind is not known (now), so nothing may be decided. */
  async #ownerStates(node: GraphNode, references: readonly OwnerReference[]): Promise<{ reference: OwnerReference; state: OwnerState }[] | undefined> {
    const out: { reference: OwnerReference; state: OwnerState }[] = [];
    for (const reference of references) {
      const state = await this.#ownerState(node, reference);
      if (state === undefined) return undefined;
      out.push({ reference, state });
    }
    return out;
  }

  async #ownerState(node: GraphNode, reference: OwnerReference): Promise<OwnerState | undefined> {
    const type = this.#monitors.find(reference.apiVersion, reference.kind);
    if (type === undefined) return undefined;
    // An owner in a namespace for a dependent without one cannot be: it is left alone, as upstream.
    if (type.namespaced && node.type?.namespaced === false) return 'solid';
    const owner = await this.#live(type, { namespace: node.namespace, name: reference.name });
    if (owner === undefined || uidOf(owner) !== reference.uid) return 'dangling';
    const waits = owner.metadata?.deletionTimestamp !== undefined && (owner.metadata.finalizers ?? []).includes(foregroundFinalizer);
    return waits ? 'waiting' : 'solid';
  }

  async #unlink(type: ResourceType, live: KubeObject, uids: readonly string[]): Promise<void> {
    const ownerReferences = (live.metadata?.ownerReferences ?? []).filter((reference) => !uids.includes(reference.uid));
    await this.#patchMetadata(type, live, { ownerReferences });
  }

  /** A merge patch that holds only for the state that was read. undefined: it is gone. */
  async #patchMetadata(type: ResourceType, live: KubeObject, change: Record<string, unknown>): Promise<KubeObject | undefined> {
    const { name: objectName = '', namespace, uid, resourceVersion } = live.metadata ?? {};
    return await this.#context.client.patch(type, { name: objectName, namespace }, 'merge', { metadata: { ...change, uid, resourceVersion } }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return undefined;
    });
  }

  /** An object in foreground deletion goes when nothing that blocks it is left. */
  async #finishForeground(node: GraphNode, type: ResourceType, live: KubeObject): Promise<SyncResult> {
    const finalizers = live.metadata?.finalizers ?? [];
    if (!finalizers.includes(foregroundFinalizer)) return done;
    const blocking = this.#graph.blockingDependents(node);
    for (const dependent of blocking) this.#attempts.add(dependent.uid);
    if (blocking.length > 0) return done;
    await this.#patchMetadata(type, live, { finalizers: finalizers.filter((finalizer) => finalizer !== foregroundFinalizer) });
    return done;
  }

  /** Takes the owner out of its dependents, then lets it go. */
  async #orphan(uid: string): Promise<SyncResult> {
    const node = this.#graph.get(uid);
    if (node?.type === undefined) return done;
    for (const dependent of node.dependents) await this.#release(dependent, uid);
    const live = await this.#live(node.type, node);
    if (live === undefined || uidOf(live) !== uid) return done;
    const finalizers = live.metadata?.finalizers ?? [];
    if (finalizers.includes(orphanFinalizer)) await this.#patchMetadata(node.type, live, { finalizers: finalizers.filter((finalizer) => finalizer !== orphanFinalizer) });
    return done;
  }

  async #release(dependent: GraphNode, ownerUid: string): Promise<void> {
    if (dependent.type === undefined) return;
    const live = await this.#live(dependent.type, dependent);
    if (live === undefined || uidOf(live) !== dependent.uid) return;
    if (live.metadata?.ownerReferences?.some((reference) => reference.uid === ownerUid) === true) await this.#unlink(dependent.type, live, [ownerUid]);
  }
}

/** A conflict is thrown on: it changed since it was read, and is judged again. */
function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
