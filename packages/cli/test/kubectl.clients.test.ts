/**
 * The official tests of kubectl, and those of published schemas that look through it, by their short names: against API server and controllers as
 * processes, with a scheduler and a kubelet in this process whose containers run nothing.
 */
import { request } from 'node:http';
import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createClient, type Client } from '@coxswain/client';
import { loadKubeconfig } from '@coxswain/client/edge';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { startKubelet, type RunningKubelet } from '@coxswain/kubelet';
import { hollowKubeletConfig, HollowRuntime, hollowSystem } from '@coxswain/kubelet/hollow';
import { defaultSchedulerConfig, startScheduler, type RunningScheduler } from '@coxswain/scheduler';
import { run, type Ran } from '../src/edge/shell.ts';
import { ControlPlane } from './clients/control-plane.ts';
import { eventually, get, lineOf } from './cluster.ts';

const httpd = 'example.com/httpd:1';
const busybox = 'example.com/busybox:1';
const nodeName = 'node-1';
let plane: ControlPlane;
let kubelet: RunningKubelet;
let scheduler: RunningScheduler;
let namespace = '';
let count = 0;
const children: ChildProcess[] = [];

beforeAll(async () => {
  plane = await ControlPlane.start({ name: 'kubectl', store: 'etcd-lite', apiservers: 1 });
  const host = createRealHost(silentLogger);
  const client = async (userAgent: string): Promise<Client> => createClient(host, { ...(await loadKubeconfig(plane.kubeconfig)), userAgent });
  scheduler = startScheduler(defaultSchedulerConfig('scheduler'), host, await client('scheduler'));
  const runtime = new HollowRuntime({ clock: host.clock, timers: host.timers, podAddress: (at) => `10.244.1.${(at % 250) + 2}` });
  const config = { ...hollowKubeletConfig(nodeName, '198.51.100.20'), rootDir: `${plane.directory}/kubelet`, podLogsDir: `${plane.directory}/pods` };
  kubelet = await startKubelet(config, host, { runtime, system: hollowSystem({ nodeName, address: '198.51.100.20', disk: host.disk }), client: await client('kubelet') });
  await eventually('the node is ready', async () => (await kubectl('get', 'node', nodeName)).includes(' Ready '));
}, 120_000);

afterAll(async () => {
  await kubelet?.stop();
  await scheduler?.stop();
  await plane?.stop();
}, 60_000);

beforeEach(async () => {
  count += 1;
  namespace = `kubectl-${count}`;
  await kubectl('create', 'namespace', namespace);
  await eventually('it has its account', async () => (await tryKubectl(['get', 'serviceaccount', 'default'])).code === 0);
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill();
    await once(child, 'exit');
  }
  await kubectl('delete', 'namespace', namespace, '--wait=false');
});

function tryKubectl(args: readonly string[], input?: string): Promise<Ran> {
  return run('kubectl', namespace === '' ? args : [`--namespace=${namespace}`, ...args], { env: { ...process.env, KUBECONFIG: plane.kubeconfig, HOME: plane.directory }, ...(input === undefined ? {} : { input }) });
}

async function given(input: unknown, ...args: readonly string[]): Promise<string> {
  const ran = await tryKubectl(args, input === undefined ? undefined : JSON.stringify(input));
  if (ran.code !== 0) throw new Error(`kubectl ${args.join(' ')}: exit ${ran.code}: ${ran.stderr}`);
  return ran.stdout;
}

const kubectl = (...args: readonly string[]): Promise<string> => given(undefined, ...args);
const create = (object: unknown): Promise<string> => given(object, 'create', '-f', '-');

async function json<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl(...args, '-o', 'json')) as T;
}

interface Pod { readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> }; readonly spec: { readonly restartPolicy: string; readonly containers: readonly { readonly image: string }[] }; readonly status: { readonly phase: string } }

