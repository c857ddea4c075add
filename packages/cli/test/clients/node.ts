/** The cases of ./cases.ts through @kubernetes/client-node. One JSON line a case on standard output. */
import {
  ApiextensionsV1Api, ApisApi, AppsV1Api, AuthenticationV1Api, AuthorizationV1Api, CoordinationV1Api, CoreV1Api, CustomObjectsApi, EventsV1Api, KubeConfig, KubernetesObjectApi,
  makeInformer, PatchStrategy, RbacAuthorizationV1Api, setHeaderOptions, V1MicroTime, VersionApi, Watch, type ApiException, type KubernetesObject, type V1ConfigMap, type V1Container, type V1Deployment,
} from '@kubernetes/client-node';
import { deepStrictEqual as same, ok } from 'node:assert/strict';
import { request } from 'node:https';
import { casesOf, type CaseName, type CaseResult } from './cases.ts';
import { eventually } from '../cluster.ts';

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const apps = config.makeApiClient(AppsV1Api);
const objects = KubernetesObjectApi.makeApiClient(config);
const patchOf = (strategy: Parameters<typeof setHeaderOptions>[1]): ReturnType<typeof setHeaderOptions> => setHeaderOptions('Content-Type', strategy);

interface StatusBody { readonly reason: string; readonly message: string; readonly details?: { readonly causes?: readonly { readonly field: string; readonly reason: string }[] } }

async function refused(code: number, promise: Promise<unknown>): Promise<StatusBody> {
  try {
    await promise;
  } catch (error) {
    const refusal = error as ApiException<string | StatusBody>;
    same(refusal.code, code);
    return typeof refusal.body === 'string' ? JSON.parse(refusal.body) as StatusBody : refusal.body;
  }
  throw new Error(`not refused with ${code}`);
}

function codeOf(promise: Promise<unknown>): Promise<number> {
  return promise.then(() => 200, (error: unknown) => (error as ApiException<unknown>).code);
}

function changed<T extends object>(object: T, changes: Partial<T>): T {
  return Object.assign(Object.create(Object.getPrototypeOf(object) as object) as T, object, changes);
}

function configMap(name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}): V1ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data };
}

const twoContainers = ['main', 'side'].map((container) => ({ name: container, image: `example/${container}:1` }));

function deployment(name: string, replicas = 0, containers: readonly V1Container[] = twoContainers): V1Deployment {
  const labels = { app: name };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [...containers] } } } };
}

/** GET with chosen headers; the answer as it came. */
async function get(path: string, headers: Record<string, string> = {}): Promise<{ readonly headers: NodeJS.Dict<string | string[]>; readonly body: Buffer }> {
  const options: Parameters<typeof request>[1] = { headers };
  await config.applyToHTTPSOptions(options as Parameters<typeof config.applyToHTTPSOptions>[0]);
  return new Promise((resolve, reject) => {
    request(`${config.getCurrentCluster()?.server ?? ''}${path}`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => { resolve({ headers: response.headers, body: Buffer.concat(chunks) }); }).on('error', reject);
    }).on('error', reject).end();
  });
}

async function watchUntil(path: string, query: Record<string, unknown>, last: string): Promise<readonly string[]> {
  const seen: string[] = [];
  await new Promise<void>((resolve, reject) => {
    let controller: AbortController | undefined;
    const onEvent = (type: string, object: KubernetesObject): void => {
      seen.push(`${type} ${object.metadata?.name ?? ''}`);
      if (seen.at(-1) === last) { resolve(); controller?.abort(); }
    };
    new Watch(config).watch(path, { timeoutSeconds: 60, ...query }, onEvent, () => { reject(new Error(`the watch ended after ${seen.join(', ')}`)); }).then((made) => { controller = made; }, reject);
  });
  return seen;
}

function impersonating(user: string): KubeConfig {
  const other = new KubeConfig();
  other.loadFromString(config.exportConfig());
  const current = other.getCurrentUser();
  if (current !== null) other.users = other.users.map((entry) => (entry.name === current.name ? changed(entry, { impersonateUser: user }) : entry));
  return other;
}

