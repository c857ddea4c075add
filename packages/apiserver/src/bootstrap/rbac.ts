import { resources, type Client, type KubeObject, type ResourceType } from '@coxswain/client';
import type { ClusterRole, ClusterRoleBinding, RoleBinding, Subject } from 'kubernetes-types/rbac/v1';
import { uncovered } from '../authz/rules.ts';
import { autoUpdate, rbacWith, type RbacObject } from './default-rbac.ts';
import { createUnlessThere } from './ensure.ts';
import { ensureNamespace } from './namespaces.ts';

const typeOf: Readonly<Record<string, ResourceType>> = {
  ClusterRole: resources.clusterroles, ClusterRoleBinding: resources.clusterrolebindings, Role: resources.roles, RoleBinding: resources.rolebindings,
};

type Texts = Readonly<Record<string, string>>;

/** What is there stays as it is. Undefined if every key is there. */
function missingKeys(have: Texts = {}, want: Texts = {}): Record<string, string> | undefined {
  return Object.keys(want).every((key) => have[key] !== undefined) ? undefined : { ...want, ...have };
}

interface Marks { readonly labels: Record<string, string> | undefined; readonly annotations: Record<string, string> | undefined }

function missingMarks(existing: RbacObject, wanted: RbacObject): Marks {
  return { labels: missingKeys(existing.metadata?.labels, wanted.metadata?.labels), annotations: missingKeys(existing.metadata?.annotations, wanted.metadata?.annotations) };
}

function marked<T extends RbacObject>(existing: T, { labels, annotations }: Marks): T {
  return { ...existing, metadata: { ...existing.metadata, ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }) } };
}

type Aggregation = ClusterRole['aggregationRule'];

/** Selectors are added as rules are; who is not to aggregate does not. Undefined: nothing is to change. */
function mergeAggregation(existing: Aggregation, wanted: Aggregation): { readonly aggregationRule: Aggregation } | undefined {
  if (wanted === undefined) return existing === undefined ? undefined : { aggregationRule: undefined };
  const have = existing?.clusterRoleSelectors ?? [];
  const known = new Set(have.map((selector) => JSON.stringify(selector)));
  const missing = (wanted.clusterRoleSelectors ?? []).filter((selector) => !known.has(JSON.stringify(selector)));
  return missing.length === 0 ? undefined : { aggregationRule: { ...existing, clusterRoleSelectors: [...have, ...missing] } };
}

/** Rules are added, never taken away: an administrator may have widened a role. */
function mergeRole(existing: ClusterRole, wanted: ClusterRole): ClusterRole | undefined {
  const missing = uncovered(existing.rules ?? [], wanted.rules ?? []);
  const marks = missingMarks(existing, wanted);
  const aggregation = mergeAggregation(existing.aggregationRule, wanted.aggregationRule);
  if (missing.length === 0 && marks.labels === undefined && marks.annotations === undefined && aggregation === undefined) return undefined;
  const { aggregationRule, ...rest } = { ...marked(existing, marks), ...aggregation };
  return { ...rest, rules: [...(existing.rules ?? []), ...missing], ...(aggregationRule === undefined ? {} : { aggregationRule }) };
}

function subjectKey(subject: Subject): string {
  return JSON.stringify([subject.kind, subject.namespace ?? '', subject.name]);
}

function mergeBinding(existing: RoleBinding, wanted: RoleBinding): RoleBinding | undefined {
  const have = new Set((existing.subjects ?? []).map(subjectKey));
  const missing = (wanted.subjects ?? []).filter((subject) => !have.has(subjectKey(subject)));
  const marks = missingMarks(existing, wanted);
  if (missing.length === 0 && marks.labels === undefined && marks.annotations === undefined) return undefined;
  return { ...marked(existing, marks), subjects: [...(existing.subjects ?? []), ...missing] };
}

function sameRole(a: ClusterRoleBinding, b: ClusterRoleBinding): boolean {
  return a.roleRef.kind === b.roleRef.kind && a.roleRef.name === b.roleRef.name;
}

async function reconcile(client: Client, wanted: RbacObject, existing: RbacObject | undefined): Promise<void> {
  const type = typeOf[wanted.kind ?? ''] as ResourceType<KubeObject>;
  const { namespace, name = '' } = wanted.metadata ?? {};
  if (existing === undefined) {
    await createUnlessThere(client, type, wanted);
    return;
  }
  if (existing.metadata?.annotations?.[autoUpdate] === 'false') return;
  if (!('roleRef' in wanted)) {
    const merged = mergeRole(existing as ClusterRole, wanted as ClusterRole);
    if (merged !== undefined) await client.update(type, merged);
    return;
  }
  if (!sameRole(existing as ClusterRoleBinding, wanted as ClusterRoleBinding)) {
    // A binding's role cannot be changed: it is made anew.
    await client.delete(type, { namespace, name }, existing.metadata?.uid === undefined ? {} : { preconditions: { uid: existing.metadata.uid } });
    await createUnlessThere(client, type, wanted);
    return;
  }
  const merged = mergeBinding(existing as RoleBinding, wanted as RoleBinding);
  if (merged !== undefined) await client.update(type, merged);
}

function keyOf(object: RbacObject): string {
  return `${object.kind ?? ''} ${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
}

async function existingObjects(client: Client): Promise<ReadonlyMap<string, RbacObject>> {
  const found = new Map<string, RbacObject>();
  for (const [kind, type] of Object.entries(typeOf)) {
    for (const item of (await client.list(type)).items) {
      // Items of a list do not say their kind.
      const object = { ...item, kind, apiVersion: 'rbac.authorization.k8s.io/v1' } as RbacObject;
      found.set(keyOf(object), object);
    }
  }
  return found;
}

const atOnce = 8;

/** Every default role and binding; a few at a time, since a new cluster makes over a hundred. */
export async function reconcileRbac(client: Client, features?: ReadonlySet<string>): Promise<void> {
  const wanted = rbacWith(features);
  const namespaces = new Set(wanted.map((object) => object.metadata?.namespace).filter((name) => name !== undefined));
  for (const name of namespaces) await ensureNamespace(client, name);
  const existing = await existingObjects(client);
  const queue = [...wanted];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await reconcile(client, next, existing.get(keyOf(next)));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