const labels = { app: 'agnhost', role: 'primary' };
const controller = { apiVersion: 'v1', kind: 'ReplicationController', metadata: { name: 'agnhost-primary', labels }, spec: { replicas: 1, selector: labels, template: { metadata: { labels }, spec: { containers: [{ name: 'agnhost-primary', image: httpd, ports: [{ name: 'agnhost-server', containerPort: 6379 }] }] } } } };
const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'agnhost-primary', labels }, spec: { selector: labels, ports: [{ port: 6379, targetPort: 'agnhost-server' }] } };

async function running(selector: string, replicas: number): Promise<readonly Pod[]> {
  const pods = async (): Promise<readonly Pod[]> => (await json<{ items: Pod[] }>('get', 'pods', '-l', selector)).items;
  await eventually(`${replicas} run`, async () => { const now = await pods(); return now.length === replicas && now.every((pod) => pod.status.phase === 'Running'); });
  return pods();
}

/** In each line all of the words stand together in one line of the text, in this order. */
function shows(text: string, lines: readonly (readonly string[])[]): void {
  const shown = text.split('\n');
  for (const words of lines) {
    const inOrder = (line: string): boolean => words.reduce((from, word) => (from < 0 ? from : line.indexOf(word, from)), 0) >= 0;
    expect(shown.some(inOrder), `${words.join(' … ')} in:\n${text}`).toBe(true);
  }
}

test('Kubectl, check version v1', async () => {
  expect((await kubectl('api-versions')).split('\n')).toContain('v1');
});

test('Kubectl, cluster info', async () => {
  shows(await kubectl('cluster-info'), [['Kubernetes control plane', 'is running at']]);
});

test('Kubectl, version', async () => {
  const text = await kubectl('version');
  for (const item of ['Client', 'Server']) expect(text).toMatch(new RegExp(`${item} Version: v\\d\\.\\d+\\.[\\w\\-.+]+`));
});

test('Kubectl, describe pod or rc', async () => {
  await create(controller);
  await create(service);
  const [pod] = await running('app=agnhost', 1);
  const words = [['Namespace:', namespace], ['Labels:', 'app=agnhost'], ['role=primary'], ['Annotations:']];
  shows(await kubectl('describe', 'pod', pod?.metadata.name ?? ''), [['Name:', 'agnhost-primary-'], ...words, ['Node:', nodeName], ['Status:', 'Running'], ['IP:'], ['Controlled By:', 'ReplicationController/agnhost-primary'], ['Image:', httpd], ['State:', 'Running'], ['QoS Class:', 'BestEffort']]);
  const rc = [['Name:', 'agnhost-primary'], ...words, ['Selector:', 'app=agnhost,role=primary'], ['Replicas:', '1 current', '1 desired'], ['Pods Status:', '1 Running', '0 Waiting', '0 Succeeded', '0 Failed'], ['Pod Template:'], ['Image:', httpd], ['Events:']];
  await eventually('the controller has counted it', async () => (await kubectl('describe', 'rc', 'agnhost-primary')).includes('1 current'));
  shows(await kubectl('describe', 'rc', 'agnhost-primary'), rc);
  shows(await kubectl('describe', 'service', 'agnhost-primary'), [['Name:', 'agnhost-primary'], ...words, ['Selector:', 'app=agnhost', 'role=primary'], ['Type:', 'ClusterIP'], ['IP:'], ['Port:', '<unset>', '6379/TCP'], ['Endpoints:'], ['Session Affinity:', 'None']]);
  shows(await kubectl('describe', 'node', nodeName), [
    ['Name:', nodeName], ['Labels:'], ['Annotations:'], ['CreationTimestamp:'], ['Conditions:'], ['Type', 'Status', 'LastHeartbeatTime', 'LastTransitionTime', 'Reason', 'Message'], ['Addresses:'], ['Capacity:'], ['Version:'], ['Kernel Version:'],
    ['OS Image:'], ['Container Runtime Version:'], ['Kubelet Version:'], ['Kube-Proxy Version:'], ['Pods:'],
  ]);
  shows(await kubectl('describe', 'namespace', namespace), [['Name:', namespace], ['Labels:'], ['Annotations:'], ['Status:', 'Active']]);
});

