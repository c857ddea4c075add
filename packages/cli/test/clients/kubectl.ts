/** The cases of ./cases.ts through kubectl. One JSON line a case on standard output. */
import { deepStrictEqual as same, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run as runProgram, type Ran } from '../../src/edge/shell.ts';
import { eventually, lineOf } from '../cluster.ts';
import { casesOf, type CaseName, type CaseResult } from './cases.ts';

interface Kubectl {
  readonly namespace: string;
  /** Output of a command that must succeed. */
  (command: string, input?: unknown): Promise<string>;
  run(command: string, input?: unknown): Promise<Ran>;
  json<T>(command: string): Promise<T>;
}

function kubectlIn(namespace: string): Kubectl {
  const run = (command: string, input?: unknown): Promise<Ran> => runProgram('kubectl', ['-n', namespace, ...command.split(' ').map((word) => word.replaceAll('~', ' '))], input === undefined ? {} : { input: typeof input === 'string' ? input : JSON.stringify(input) });
  const must = async (command: string, input?: unknown): Promise<string> => {
    const ran = await run(command, input);
    if (ran.code !== 0) throw new Error(`kubectl ${command}: exit ${ran.code}: ${ran.stderr}`);
    return ran.stdout.trim();
  };
  return Object.assign(must, { namespace, run, json: async <T>(command: string): Promise<T> => JSON.parse(await must(`${command} -o json`)) as T });
}

interface Meta { readonly name: string; readonly resourceVersion: string; readonly generation?: number; readonly deletionTimestamp?: string; readonly labels?: Record<string, string> }
interface Map { readonly metadata: Meta; readonly data?: Record<string, string> }
interface List<T> { readonly items: readonly T[]; readonly metadata: { readonly continue?: string } }

function configMap(name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data };
}

async function refused(kubectl: Kubectl, words: string, command: string, input?: unknown): Promise<void> {
  const ran = await kubectl.run(command, input);
  ok(ran.code !== 0 && ran.stderr.includes(words), `kubectl ${command}: exit ${ran.code}, said ${JSON.stringify(ran.stderr)}, not ${JSON.stringify(words)}`);
}