const run: Readonly<Partial<Record<CaseName, (namespace: string) => Promise<void>>>> = {
  'discovery': async () => {
    same((await config.makeApiClient(VersionApi).getCode()).minor, '32');
    const { groups } = await config.makeApiClient(ApisApi).getAPIVersions();
    ok(groups.some((group) => group.name === 'apps' && group.preferredVersion?.version === 'v1'));
  },
  'crud': async (namespace) => {
    const made = await core.createNamespacedConfigMap({ namespace, body: configMap('a', { x: '1' }) });
    const next = await core.replaceNamespacedConfigMap({ namespace, name: 'a', body: changed(made, { data: { x: '1', y: '2' } }) });
    ok(Number(next.metadata?.resourceVersion) > Number(made.metadata?.resourceVersion));
    same((await core.readNamespacedConfigMap({ namespace, name: 'a' })).data, { x: '1', y: '2' });
    ok((await core.listNamespacedConfigMap({ namespace })).items.some((item) => item.metadata?.uid === made.metadata?.uid));
    await core.deleteNamespacedConfigMap({ namespace, name: 'a' });
    await refused(404, core.readNamespacedConfigMap({ namespace, name: 'a' }));
  },
  'untyped': async (namespace) => {
    const made = await objects.create<V1Deployment>(changed(deployment('d'), { metadata: { name: 'd', namespace } }));
    same(made.spec?.revisionHistoryLimit, 10);
    await objects.delete({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd', namespace } });
  },
  'conflict': async (namespace) => {
    const made = await core.createNamespacedConfigMap({ namespace, body: configMap('a', { x: '1' }) });
    await core.replaceNamespacedConfigMap({ namespace, name: 'a', body: changed(made, { data: { x: '2' } }) });
    same((await refused(409, core.replaceNamespacedConfigMap({ namespace, name: 'a', body: made }))).reason, 'Conflict');
  },
  'errors': async (namespace) => {
    same((await refused(404, core.readNamespacedConfigMap({ namespace, name: 'none' }))).message, 'configmaps "none" not found');
    await core.createNamespacedConfigMap({ namespace, body: configMap('a') });
    same((await refused(409, core.createNamespacedConfigMap({ namespace, body: configMap('a') }))).reason, 'AlreadyExists');
    const bad = deployment('d', -1, [{ name: 'c' }]);
    const { details } = await refused(422, apps.createNamespacedDeployment({ namespace, body: bad }));
    same(new Map(details?.causes?.map((cause) => [cause.field, cause.reason])), new Map([['spec.replicas', 'FieldValueInvalid'], ['spec.template.spec.containers[0].image', 'FieldValueRequired']]));
  },
  'json-patch': async (namespace) => {
    await core.createNamespacedConfigMap({ namespace, body: configMap('a', { x: '1', y: '2' }) });
    const patch = (body: unknown): Promise<V1ConfigMap> => core.patchNamespacedConfigMap({ namespace, name: 'a', body }, patchOf(PatchStrategy.JsonPatch));
    same((await patch([{ op: 'test', path: '/data/x', value: '1' }, { op: 'replace', path: '/data/x', value: '9' }, { op: 'remove', path: '/data/y' }])).data, { x: '9' });
    await refused(422, patch([{ op: 'test', path: '/data/x', value: '1' }]));
  },
  'merge-patch': async (namespace) => {
    await core.createNamespacedConfigMap({ namespace, body: configMap('a', { x: '1', y: '2' }) });
    same((await core.patchNamespacedConfigMap({ namespace, name: 'a', body: { data: { x: null, z: '3' } } }, patchOf(PatchStrategy.MergePatch))).data, { y: '2', z: '3' });
  },
  'strategic-patch': async (namespace) => {
    await apps.createNamespacedDeployment({ namespace, body: deployment('d') });
    const body = { spec: { template: { spec: { containers: [{ name: 'side', image: 'example/side:2' }] } } } };
    const patched = await apps.patchNamespacedDeployment({ namespace, name: 'd', body }, patchOf(PatchStrategy.StrategicMergePatch));
    same(patched.spec?.template.spec?.containers.map((container) => container.image), ['example/side:2', 'example/main:1'].toSorted());
  },
  'apply': async (namespace) => {
    const as = (manager: string, data: Record<string, string>, force: boolean): Promise<V1ConfigMap> =>
      objects.patch({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace }, data } as KubernetesObject & { metadata: { name: string; namespace: string } }, undefined, undefined, manager, force, PatchStrategy.ServerSideApply) as Promise<V1ConfigMap>;
    await as('one', { x: '1', mine: '1' }, false);
    ok((await refused(409, as('two', { x: '2' }, false))).message.includes('conflict with "one"'));
    same((await as('two', { x: '2' }, true)).data, { mine: '1', x: '2' });
    same((await as('one', {}, false)).data, { x: '2' });
  },
  'dry-run': async (namespace) => {
    ok((await core.createNamespacedConfigMap({ namespace, body: configMap('a'), dryRun: 'All' })).metadata?.uid);
    await refused(404, core.readNamespacedConfigMap({ namespace, name: 'a' }));
  },
  'paging': async (namespace) => {
    for (let at = 0; at < 13; at += 1) await core.createNamespacedConfigMap({ namespace, body: configMap(`m-${at}`, {}, { paged: 'yes' }) });
    const names: (string | undefined)[] = [];
    let token: string | undefined;
    do {
      const page = await core.listNamespacedConfigMap({ namespace, limit: 4, ...(token === undefined ? {} : { _continue: token }) });
      names.push(...page.items.map((item) => item.metadata?.name).filter((name) => name?.startsWith('m-')));
      if (token === undefined) ok((page.metadata?.remainingItemCount ?? 0) >= 9);
      token = page.metadata?._continue;
    } while (token !== undefined && token !== '');
    same(new Set(names), new Set(Array.from({ length: 13 }, (_, at) => `m-${at}`)));
    same(names.length, 13);
  },
  'selectors': async (namespace) => {
    for (const colour of ['red', 'green', 'blue']) await core.createNamespacedConfigMap({ namespace, body: configMap(colour, {}, { colour }) });
    same((await core.listNamespacedConfigMap({ namespace, labelSelector: 'colour in (red,blue)' })).items.length, 2);
    same((await core.listNamespacedConfigMap({ namespace, fieldSelector: 'metadata.name=red' })).items.length, 1);
    await refused(400, core.listNamespacedConfigMap({ namespace, fieldSelector: 'data.x=1' }));
  },
  'watch': async (namespace) => {
    const { metadata } = await core.listNamespacedConfigMap({ namespace });
    await core.createNamespacedConfigMap({ namespace, body: configMap('a', {}, { watched: 'yes' }) });
    await core.patchNamespacedConfigMap({ namespace, name: 'a', body: { data: { x: '1' } } }, patchOf(PatchStrategy.MergePatch));
    await core.patchNamespacedConfigMap({ namespace, name: 'a', body: { metadata: { labels: { watched: 'no' } } } }, patchOf(PatchStrategy.MergePatch));
    same(await watchUntil(`/api/v1/namespaces/${namespace}/configmaps`, { resourceVersion: metadata?.resourceVersion, labelSelector: 'watched=yes' }, 'DELETED a'), ['ADDED a', 'MODIFIED a', 'DELETED a']);
  },
  'informer': async (namespace) => {
    const seen = new Set<string>();
    const informer = makeInformer<V1ConfigMap>(config, `/api/v1/namespaces/${namespace}/configmaps`, () => core.listNamespacedConfigMap({ namespace }));
    for (const verb of ['add', 'update', 'delete'] as const) informer.on(verb, (object) => { seen.add(`${verb} ${object.metadata?.name ?? ''}`); });
    await informer.start();
    await core.createNamespacedConfigMap({ namespace, body: configMap('a') });
    await core.patchNamespacedConfigMap({ namespace, name: 'a', body: { data: { x: '1' } } }, patchOf(PatchStrategy.MergePatch));
    await core.deleteNamespacedConfigMap({ namespace, name: 'a' });
    await eventually('the informer has seen all', () => Promise.resolve(['add a', 'update a', 'delete a'].every((line) => seen.has(line))));
    await informer.stop();
  },
  'custom-resource': async (namespace) => {
    const group = `${namespace.replaceAll('-', '')}.example.com`;
    const definitions = config.makeApiClient(ApiextensionsV1Api);
    const custom = config.makeApiClient(CustomObjectsApi);
    const schema = { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer', minimum: 1, _default: 7 } } } } };
    await definitions.createCustomResourceDefinition({ body: {
      metadata: { name: `gizmos.${group}` }, spec: { group, scope: 'Namespaced', names: { plural: 'gizmos', kind: 'Gizmo' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] },
    } });
    await eventually('the definition is established', async () => (await definitions.readCustomResourceDefinition({ name: `gizmos.${group}` })).status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True') === true);
    const gizmo = (name: string, spec: object): object => ({ apiVersion: `${group}/v1`, kind: 'Gizmo', metadata: { name }, spec });
    const made = await custom.createNamespacedCustomObject({ group, version: 'v1', namespace, plural: 'gizmos', body: gizmo('a', { unknown: 1 }) }) as { spec: unknown };
    same(made.spec, { size: 7 });
    await refused(422, custom.createNamespacedCustomObject({ group, version: 'v1', namespace, plural: 'gizmos', body: gizmo('b', { size: 0 }) }));
    await definitions.deleteCustomResourceDefinition({ name: `gizmos.${group}` });
    await eventually('the kind is gone', async () => (await codeOf(custom.listNamespacedCustomObject({ group, version: 'v1', namespace, plural: 'gizmos' }))) === 404);
  },
  'status': async (namespace) => {
    await eventually('the namespace has its account', async () => (await core.listNamespacedServiceAccount({ namespace })).items.length > 0);
    await core.createNamespacedPod({ namespace, body: { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } } });
    const written = await core.patchNamespacedPodStatus({ namespace, name: 'p', body: { status: { message: 'written' } } }, patchOf(PatchStrategy.MergePatch));
    same([written.status?.message, written.status?.qosClass], ['written', 'BestEffort']);
  },
  'scale': async (namespace) => {
    await apps.createNamespacedDeployment({ namespace, body: deployment('d') });
    same((await apps.readNamespacedDeploymentScale({ namespace, name: 'd' })).status?.selector, 'app=d');
    await apps.patchNamespacedDeploymentScale({ namespace, name: 'd', body: { spec: { replicas: 2 } } }, patchOf(PatchStrategy.MergePatch));
    same((await apps.readNamespacedDeployment({ namespace, name: 'd' })).spec?.replicas, 2);
  },
  'finalizers': async (namespace) => {
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'a', finalizers: ['example.com/hold'] } } });
    await refused(409, core.deleteNamespacedConfigMap({ namespace, name: 'a', body: { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } } }));
    await core.deleteNamespacedConfigMap({ namespace, name: 'a' });
    ok((await core.readNamespacedConfigMap({ namespace, name: 'a' })).metadata?.deletionTimestamp);
    await core.patchNamespacedConfigMap({ namespace, name: 'a', body: { metadata: { finalizers: null } } }, patchOf(PatchStrategy.MergePatch));
    await refused(404, core.readNamespacedConfigMap({ namespace, name: 'a' }));
  },
  'delete-collection': async (namespace) => {
    for (const name of ['a', 'b', 'keep']) await core.createNamespacedConfigMap({ namespace, body: configMap(name, {}, { go: String(name !== 'keep') }) });
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'go=true' });
    same((await core.listNamespacedConfigMap({ namespace, labelSelector: 'go' })).items.map((item) => item.metadata?.name), ['keep']);
  },
  'access': async (namespace) => {
    const jane = impersonating('jane');
    await refused(403, jane.makeApiClient(CoreV1Api).listNamespacedConfigMap({ namespace }));
    const may = async (): Promise<boolean> => (await jane.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({ body: { spec: { resourceAttributes: { namespace, verb: 'list', resource: 'configmaps' } } } })).status?.allowed === true;
    same(await may(), false);
    const rbac = config.makeApiClient(RbacAuthorizationV1Api);
    await rbac.createNamespacedRole({ namespace, body: { metadata: { name: 'reader' }, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }] } });
    await rbac.createNamespacedRoleBinding({ namespace, body: {
      metadata: { name: 'reader' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' }, subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'jane' }],
    } });
    await eventually('the role works', may);
    await refused(403, jane.makeApiClient(CoreV1Api).listNamespacedSecret({ namespace }));
  },
  'token': async (namespace) => {
    await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'robot' } } });
    const issued = (await core.createNamespacedServiceAccountToken({ namespace, name: 'robot', body: { spec: { audiences: [] } } })).status?.token ?? '';
    const review = (await config.makeApiClient(AuthenticationV1Api).createTokenReview({ body: { spec: { token: issued } } })).status;
    same([review?.authenticated, review?.user?.username], [true, `system:serviceaccount:${namespace}:robot`]);
    const robot = new KubeConfig();
    robot.loadFromString(config.exportConfig());
    robot.users = robot.users.map(({ name }) => ({ name, token: issued }));
    await refused(403, robot.makeApiClient(CoreV1Api).listNamespacedPod({ namespace }));
    await core.deleteNamespacedServiceAccount({ namespace, name: 'robot' });
    await eventually('the token is dead', async () => (await codeOf(robot.makeApiClient(CoreV1Api).listNamespacedPod({ namespace }))) === 401);
  },
  'large': async (namespace) => {
    const text = 'abcdefghij'.repeat(90_000);
    await core.createNamespacedConfigMap({ namespace, body: configMap('big', { text }) });
    same((await core.readNamespacedConfigMap({ namespace, name: 'big' })).data?.['text'], text);
    const zipped = await get(`/api/v1/namespaces/${namespace}/configmaps`, { 'accept-encoding': 'gzip' });
    same(zipped.headers['content-encoding'], 'gzip');
    ok(zipped.body.length < 100_000);
  },
  'leases': async (namespace) => {
    const leases = config.makeApiClient(CoordinationV1Api);
    const made = await leases.createNamespacedLease({ namespace, body: { metadata: { name: 'lead' }, spec: { holderIdentity: 'one', leaseDurationSeconds: 5, renewTime: new V1MicroTime() } } });
    const renewed = await leases.replaceNamespacedLease({ namespace, name: 'lead', body: changed(made, { spec: { holderIdentity: 'one', leaseDurationSeconds: 5, renewTime: new V1MicroTime() } }) });
    await refused(409, leases.replaceNamespacedLease({ namespace, name: 'lead', body: changed(made, { spec: { holderIdentity: 'two' } }) }));
    same((await leases.replaceNamespacedLease({ namespace, name: 'lead', body: changed(renewed, { spec: { holderIdentity: 'two' } }) })).spec?.holderIdentity, 'two');
  },
  'events': async (namespace) => {
    await config.makeApiClient(EventsV1Api).createNamespacedEvent({ namespace, body: {
      metadata: { name: 'e' }, eventTime: new V1MicroTime(), reportingController: 'example.com/test', reportingInstance: 'one', action: 'Testing', reason: 'Testing', type: 'Normal', note: 'hello',
      regarding: { kind: 'Pod', namespace, name: 'p' },
    } });
    same((await core.readNamespacedEvent({ namespace, name: 'e' })).message, 'hello');
  },
};

async function runCase(name: CaseName): Promise<CaseResult> {
  const body = run[name];
  if (body === undefined) return { case: name, ok: false, detail: 'this client has no such case' };
  const namespace = (await core.createNamespace({ body: { metadata: { generateName: `node-${name}-` } } })).metadata?.name ?? '';
  try {
    await body(namespace);
    return { case: name, ok: true };
  } catch (error) {
    return { case: name, ok: false, detail: (error as Error).stack ?? String(error) };
  } finally {
    await core.deleteNamespace({ name: namespace });
  }
}

const only = process.argv[2] ?? '';
for (const name of casesOf('node').filter((name) => name.includes(only))) process.stdout.write(`${JSON.stringify(await runCase(name))}\n`);
process.exit();