test('Kubectl, diff Deployment', async () => {
  const deployment = (image: string): object => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'httpd-deployment', labels: { app: 'httpd' } }, spec: { replicas: 1, selector: { matchLabels: { app: 'httpd' } }, template: { metadata: { labels: { app: 'httpd' } }, spec: { containers: [{ name: 'httpd', image }] } } } });
  await create(deployment(httpd));
  const { code, stdout } = await tryKubectl(['diff', '-f', '-'], JSON.stringify(deployment(busybox)));
  expect(code).toBe(1);
  shows(stdout, [['-', httpd], ['+', busybox]]);
  await given(deployment(httpd), 'delete', '-f', '-');
});

test('Kubectl, create service, replication controller', async () => {
  await create(controller);
  await running('app=agnhost', 1);
  const validated = async (name: string, port: number): Promise<void> => {
    interface Endpoints { readonly subsets?: readonly { readonly addresses: readonly object[]; readonly ports: readonly { readonly port: number }[] }[] }
    await eventually('it has one endpoint', async () => (await json<Endpoints>('get', 'endpoints', name)).subsets?.length === 1);
    const [subset] = (await json<Endpoints>('get', 'endpoints', name)).subsets ?? [];
    expect([subset?.addresses.length, subset?.ports.map((one) => one.port)]).toEqual([1, [6379]]);
    const { spec } = await json<{ spec: { ports: { port: number; targetPort: number }[] } }>('get', 'service', name);
    expect(spec.ports.map((one) => [one.port, one.targetPort])).toEqual([[port, 6379]]);
  };
  await kubectl('expose', 'rc', 'agnhost-primary', '--name=rm2', '--port=1234', '--target-port=6379');
  await validated('rm2', 1234);
  await kubectl('expose', 'service', 'rm2', '--name=rm3', '--port=2345', '--target-port=6379');
  await validated('rm3', 2345);
});

async function runPod(name: string, ...more: readonly string[]): Promise<void> {
  await kubectl('run', name, `--image=${httpd}`, `--labels=run=${name}`, ...more);
}

test('Kubectl, label update', async () => {
  await runPod('pause');
  await running('run=pause', 1);
  await kubectl('label', 'pods', 'pause', 'testing-label=testing-label-value');
  expect(await kubectl('get', 'pod', 'pause', '-L', 'testing-label')).toContain('testing-label-value');
  await kubectl('label', 'pods', 'pause', 'testing-label-');
  expect(await kubectl('get', 'pod', 'pause', '-L', 'testing-label')).not.toContain('testing-label-value');
});

test('Kubectl, patch to annotate', async () => {
  await create(controller);
  for (const pod of await running('app=agnhost', 1)) await kubectl('patch', 'pod', pod.metadata.name, '-p', '{"metadata":{"annotations":{"x":"y"}}}');
  expect((await running('app=agnhost', 1)).map((pod) => pod.metadata.annotations?.['x'])).toEqual(['y']);
});

test('Kubectl, run pod', async () => {
  await runPod('e2e-test-httpd-pod', '--restart=Never');
  const { spec } = await json<Pod>('get', 'pod', 'e2e-test-httpd-pod');
  expect([spec.containers.map((one) => one.image), spec.restartPolicy]).toEqual([[httpd], 'Never']);
});

test('Kubectl, replace', async () => {
  await runPod('e2e-test-httpd-pod');
  await running('run=e2e-test-httpd-pod', 1);
  const text = await kubectl('get', 'pod', 'e2e-test-httpd-pod', '-o', 'json');
  const ran = await tryKubectl(['replace', '-f', '-'], text.replace(httpd, busybox));
  expect([ran.code, ran.stderr]).toEqual([0, '']);
  expect((await json<Pod>('get', 'pod', 'e2e-test-httpd-pod')).spec.containers.map((one) => one.image)).toEqual([busybox]);
});

