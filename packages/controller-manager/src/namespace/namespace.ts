import { done, isConflict, isNotFound, metadataOnly, objectKey, resources, type KubeObject, type SyncResult } from '@coxswain/client';
import { rfc3339Seconds } from '@coxswain/host';
import type { Namespace, NamespaceCondition } from 'kubernetes-types/core/v1';
import { withCondition } from '../common/conditions.ts';
import { discoverPreferred, type Discovered } from '../common/discovery.ts';
import { deepEqual, isDeleting, messageOf, nameOf, sum } from '../common/object.ts';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller, ControllerContext } from '../types.ts';

const name = 'namespace-controller';
/** How soon it is looked at again while something stays; upstream waits half of the longest grace period. */
const recheckMs = 5_000;
/** A namespace that began to end is left alone for a moment, so that API servers that lag stop accepting objects. */
const settleMs = 1_000;

export const namespaceController: Controller = {
  name, account: name,
  start: (context) => {
    const namespaces = context.informers.informer(resources.namespaces);
    const loop = newLoop(context, name);
    const changed = (namespace: Namespace): void => { if (isDeleting(namespace)) loop.queue.addAfter(nameOf(namespace), settleMs); };
    namespaces.addHandler({ added: changed, updated: (_before, after) => changed(after) });
    return runLoop(context, name, loop, (key) => sync(context, key), 10);
  },
};

