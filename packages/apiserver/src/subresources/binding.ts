import { badRequest, conflict, invalid, type FieldError, type JsonObject } from '@coxswain/api';
import { rfc3339Seconds, type Clock } from '@coxswain/host';
import type { Binding, Pod, PodCondition, PodStatus } from 'kubernetes-types/core/v1';
import { sharesWrites } from '../fast-path/inner.ts';
import { termOf } from '../registry/lease-guards.ts';
import { typed } from '../typed.ts';
import type { CreateHandler, ObjectMutator, ResourceRequest } from '../types.ts';
import { success } from './success.ts';

function bindingErrors(binding: Binding): FieldError[] {
  const errors: FieldError[] = [];
  const kind = binding.target?.kind ?? '';
  if (kind !== '' && kind !== 'Node') errors.push({ type: 'NotSupported', field: 'target.kind', message: `Unsupported value: ${JSON.stringify(kind)}: supported values: "Node", "<empty>"` });
  if (!binding.target?.name) errors.push({ type: 'Required', field: 'target.name', message: 'Required value' });
  return errors;
}

export function setPodCondition(pod: Pod, condition: PodCondition): void {
  const others = (pod.status?.conditions ?? []).filter((one) => one.type !== condition.type);
  // The types call status read-only, which it is for clients.
  (pod as { status?: PodStatus }).status = { ...pod.status, conditions: [...others, condition] };
}

/** What the binding says that it was made for. */
function failedPrecondition(pod: Pod, binding: Binding): string | undefined {
  const { uid, resourceVersion } = binding.metadata ?? {};
  const has = pod.metadata ?? {};
  if (uid && uid !== has.uid) return `UID in precondition: ${uid}, UID in object meta: ${has.uid ?? ''}`;
  if (resourceVersion && resourceVersion !== has.resourceVersion) return `ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${has.resourceVersion ?? ''}`;
  return undefined;
}

function bind(pod: Pod, binding: Binding, now: string, key: string): void {
  const name = pod.metadata?.name ?? '';
  const refuse = (why: string): Error => conflict({ group: '', resource: 'pods/binding' }, name, why);
  const failed = failedPrecondition(pod, binding);
  if (failed !== undefined) throw conflict({ group: '', resource: 'pods' }, name, `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ${failed}`);
  if (pod.metadata?.deletionTimestamp !== undefined) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec?.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  if ((pod.spec?.schedulingGates ?? []).length > 0) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  if (pod.spec !== undefined) pod.spec.nodeName = binding.target.name ?? '';
  if (pod.metadata !== undefined && binding.metadata?.annotations !== undefined) pod.metadata.annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations };
  setPodCondition(pod, { type: 'PodScheduled', status: 'True', lastProbeTime: null as unknown as string, lastTransitionTime: now });
}

/** A pod is bound once: the check and the write are one step. */
export function bindingHandlers(clock: Clock, pods: ObjectMutator): readonly CreateHandler[] {
  async function create(request: ResourceRequest, body: JsonObject, { dryRun }: { readonly dryRun: boolean }): ReturnType<CreateHandler['create']> {
    const binding = typed<Binding>(body);
    const name = request.info.subresource === '' ? binding.metadata?.name ?? '' : request.info.name;
    if ((binding.metadata?.name ?? '') !== name) throw badRequest('name in URL does not match name in Binding object');
    const errors = bindingErrors(binding);
    if (errors.length > 0) throw invalid({ group: '', kind: 'Binding' }, name, errors);
    if (name === '') throw badRequest('Name parameter required.');
    const now = rfc3339Seconds(clock.nowMs());
    const key = `${dryRun ? '' : '/registry'}/pods/${request.info.namespace}/${name}`;
    await pods.mutate('', 'pods', { namespace: request.info.namespace, name }, (object) => bind(typed<Pod>(object), binding, now, key), { dryRun, shared: sharesWrites(request.http), shallow: true, notes: request.notes, term: termOf(request.http) });
    return success(201);
  }
  return [
    { group: '', resource: 'pods', subresource: 'binding', create },
    { group: '', resource: 'bindings', subresource: '', create },
  ];
}