test('Kubectl, server-side dry-run Pod', async () => {
  await runPod('e2e-test-httpd-pod');
  const patch = JSON.stringify({ spec: { containers: [{ name: 'e2e-test-httpd-pod', image: busybox }] } });
  expect(await kubectl('patch', 'pod', 'e2e-test-httpd-pod', '-p', patch, '--dry-run=server', '-o', 'jsonpath={.spec.containers[0].image}')).toBe(busybox);
  expect((await json<Pod>('get', 'pod', 'e2e-test-httpd-pod')).spec.containers.map((one) => one.image)).toEqual([httpd]);
  await kubectl('delete', 'pods', 'e2e-test-httpd-pod', '--grace-period=0', '--force');
});

test('Kubectl, replication controller', async () => {
  await create({ ...controller, spec: { ...controller.spec, replicas: 2 } });
  expect((await running('app=agnhost', 2)).map((pod) => pod.spec.containers[0]?.image)).toEqual([httpd, httpd]);
  await given(controller, 'delete', '--grace-period=0', '--force', '-f', '-');
  await eventually('all have stopped', async () => (await json<{ items: Pod[] }>('get', 'pods', '-l', 'app=agnhost')).items.length === 0);
});

test('Kubectl, scale replication controller', async () => {
  await create({ ...controller, spec: { ...controller.spec, replicas: 2 } });
  await running('app=agnhost', 2);
  for (const replicas of [1, 2]) {
    await kubectl('scale', 'rc', 'agnhost-primary', `--replicas=${replicas}`, '--timeout=5m');
    await running('app=agnhost', replicas);
  }
});