async function sync(context: ControllerContext, key: string): Promise<SyncResult> {
  const namespace = await context.client.get(resources.namespaces, { name: key }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (namespace === undefined || !isDeleting(namespace)) return done;
  if ((namespace.spec?.finalizers ?? []).length === 0) return done;
  const report = await empty(context, key);
  const settled = await writeConditions(context, namespace, report);
  if (report.failures.length > 0) throw new Error(`namespace ${key}: ${report.failures.map(({ message }) => message).join('; ')}`);
  if (report.left.length > 0) return { kind: 'retry-after', delayMs: recheckMs };
  await finalize(context, settled);
  return done;
}

interface Left { readonly what: string; readonly count: number; readonly finalizers: ReadonlyMap<string, number> }
interface Failure { readonly kind: 'discovery' | 'deletion'; readonly message: string }
export interface EmptyReport { readonly left: readonly Left[]; readonly failures: readonly Failure[] }

/** Pods go first, and until the last has stopped nothing that they may still use is taken from them. */
async function empty(context: ControllerContext, namespace: string): Promise<EmptyReport> {
  const failures: Failure[] = [];
  const pods = await emptyOne(context, namespace, { ...resources.pods, verbs: ['list', 'deletecollection', 'delete'] }, failures);
  if (pods !== undefined) return { left: [pods], failures };
  const discovery = await discoverPreferred(context.client);
  if (discovery.failed.length > 0) failures.push({ kind: 'discovery', message: `Discovery failed for some groups, ${discovery.failed.length} failing: unable to retrieve the complete list of server APIs: ${discovery.failed.join(', ')}` });
  const left: Left[] = [];
  for (const type of discovery.resources) {
    // events.k8s.io shows the core group's events again.
    if (!type.namespaced || !type.verbs.includes('list') || !type.verbs.includes('delete') || (type.group === 'events.k8s.io')) continue;
    const rest = await emptyOne(context, namespace, type, failures);
    if (rest !== undefined) left.push(rest);
  }
  return { left, failures };
}

/** Deletes everything of one resource; answers what stays for now. */
async function emptyOne(context: ControllerContext, namespace: string, type: Discovered, failures: Failure[]): Promise<Left | undefined> {
  const { client } = context;
  const list = async (): Promise<KubeObject[]> => (await client.list(metadataOnly(type), { namespace })).items;
  try {
    const before = await list();
    if (before.length === 0) return undefined;
    if (type.verbs.includes('deletecollection')) await client.deleteCollection(type, { namespace }, { propagationPolicy: 'Background' });
    else for (const object of before) await client.delete(type, { namespace, name: nameOf(object) }, { propagationPolicy: 'Background' }).catch(ignoreGone);
    const rest = await list();
    return rest.length === 0 ? undefined : describeLeft(type, rest);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    failures.push({ kind: 'deletion', message: `${type.resource}: ${messageOf(error)}` });
    return undefined;
  }
}

function ignoreGone(error: unknown): void {
  if (!isNotFound(error) && !isConflict(error)) throw error;
}

function describeLeft(type: Discovered, rest: readonly KubeObject[]): Left {
  const finalizers = new Map<string, number>();
  for (const object of rest) for (const finalizer of object.metadata?.finalizers ?? []) finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
  return { what: `${type.resource}.${type.group}`, count: rest.length, finalizers };
}

/** The five conditions by which a user sees why a namespace does not go. */
function namespaceConditions(report: EmptyReport): Omit<NamespaceCondition, 'lastTransitionTime'>[] {
  const discovery = report.failures.find(({ kind }) => kind === 'discovery');
  const deletion = report.failures.find(({ kind }) => kind === 'deletion');
  const finalizers = new Map<string, number>();
  for (const left of report.left) for (const [finalizer, count] of left.finalizers) finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + count);
  const condition = (type: string, failed: boolean, reason: string, message: string): Omit<NamespaceCondition, 'lastTransitionTime'> => ({ type, status: failed ? 'True' : 'False', reason, message });
  const counted = [...report.left].toSorted((a, b) => (a.what < b.what ? -1 : 1)).map(({ what, count }) => `${what} has ${count} resource instances`).join(', ');
  const named = [...finalizers].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([finalizer, count]) => `${finalizer} in ${count} resource instances`).join(', ');
  return [
    discovery === undefined ? condition('NamespaceDeletionDiscoveryFailure', false, 'ResourcesDiscovered', 'All resources successfully discovered')
      : condition('NamespaceDeletionDiscoveryFailure', true, 'DiscoveryFailed', discovery.message),
    condition('NamespaceDeletionGroupVersionParsingFailure', false, 'ParsedGroupVersions', 'All legacy kube types successfully parsed'),
    deletion === undefined ? condition('NamespaceDeletionContentFailure', false, 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization')
      : condition('NamespaceDeletionContentFailure', true, 'ContentDeletionFailed', `Failed to delete all resource types, ${report.failures.length} remaining: ${deletion.message}`),
    sum(report.left, ({ count }) => count) === 0 ? condition('NamespaceContentRemaining', false, 'ContentRemoved', 'All content successfully removed')
      : condition('NamespaceContentRemaining', true, 'SomeResourcesRemain', `Some resources are remaining: ${counted}`),
    finalizers.size === 0 ? condition('NamespaceFinalizersRemaining', false, 'ContentHasNoFinalizers', 'All content-preserving finalizers finished')
      : condition('NamespaceFinalizersRemaining', true, 'SomeFinalizersRemain', `Some content in the namespace has finalizers remaining: ${named}`),
  ];
}

async function writeConditions(context: ControllerContext, namespace: Namespace, report: EmptyReport): Promise<Namespace> {
  const lastTransitionTime = rfc3339Seconds(context.host.clock.nowMs());
  let conditions = namespace.status?.conditions ?? [];
  for (const condition of namespaceConditions(report)) conditions = withCondition(conditions, { ...condition, lastTransitionTime });
  if (deepEqual(conditions, namespace.status?.conditions ?? [])) return namespace;
  return await context.client.updateStatus(resources.namespaces, { ...namespace, status: { ...namespace.status, conditions } });
}

async function finalize(context: ControllerContext, namespace: Namespace): Promise<void> {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== 'kubernetes');
  await context.client.update(resources.namespaces, { ...namespace, spec: { ...namespace.spec, finalizers } }, { subresource: 'finalize' }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    context.host.log.debug('namespace is already gone', { namespace: objectKey(namespace).name });
  });
}
