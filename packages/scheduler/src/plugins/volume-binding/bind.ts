import { annotated, claimKey, given, isFullyBound, selectedNodeAnnotation } from '@coxswain/api/volumes';
import { isNewer, resources, type Client } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { Storage } from '../../storage/storage.ts';
import { reachable } from './match.ts';
import type { NodePlan, StaticBinding } from './plan.ts';

export interface BindParts {
  readonly host: Host;
  readonly client: Client;
  readonly storage: Storage;
  readonly timeoutMs: number;
}

/** From now on no other pod is decided as if these were free. */
export function assume(storage: Storage, plan: NodePlan, nodeName: string): NodePlan {
  const bindings = plan.bindings.map((binding) => ({ claim: binding.claim, volume: given(binding.volume, binding.claim) }));
  const provisions = plan.provisions.map((claim) => annotated(claim, selectedNodeAnnotation, nodeName));
  for (const { volume } of bindings) storage.volumes.assume(volume);
  for (const claim of provisions) storage.claims.assume(claim);
  return { reasons: [], bindings, provisions };
}

export function revert(storage: Storage, { bindings, provisions }: NodePlan): void {
  for (const { volume } of bindings) storage.volumes.restore(volume);
  for (const claim of provisions) storage.claims.restore(claim);
}

async function write({ client }: BindParts, { bindings, provisions }: NodePlan): Promise<NodePlan> {
  const written: StaticBinding[] = [];
  const promised: PersistentVolumeClaim[] = [];
  for (const { claim, volume } of bindings) written.push({ claim, volume: await client.update(resources.persistentvolumes, volume) });
  for (const claim of provisions) promised.push(await client.update(resources.persistentvolumeclaims, claim));
  return { reasons: [], bindings: written, provisions: promised };
}

function found<T>(object: T | undefined, text: string): T {
  if (object === undefined) throw new Error(text);
  return object;
}

function checkPlace(volume: PersistentVolume, node: Parameters<typeof reachable>[1]): void {
  if (!reachable(volume, node)) throw new Error(`pv ${JSON.stringify(volume.metadata?.name)} node affinity doesn't match node ${JSON.stringify(node.metadata?.name)}: no matching NodeSelectorTerms`);
}

/** Throws when it can never come true. */
function isDone(storage: Storage, { bindings, provisions }: NodePlan, pod: Pod, nodeName: string): boolean {
  const node = found(storage.node(nodeName), `failed to get node ${JSON.stringify(nodeName)}: node ${JSON.stringify(nodeName)} not found`);
  if (!storage.podExists(pod)) throw new Error(`pod does not exist any more: pod ${JSON.stringify(pod.metadata?.name)} not found`);
  const claimNow = (claim: PersistentVolumeClaim, text: string): PersistentVolumeClaim =>
    found(storage.claims.reported({ namespace: claim.metadata?.namespace, name: claim.metadata?.name ?? '' }), `${text}: could not find v1.PersistentVolumeClaim ${JSON.stringify(claimKey(claim))}`);
  for (const { claim, volume } of bindings) {
    const name = volume.metadata?.name ?? '';
    const now = found(storage.volumes.reported({ name }), `failed to check binding: could not find v1.PersistentVolume ${JSON.stringify(name)}`);
    const claimed = claimNow(claim, 'failed to check binding');
    if (isNewer(volume, now)) return false;
    checkPlace(now, node);
    if ((now.spec?.claimRef?.uid ?? '') === '') throw new Error(`ClaimRef got reset for pv ${JSON.stringify(name)}`);
    if (!isFullyBound(claimed)) return false;
  }
  for (const claim of provisions) {
    const now = claimNow(claim, 'failed to check provisioning pvc');
    if (isNewer(claim, now)) return false;
    const name = JSON.stringify(now.metadata?.name);
    if (now.metadata?.annotations === undefined) throw new Error(`selectedNode annotation reset for PVC ${name}`);
    if (now.metadata.annotations[selectedNodeAnnotation] !== nodeName) throw new Error(`provisioning failed for PVC ${name}`);
    const volume = (now.spec?.volumeName ?? '') === '' ? undefined : storage.volumes.reported({ name: now.spec?.volumeName ?? '' });
    if (volume !== undefined) checkPlace(volume, node);
    if (!isFullyBound(now)) return false;
  }
  return true;
}

function whenDone({ host, storage, timeoutMs }: BindParts, plan: NodePlan, pod: Pod, nodeName: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const check = (): void => {
    try {
      if (isDone(storage, plan, pod, nodeName)) resolve();
    } catch (error) {
      reject(error as Error);
    }
  };
  const stop = (): void => reject(new Error('context canceled'));
  const unwatch = storage.watchClaims([...plan.bindings.map(({ claim }) => claim), ...plan.provisions].map(claimKey), check);
  const timer = host.timers.after(timeoutMs, () => reject(new Error('context deadline exceeded')));
  signal.addEventListener('abort', stop, { once: true });
  check();
  if (signal.aborted) stop();
  return promise.finally(() => {
    unwatch();
    timer.cancel();
    signal.removeEventListener('abort', stop);
  });
}

/** Writes what was assumed, and waits for the volume controller to have bound every claim. */
export async function bindVolumes(parts: BindParts, plan: NodePlan, pod: Pod, nodeName: string, signal: AbortSignal): Promise<void> {
  const written = await write(parts, plan);
  await whenDone(parts, written, pod, nodeName, signal).catch((error: unknown) => {
    throw new Error(`binding volumes: ${error instanceof Error ? error.message : String(error)}`);
  });
}