async function proxy(...args: readonly string[]): Promise<string> {
  const child = spawn('kubectl', ['proxy', ...args], { env: { ...process.env, KUBECONFIG: plane.kubeconfig, HOME: plane.directory }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return lineOf(child, /Starting to serve on/);
}

test('Kubectl, proxy port zero', async () => {
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(await proxy('-p', '0', '--disable-filter'))?.[1]);
  expect(port).toBeGreaterThan(0);
  expect(JSON.parse(await get(`http://127.0.0.1:${port}/api/`))).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
});

test('Kubectl, proxy socket', async () => {
  const socketPath = `${plane.directory}/proxy.sock`;
  await proxy(`--unix-socket=${socketPath}`);
  const asked = request({ socketPath, path: '/api/' }).end();
  const [response] = await once(asked, 'response') as [AsyncIterable<Buffer>];
  let body = '';
  for await (const chunk of response) body += chunk.toString('utf8');
  expect(JSON.parse(body)).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
});

interface Kind { readonly plural: string; readonly object: (spec: object) => object }

/** A kind of this test's own, once kubectl knows it. */
async function publish(schema: object): Promise<Kind> {
  const group = `${namespace}.example.com`;
  const plural = `foos${count}`;
  await create({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.${group}` }, spec: { group, scope: 'Namespaced', names: { plural, singular: `foo${count}`, kind: `Foo${count}`, listKind: `Foo${count}List` }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] } });
  await kubectl('wait', `crd/${plural}.${group}`, '--for=condition=Established', '--timeout=60s');
  await eventually('kubectl explains it', async () => (await tryKubectl(['explain', plural])).code === 0);
  return { plural, object: (rest) => ({ apiVersion: `${group}/v1`, kind: `Foo${count}`, metadata: { name: 'test-cr' }, ...rest }) };
}

async function createsAndApplies({ plural }: Kind, object: object): Promise<void> {
  for (const verb of ['create', 'apply']) {
    await given(object, verb, '-f', '-');
    await kubectl('delete', plural, 'test-cr');
  }
}

async function refuses(object: object, words: string, verbs: readonly string[] = ['create', 'apply']): Promise<void> {
  for (const verb of verbs) {
    const ran = await tryKubectl([verb, '-f', '-'], JSON.stringify(object));
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining(words)]);
  }
}

const list = (items: object): object => ({ type: 'array', description: 'List of Bars and their specs.', items });

test('Custom Resource OpenAPI Publish, with validation schema', async () => {
  const text = (description: string): object => ({ type: 'string', description });
  const bar = { type: 'object', required: ['name'], properties: { name: text('Name of Bar.'), age: text('Age of Bar.'), feeling: { ...text('Whether Bar is feeling great.'), enum: ['Great', 'Down'] }, bazs: { type: 'array', description: 'List of Bazs.', items: { type: 'string' } } } };
  const kind = await publish({ type: 'object', description: 'Foo CRD for Testing', properties: { spec: { type: 'object', description: 'Specification of Foo', properties: { bars: list(bar) } }, status: { type: 'object', description: 'Status of Foo' } } });
  await createsAndApplies(kind, kind.object({ spec: { bars: [{ name: 'test-bar' }] } }));
  await refuses(kind.object({ spec: { bars: [{ name: 'test-bar', feeling: 'NonExistentValue' }] } }), 'Unsupported value: "NonExistentValue"', ['create']);
  await refuses(kind.object({ spec: { foo: true } }), 'unknown field "spec.foo"');
  await refuses(kind.object({ spec: { bars: [{ age: '10' }] } }), 'spec.bars[0].name: Required value');
  expect(await kubectl('explain', kind.plural)).toMatch(/DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*Specification of Foo/s);
  expect(await kubectl('explain', `${kind.plural}.metadata`)).toMatch(/DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp/s);
  expect(await kubectl('explain', `${kind.plural}.spec`)).toMatch(/DESCRIPTION:.*Specification of Foo.*FIELDS:.*bars.*<\[\]Object>.*List of Bars and their specs/s);
  expect(await kubectl('explain', `${kind.plural}.spec.bars`)).toMatch(/(FIELD|RESOURCE):.*bars.*<\[\]Object>.*DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>.*Name of Bar/s);
  const absent = await tryKubectl(['explain', `${kind.plural}.spec.bars2`]);
  expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining('field "bars2" does not exist')]);
});

const anything = { 'x-kubernetes-preserve-unknown-fields': true, type: 'object' };
const waldo = { spec: { type: 'object', description: 'Specification of Waldo', properties: { dummy: { type: 'object', description: 'Dummy property.' } } }, status: { type: 'object', description: 'Status of Waldo', properties: { bars: list({ type: 'object' }) } } };

test('Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in object', async () => {
  const kind = await publish(anything);
  await createsAndApplies(kind, kind.object({ a: { b: [{ c: 'd' }] } }));
  expect(await kubectl('explain', kind.plural)).toMatch(/DESCRIPTION:.*<empty>/s);
});

test('Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields at root', async () => {
  const kind = await publish({ ...anything, description: 'preserve-unknown-properties at root for Testing', properties: waldo });
  await createsAndApplies(kind, kind.object({ a: { b: [{ c: 'd' }] } }));
  expect(await kubectl('explain', kind.plural)).toMatch(new RegExp(`KIND:.*Foo${count}`, 's'));
});

test('Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in embedded object', async () => {
  const kind = await publish({ type: 'object', description: 'preserve-unknown-properties in nested field for Testing', properties: { ...waldo, spec: { ...waldo.spec, 'x-kubernetes-preserve-unknown-fields': true } } });
  await createsAndApplies(kind, kind.object({ spec: { a: null, b: [{ c: 'd' }] } }));
  expect(await kubectl('explain', kind.plural)).toMatch(/DESCRIPTION:.*preserve-unknown-properties in nested field for Testing/s);
});