const run: Readonly<Partial<Record<CaseName, (kubectl: Kubectl) => Promise<void>>>> = {
  'discovery': async (kubectl) => {
    ok((await kubectl('version')).includes('Server Version: v1.32'));
    ok((await kubectl('api-resources')).split('\n').some((line) => /^deployments\s+deploy\s+apps\/v1\s+true\s+Deployment$/.test(line)));
    ok((await kubectl('api-versions')).split('\n').includes('rbac.authorization.k8s.io/v1'));
  },
  'crud': async (kubectl) => {
    same(await kubectl('create configmap a --from-literal=x=1'), 'configmap/a created');
    const made = await kubectl.json<Map>('get configmap a');
    same(await kubectl('replace -f -', { ...made, data: { x: '1', y: '2' } }), 'configmap/a replaced');
    const changed = await kubectl.json<Map>('get configmap a');
    ok(Number(changed.metadata.resourceVersion) > Number(made.metadata.resourceVersion));
    same(changed.data, { x: '1', y: '2' });
    ok(/^NAME +DATA +AGE\na +2 +\d+s$/m.test(await kubectl('get configmaps a')));
    same(await kubectl('delete configmap a'), 'configmap "a" deleted');
    await refused(kubectl, 'Error from server (NotFound): configmaps "a" not found', 'get configmap a');
  },
  'conflict': async (kubectl) => {
    await kubectl('create configmap a --from-literal=x=1');
    const made = await kubectl.json<Map>('get configmap a');
    await kubectl('replace -f -', { ...made, data: { x: '2' } });
    await refused(kubectl, 'the object has been modified; please apply your changes to the latest version and try again', 'replace -f -', made);
  },
  'errors': async (kubectl) => {
    await kubectl('create configmap a');
    await refused(kubectl, 'configmaps "a" already exists', 'create configmap a');
    const bad = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'Bad' }, spec: { ports: [{ port: 0 }] } };
    await refused(kubectl, 'The Service "Bad" is invalid: \n* metadata.name: Invalid value: "Bad": a DNS-1035 label must consist of', 'create -f -', bad);
    await refused(kubectl, 'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive', 'create -f -', bad);
  },
  'json-patch': async (kubectl) => {
    await kubectl('create configmap a --from-literal=x=1 --from-literal=y=2');
    await kubectl('patch configmap a --type=json -p [{"op":"test","path":"/data/x","value":"1"},{"op":"replace","path":"/data/x","value":"9"},{"op":"remove","path":"/data/y"}]');
    same((await kubectl.json<Map>('get configmap a')).data, { x: '9' });
    await refused(kubectl, 'The request is invalid: the server rejected our request due to an error in our request', 'patch configmap a --type=json -p [{"op":"test","path":"/data/x","value":"1"}]');
  },
  'merge-patch': async (kubectl) => {
    await kubectl('create configmap a --from-literal=x=1 --from-literal=y=2');
    await kubectl('patch configmap a --type=merge -p {"data":{"x":null,"z":"3"}}');
    same((await kubectl.json<Map>('get configmap a')).data, { y: '2', z: '3' });
  },
  'strategic-patch': async (kubectl) => {
    await kubectl('create deployment d --image=main:1 --replicas=0');
    await kubectl('patch deployment d -p {"spec":{"template":{"spec":{"containers":[{"name":"side","image":"side:1"}]}}}}');
    same((await kubectl('get deployment d -o jsonpath={.spec.template.spec.containers[*].image}')).split(' ').toSorted(), ['main:1', 'side:1']);
    same(await kubectl('set image deployment/d main=main:2'), 'deployment.apps/d image updated');
  },
  'apply': async (kubectl) => {
    same(await kubectl('apply -f -', configMap('a', { x: '1', mine: '1' })), 'configmap/a created');
    same(await kubectl('apply -f -', configMap('a', { x: '1' })), 'configmap/a configured');
    same((await kubectl.json<Map>('get configmap a')).data, { x: '1' });
    await refused(kubectl, 'conflict with "kubectl-client-side-apply" using v1: .data.x', 'apply --server-side --field-manager=two -f -', configMap('a', { x: '2' }));
    same(await kubectl('apply --server-side --field-manager=two --force-conflicts -f -', configMap('a', { x: '2' })), 'configmap/a serverside-applied');
    const difference = await kubectl.run('diff -f -', configMap('a', { x: '3' }));
    ok(difference.code === 1 && difference.stdout.includes('-  x: "2"') && difference.stdout.includes('+  x: "3"'), difference.stdout + difference.stderr);
  },
  'dry-run': async (kubectl) => {
    same(await kubectl('create configmap a --dry-run=server'), 'configmap/a created (server dry run)');
    await refused(kubectl, 'not found', 'get configmap a');
  },
  'field-validation': async (kubectl) => {
    const bad = { ...configMap('a'), dta: {} };
    await refused(kubectl, 'strict decoding error: unknown field "dta"', 'create -f -', bad);
    const warned = await kubectl.run('create --validate=warn -f -', bad);
    ok(warned.code === 0 && warned.stderr.includes('Warning: unknown field "dta"'), warned.stderr);
  },
  'paging': async (kubectl) => {
    const items = Array.from({ length: 13 }, (_, at) => configMap(`m-${at}`));
    await kubectl('create -f -', { apiVersion: 'v1', kind: 'List', items });
    const first = JSON.parse(await kubectl(`get --raw /api/v1/namespaces/${kubectl.namespace}/configmaps?limit=4`)) as List<Map>;
    same([first.items.length, typeof first.metadata.continue], [4, 'string']);
    same((await kubectl('get configmaps --chunk-size=4 -o name')).split('\n').filter((line) => line.startsWith('configmap/m-')).length, 13);
  },
  'selectors': async (kubectl) => {
    for (const colour of ['red', 'green', 'blue']) await kubectl('create -f -', configMap(colour, {}, { colour }));
    same(await kubectl('get configmaps -l colour~in~(red,blue) -o name'), 'configmap/blue\nconfigmap/red');
    same(await kubectl('get configmaps --field-selector=metadata.name=red -o name'), 'configmap/red');
    await refused(kubectl, 'Error from server (BadRequest)', 'get configmaps --field-selector=data.x=1');
    await kubectl('label configmap red colour=pink --overwrite');
    same(await kubectl('get configmaps -l colour=pink -o name'), 'configmap/red');
  },
  'watch': async (kubectl) => {
    await kubectl('create -f -', configMap('a', {}, { watched: 'yes' }));
    const child = spawn('kubectl', ['-n', kubectl.namespace, 'get', 'configmaps', '-w', '-l', 'watched=yes', '--output-watch-events'], { stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      await lineOf(child, /^ADDED +a /);
      await Promise.all([lineOf(child, /^DELETED +a /), kubectl('label configmap a watched=no --overwrite')]);
    } finally { child.kill(); }
  },
  'custom-resource': async (kubectl) => {
    const group = `${kubectl.namespace.replaceAll('-', '')}.example.com`;
    await kubectl('apply -f -', {
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `things.${group}` },
      spec: {
        group, scope: 'Namespaced', names: { plural: 'things', kind: 'Thing', shortNames: ['tg'] },
        versions: [{
          name: 'v1', served: true, storage: true, subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' } },
          additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
          schema: { openAPIV3Schema: { type: 'object', description: 'a thing', properties: { spec: { type: 'object', description: 'how it should be', properties: { size: { type: 'integer', minimum: 1, default: 7, description: 'how many' } } }, status: { type: 'object', properties: { size: { type: 'integer' } } } } } },
        }],
      },
    });
    await kubectl(`wait --for=condition=Established crd/things.${group} --timeout=60s`);
    const thing = (name: string, spec: object): object => ({ apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name }, spec });
    await eventually('kubectl knows the kind', async () => (await kubectl.run('apply -f -', thing('a', {}))).code === 0);
    ok(/^NAME +SIZE\na +7$/.test(await kubectl(`get things.${group}`)), await kubectl(`get things.${group}`));
    await refused(kubectl, 'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1', 'apply -f -', thing('b', { size: 0 }));
    await refused(kubectl, 'unknown field "spec.sise"', 'apply -f -', thing('b', { sise: 3 }));
    await kubectl(`scale --replicas=3 things.${group}/a`);
    same(await kubectl(`get things.${group} a -o jsonpath={.spec.size}`), '3');
    await eventually('kubectl explains it', async () => (await kubectl.run(`explain things.spec.size --api-version=${group}/v1`)).stdout.includes('how many'));
    await kubectl(`delete crd things.${group}`);
    await refused(kubectl, 'the server doesn\'t have a resource type', `get things.${group}`);
  },
  'status': async (kubectl) => {
    await eventually('the namespace has its account', async () => (await kubectl.run('get serviceaccount default')).code === 0);
    await kubectl('run p --image=i');
    await kubectl('patch pod p --subresource=status --type=merge -p {"status":{"message":"written"},"spec":{"activeDeadlineSeconds":5}}');
    const pod = await kubectl.json<{ readonly status: { readonly message: string }; readonly spec: object }>('get pod p');
    same([pod.status.message, Object.hasOwn(pod.spec, 'activeDeadlineSeconds')], ['written', false]);
  },
  'scale': async (kubectl) => {
    await kubectl('create deployment d --image=i --replicas=0');
    same(await kubectl('scale deployment d --replicas=2 --current-replicas=0'), 'deployment.apps/d scaled');
    same(await kubectl('get deployment d --subresource=scale -o jsonpath={.spec.replicas}'), '2');
  },
  'finalizers': async (kubectl) => {
    await kubectl('create -f -', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', finalizers: ['example.com/hold'] } });
    await kubectl('delete configmap a --wait=false');
    ok((await kubectl.json<Map>('get configmap a')).metadata.deletionTimestamp);
    await kubectl('patch configmap a --type=merge -p {"metadata":{"finalizers":null}}');
    await kubectl('wait --for=delete configmap/a --timeout=10s');
  },
  'delete-collection': async (kubectl) => {
    for (const name of ['a', 'b', 'keep']) await kubectl('create -f -', configMap(name, {}, { go: String(name !== 'keep') }));
    await kubectl('delete configmaps -l go=true');
    same(await kubectl('get configmaps -l go -o name'), 'configmap/keep');
  },
  'access': async (kubectl) => {
    await refused(kubectl, `configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group "" in the namespace "${kubectl.namespace}"`, 'get configmaps --as=jane');
    same((await kubectl.run('auth can-i list configmaps --as=jane')).stdout.trim(), 'no');
    await kubectl('create role reader --verb=list --resource=configmaps');
    await kubectl('create rolebinding reader --role=reader --user=jane');
    await eventually('the role works', async () => (await kubectl.run('auth can-i list configmaps --as=jane')).stdout.trim() === 'yes');
    await kubectl('get configmaps --as=jane');
    await refused(kubectl, 'secrets is forbidden', 'get secrets --as=jane');
    ok((await kubectl('auth whoami --as=jane --as-group=devs')).includes('jane'));
  },
  'token': async (kubectl) => {
    await kubectl('create serviceaccount robot');
    const token = await kubectl('create token robot --duration=10m');
    server ??= JSON.parse(await kubectl('config view --raw --minify -o json')) as typeof server;
    const folder = mkdtempSync(join(tmpdir(), 'robot-'));
    writeFileSync(join(folder, 'kubeconfig'), tokenConfig(token));
    const asRobot = (command: string): Promise<Ran> => runProgram('kubectl', ['-n', kubectl.namespace, `--kubeconfig=${folder}/kubeconfig`, ...command.split(' ')]);
    ok((await asRobot('get pods')).stderr.includes(`User "system:serviceaccount:${kubectl.namespace}:robot" cannot list resource "pods"`));
    await kubectl('delete serviceaccount robot');
    await eventually('the token is dead', async () => (await asRobot('get pods')).stderr.includes('Unauthorized'));
    rmSync(folder, { recursive: true });
  },
  'large': async (kubectl) => {
    const text = 'abcdefghij'.repeat(90_000);
    await kubectl('create -f -', configMap('big', { text }));
    same((await kubectl.json<Map>('get configmap big')).data?.['text'], text);
    await refused(kubectl, 'metadata.annotations: Too long: may not be more than 262144 bytes', 'apply -f -', configMap('other', { text }));
    await kubectl('apply --server-side -f -', configMap('other', { text }));
  },
  'events': async (kubectl) => {
    await kubectl('create -f -', { apiVersion: 'v1', kind: 'Event', metadata: { name: 'e' }, involvedObject: { kind: 'Pod', namespace: kubectl.namespace, name: 'p', apiVersion: 'v1' }, reason: 'Testing', message: 'hello', type: 'Normal', lastTimestamp: '2026-01-01T00:00:00Z' });
    ok((await kubectl('events --for=Pod/p')).includes('hello'));
    same(await kubectl('get events.events.k8s.io e -o jsonpath={.note}'), 'hello');
  },
    'openapi': async (kubectl) => {
    ok((await kubectl('explain deployment.spec.progressDeadlineSeconds')).includes('progressDeadlineSeconds <integer>'));
    ok((await kubectl('explain deployment --output=plaintext-openapiv2')).includes('VERSION:  apps/v1'));
  },
};

let server: { readonly clusters: readonly { readonly cluster: object }[] } | undefined;

function tokenConfig(token: string): string {
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'c', clusters: [{ name: 'c', cluster: server?.clusters[0]?.cluster }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }], users: [{ name: 'u', user: { token } }],
  });
}

async function runCase(name: CaseName): Promise<CaseResult> {
  const body = run[name];
  if (body === undefined) return { case: name, ok: false, detail: 'this client has no such case' };
  const namespace = `kubectl-${name}-${process.pid}`;
  const kubectl = kubectlIn(namespace);
  try {
    await kubectl(`create namespace ${namespace}`);
    await body(kubectl);
    return { case: name, ok: true };
  } catch (error) {
    return { case: name, ok: false, detail: (error as Error).stack ?? String(error) };
  } finally {
    await kubectl.run(`delete namespace ${namespace} --wait=false`);
  }
}

const only = process.argv[2] ?? '';
for (const name of casesOf('kubectl').filter((name) => name.includes(only))) process.stdout.write(`${JSON.stringify(await runCase(name))}\n`);
