import { Writable } from 'node:stream';
import { CoreV1Api, Exec, KubeConfig, KubernetesObjectApi, Log, makeInformer, PatchStrategy, setHeaderOptions, VersionApi, Watch, type ApiException, type V1ConfigMap, type V1Pod, type V1Status } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, eventually } from './cluster.ts';

/** A client that neither we nor kubectl's authors wrote. */
const cluster = new Cluster('/var/lib/coxswain-test');
const config = new KubeConfig();
let core: CoreV1Api;
const namespace = 'foreign';

beforeAll(async () => {
  await cluster.up();
  config.loadFromFile(cluster.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
  await core.createNamespace({ body: { metadata: { name: namespace } } });
  await eventually('the namespace has its account', async () => (await core.listNamespacedServiceAccount({ namespace })).items.length > 0);
});
afterAll(async () => { await cluster.down(); });

/** Gathers what a stream says. */
class Sink extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

function refused(promise: Promise<unknown>): Promise<{ readonly code: number; readonly reason: string }> {
  return promise.then(() => ({ code: 200, reason: '' }), (error: unknown) => {
    const { code, body } = error as ApiException<string>;
    return { code, reason: (JSON.parse(body) as { reason: string }).reason };
  });
}

async function watchUntilEnd(path: string): Promise<readonly string[]> {
  const seen: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const done = (error: unknown): void => { if (error === null || error === undefined) resolve(); else reject(error as Error); };
    new Watch(config).watch(path, { timeoutSeconds: 1 }, (type, object: V1ConfigMap) => { seen.push(`${type} ${object.metadata?.name ?? ''}`); }, done).catch(reject);
  });
  return seen;
}

test('objects are made, changed, refused when stale, applied and watched', async () => {
  expect((await config.makeApiClient(VersionApi).getCode()).minor).toBe('32');
  const seen: string[] = [];
  const informer = makeInformer<V1ConfigMap>(config, `/api/v1/namespaces/${namespace}/configmaps`, () => core.listNamespacedConfigMap({ namespace }));
  for (const verb of ['add', 'update', 'delete'] as const) informer.on(verb, (object) => { seen.push(`${verb} ${object.metadata?.name ?? ''}`); });
  await informer.start();
  const made = await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'a' }, data: { x: '1' } } });
  await core.patchNamespacedConfigMap({ namespace, name: 'a', body: [{ op: 'add', path: '/data/y', value: '2' }] }, setHeaderOptions('Content-Type', PatchStrategy.JsonPatch));
  expect(await refused(core.replaceNamespacedConfigMap({ namespace, name: 'a', body: made }))).toEqual({ code: 409, reason: 'Conflict' });
  expect(await refused(core.readNamespacedPod({ namespace, name: 'none' }))).toEqual({ code: 404, reason: 'NotFound' });
  const applied: V1ConfigMap & { metadata: { name: string; namespace: string } } = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b', namespace }, data: { z: '3' } };
  const b: V1ConfigMap = await KubernetesObjectApi.makeApiClient(config).patch(applied, undefined, undefined, 'foreign', true, PatchStrategy.ServerSideApply);
  expect(b.metadata?.managedFields?.map((entry) => [entry.manager, entry.operation])).toEqual([['foreign', 'Apply']]);
  expect(await watchUntilEnd(`/api/v1/namespaces/${namespace}/configmaps`)).toEqual(expect.arrayContaining(['ADDED a', 'ADDED b']));
  await core.deleteNamespacedConfigMap({ namespace, name: 'a' });
  await eventually('the informer has seen it all', async () => Promise.resolve(['add a', 'update a', 'add b', 'delete a'].every((line) => seen.includes(line))));
  await informer.stop();
});

const pod: V1Pod = {
  metadata: { name: 'talker' },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'coxswain.local/busybox:1', command: ['sh', '-c', 'echo hello; exec sleep 3600'] }] },
};

async function exec(command: readonly string[]): Promise<{ readonly out: string; readonly status: V1Status }> {
  const sink = new Sink();
  return new Promise((resolve, reject) => {
    new Exec(config).exec(namespace, 'talker', 'main', [...command], sink, null, null, false, (status) => { resolve({ out: sink.text, status }); }).catch(reject);
  });
}

test('a pod talks: log and exec, with the exit code', async () => {
  await core.createNamespacedPod({ namespace, body: pod });
  await eventually('the pod runs', async () => (await core.readNamespacedPod({ namespace, name: 'talker' })).status?.phase === 'Running', 60_000);
  const log = new Sink();
  await new Log(config).log(namespace, 'talker', 'main', log);
  await eventually('the log is here', async () => Promise.resolve(log.text === 'hello\n'));
  expect(await exec(['echo', 'from inside'])).toMatchObject({ out: 'from inside\n', status: { status: 'Success' } });
  const failed = await exec(['sh', '-c', 'exit 3']);
  expect(failed.status).toMatchObject({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '3' }] } });
  await core.deleteNamespacedPod({ namespace, name: 'talker' });
});
