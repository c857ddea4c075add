import { rfc3339Seconds } from '@coxswain/host';
import { isObject } from '../patch/values.ts';
import type { JsonObject } from '../resource.ts';
import { get, obj, objects, str, strings } from '../validation/access.ts';
import { conditionOf } from './definition.ts';

export interface Condition {
  readonly type: 'NamesAccepted' | 'Established' | 'Terminating' | 'NonStructuralSchema' | 'KubernetesAPIApprovalPolicyConformant';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

function statusOf(definition: JsonObject): JsonObject {
  const { status } = definition;
  if (isObject(status)) return status;
  const made: JsonObject = {};
  definition['status'] = made;
  return made;
}

/** In place. The time of transition moves only with the status. */
export function setCondition(definition: JsonObject, condition: Condition, nowMs: number): void {
  const status = statusOf(definition);
  const before = conditionOf(definition, condition.type);
  const kept = before !== undefined && str(before, 'status') === condition.status ? get(before, 'lastTransitionTime') : undefined;
  const { type, status: state, reason, message } = condition;
  const made: JsonObject = { type, status: state, lastTransitionTime: kept ?? rfc3339Seconds(nowMs), reason, message };
  const conditions = objects(status, 'conditions');
  status['conditions'] = before === undefined ? [...conditions, made] : conditions.map((one) => (one === before ? made : one));
}

export function removeCondition(definition: JsonObject, type: Condition['type']): void {
  const status = statusOf(definition);
  status['conditions'] = objects(status, 'conditions').filter((one) => str(one, 'type') !== type);
}

export function sameCondition(condition: Condition, before: JsonObject | undefined): boolean {
  return before !== undefined && str(before, 'status') === condition.status && str(before, 'reason') === condition.reason && str(before, 'message') === condition.message;
}

/** What the first DELETE of a definition does instead of deleting: its objects go first. In place. */
export function markForCleanup(definition: JsonObject, nowMs: number): void {
  const metadata = definition['metadata'] as JsonObject;
  metadata['deletionTimestamp'] = rfc3339Seconds(nowMs);
  const finalizers = strings(metadata, 'finalizers');
  if (!finalizers.includes(cleanupFinalizer)) metadata['finalizers'] = [...finalizers, cleanupFinalizer];
  setCondition(definition, {
    type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending', message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  }, nowMs);
}

const approval = 'api-approved.kubernetes.io';
const see = 'see https://github.com/kubernetes/enhancements/pull/1111';

function isUrl(text: string): boolean {
  return /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/?#\s]+/.test(text);
}

export function isProtectedGroup(group: string): boolean {
  return group === 'k8s.io' || group === 'kubernetes.io' || group.endsWith('.k8s.io') || group.endsWith('.kubernetes.io');
}

export type Approval = 'missing' | 'bypassed' | 'approved' | 'invalid';

/** Whether the project's own groups are used with its approval, as the annotation says. */
export function approvalOf(metadata: JsonObject | undefined): { readonly state: Approval; readonly reason: string } {
  const annotation = str(obj(metadata, 'annotations'), approval);
  if (annotation === '') return { state: 'missing', reason: `protected groups must have approval annotation "${approval}", ${see}` };
  if (annotation.startsWith('unapproved')) return { state: 'bypassed', reason: `not approved: ${JSON.stringify(annotation)}` };
  if (isUrl(annotation)) return { state: 'approved', reason: `approved in ${annotation}` };
  return { state: 'invalid', reason: `protected groups must have approval annotation "${approval}" with either a URL or a reason starting with "unapproved", ${see}` };
}

const approvals: Readonly<Record<Approval, { readonly status: Condition['status']; readonly reason: string }>> = {
  missing: { status: 'False', reason: 'MissingAnnotation' }, bypassed: { status: 'False', reason: 'UnapprovedAnnotation' },
  approved: { status: 'True', reason: 'ApprovedAnnotation' }, invalid: { status: 'False', reason: 'InvalidAnnotation' },
};

/** undefined: the group is nobody's concern. */
export function approvalCondition(definition: JsonObject): Condition | undefined {
  if (!isProtectedGroup(str(obj(definition, 'spec'), 'group'))) return undefined;
  const { state, reason: message } = approvalOf(obj(definition, 'metadata'));
  return { type: 'KubernetesAPIApprovalPolicyConformant', ...approvals[state], message };
}

interface Taken {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

function takenNames(group: readonly JsonObject[]): Taken {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const definition of group) {
    const names = obj(obj(definition, 'status'), 'acceptedNames');
    for (const name of [str(names, 'plural'), str(names, 'singular'), ...strings(names, 'shortNames')]) resources.add(name);
    for (const name of [str(names, 'kind'), str(names, 'listKind')]) kinds.add(name);
  }
  return { resources, kinds };
}

function inUse(name: string): string {
  return `${JSON.stringify(name)} is already in use`;
}

class Naming {
  readonly accepted: JsonObject;
  refusal: { readonly reason: string; readonly message: string } | undefined;
  readonly #wanted: JsonObject | undefined;
  readonly #before: JsonObject | undefined;
  readonly #taken: Taken;

  constructor(definition: JsonObject, taken: Taken) {
    this.#wanted = obj(obj(definition, 'spec'), 'names');
    this.#before = obj(obj(definition, 'status'), 'acceptedNames');
    this.accepted = { ...(this.#before ?? { plural: '', kind: '' }) };
    this.#taken = taken;
  }

  one(key: 'plural' | 'singular' | 'kind' | 'listKind', reason: string): void {
    const taken = key === 'plural' || key === 'singular' ? this.#taken.resources : this.#taken.kinds;
    const name = str(this.#wanted, key);
    if (name !== str(this.#before, key) && taken.has(name)) this.refusal = { reason, message: inUse(name) };
    else if (name !== '') this.accepted[key] = name;
    else delete this.accepted[key];
  }

  shortNames(): void {
    const mine = strings(this.#before, 'shortNames');
    const wanted = strings(this.#wanted, 'shortNames');
    const clashes = wanted.filter((name) => !mine.includes(name) && name !== '' && this.#taken.resources.has(name)).map(inUse);
    if (clashes.length > 0) this.refusal = { reason: 'ShortNamesConflict', message: clashes.length === 1 ? (clashes[0] as string) : `[${clashes.join(', ')}]` };
    else this.#list('shortNames');
  }

  #list(key: 'shortNames' | 'categories'): void {
    const wanted = strings(this.#wanted, key);
    if (wanted.length > 0) this.accepted[key] = [...wanted];
    else delete this.accepted[key];
  }

  categories(): void {
    this.#list('categories');
  }
}

/** Sets accepted names and both conditions that follow from them, in place. `group`: all definitions of its group, itself included. */
export function acceptNames(definition: JsonObject, group: readonly JsonObject[], nowMs: number): void {
  const naming = new Naming(definition, takenNames(group));
  naming.one('plural', 'PluralConflict');
  naming.one('singular', 'SingularConflict');
  naming.shortNames();
  naming.one('kind', 'KindConflict');
  naming.one('listKind', 'ListKindConflict');
  naming.categories();
  statusOf(definition)['acceptedNames'] = naming.accepted;
  const accepted = naming.refusal === undefined;
  setCondition(definition, {
    type: 'NamesAccepted', status: accepted ? 'True' : 'False', ...(naming.refusal ?? { reason: 'NoConflicts', message: 'no conflicts found' }),
  }, nowMs);
  const before = conditionOf(definition, 'Established');
  if (str(before, 'status') === 'True') return;
  if (accepted) setCondition(definition, { type: 'Established', status: 'False', reason: 'Installing', message: 'the initial names have been accepted' }, nowMs);
  else if (before === undefined) setCondition(definition, { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }, nowMs);
}
