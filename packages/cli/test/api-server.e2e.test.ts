import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createEtcdClient } from '@coxswain/etcd-lite/client';
import { fromUtf8, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, type Ran } from '../src/edge/shell.ts';
import { Cluster, eventually } from './cluster.ts';

const cluster = new Cluster('/var/lib/coxswain-test');
const folder = mkdtempSync(`${tmpdir()}/cox-api-server-`);
const auditLog = `${folder}/audit.log`;
const encryptionFile = `${folder}/encryption.yaml`;
const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: RequestResponse, resources: [{group: "", resources: [configmaps]}], namespaces: [default]}
- {level: None, verbs: [get, list, watch]}
- {level: Metadata}
`;
const keys = { first: randomBytes(32).toString('base64'), second: randomBytes(32).toString('base64') };

/** In one step, as the server may read it at any time. */
function writeEncryption(...names: readonly (keyof typeof keys)[]): void {
  const provider = { secretbox: { keys: names.map((name) => ({ name, secret: keys[name] })) } };
  writeFileSync(`${encryptionFile}.new`, JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources: [{ resources: ['secrets'], providers: [provider, { identity: {} }] }] }));
  renameSync(`${encryptionFile}.new`, encryptionFile);
}

/** What the store holds, as text. */
async function stored(key: string): Promise<string> {
  const read = (file: string): string => readFileSync(`${cluster.data}/pki/${file}`, 'utf8');
  const tls = { caPem: read('etcd-ca.crt'), certPem: read('apiserver-etcd-client.crt'), keyPem: read('apiserver-etcd-client.key') };
  const client = createEtcdClient(createRealHost(silentLogger), { endpoints: ['https://127.0.0.1:2379'], tls });
  try {
    const { kvs } = await client.range({ key: utf8(key) });
    return fromUtf8(kvs[0]?.value ?? new Uint8Array());
  } finally {
    await client.close();
  }
}

/** kubectl, which must be refused. */
async function refused(...args: string[]): Promise<string> {
  const ran: Ran = await cluster.tryKubectl(args);
  expect(ran.code, ran.stdout).toBe(1);
  return ran.stderr.trim();
}

beforeAll(async () => {
  await cluster.up();
  await cluster.kubectl('create', 'secret', 'generic', 'before', '--from-literal=word=in-the-open');
  writeFileSync(`${folder}/policy.yaml`, auditPolicy);
  writeEncryption('first');
  const flags = [`--audit-log-path=${auditLog}`, `--audit-policy-file=${folder}/policy.yaml`, `--encryption-provider-config=${encryptionFile}`, '--encryption-provider-config-automatic-reload=true'];
  await cluster.up(...flags.map((flag) => `--apiserver-arg=${flag}`));
});
afterAll(async () => {
  await cluster.down();
  rmSync(folder, { recursive: true });
});

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.sea.example.com}
spec:
  group: sea.example.com
  scope: Namespaced
  names: {plural: boats, singular: boat, kind: Boat, shortNames: [bt]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.oars, statusReplicasPath: .status.oars}}
    additionalPrinterColumns: [{name: Oars, type: integer, jsonPath: .spec.oars}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [oars]
            properties:
              oars: {type: integer, maximum: 8, description: how many oars}
              colour: {type: string, default: blue}
            x-kubernetes-validations: [{rule: self.oars % 2 == 0, message: oars come in pairs}]
          status: {type: object, properties: {oars: {type: integer}}}
`;
const boat = (spec: unknown): string => JSON.stringify({ apiVersion: 'sea.example.com/v1', kind: 'Boat', metadata: { name: 'anna' }, spec });

test('a kind of one\'s own: kubectl explains, checks, shows and scales it', async () => {
  await cluster.apply(definition);
  await cluster.kubectl('wait', '--for=condition=Established', 'crd/boats.sea.example.com', '--timeout=30s');
  await eventually('kubectl knows the kind', async () => (await cluster.tryKubectl(['explain', 'boat.spec'])).code === 0);
  expect(await cluster.kubectl('explain', 'boat.spec')).toMatch(/FIELDS:\n {2}colour\t<string>\n.*\n\n {2}oars\t<integer> -required-\n {4}how many oars/);
  const unknown = await cluster.tryKubectl(['apply', '-f', '-'], boat({ oars: 4, sails: 1 }));
  expect(unknown.stderr).toContain('Boat in version "v1" cannot be handled as a Boat: strict decoding error: unknown field "spec.sails"');
  await cluster.apply(boat({ oars: 4 }));
  expect(await cluster.kubectl('get', 'bt', '--no-headers')).toBe('anna   4');
  expect(await cluster.kubectl('get', 'boat', 'anna', '-o', 'jsonpath={.spec.colour}')).toBe('blue');
  expect(await refused('patch', 'boat', 'anna', '--type=merge', '-p', '{"spec":{"oars":3}}')).toContain('The Boat "anna" is invalid: spec: Invalid value: "object": oars come in pairs');
  await cluster.kubectl('scale', 'boat', 'anna', '--replicas=6');
  expect(await cluster.kubectl('get', 'bt', '--no-headers')).toBe('anna   6');
  await cluster.kubectl('delete', 'crd', 'boats.sea.example.com');
});

test('a ValidatingAdmissionPolicy refuses with its own words', async () => {
  await cluster.apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]}
  validations: [{expression: object.spec.replicas <= 3, messageExpression: "'no more than 3, not ' + string(object.spec.replicas)"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: few}
spec: {policyName: few, validationActions: [Deny]}
`);
  const create = ['create', 'deployment', 'many', '--image=coxswain.local/pause:1', '--replicas=5', '--dry-run=server'];
  await eventually('the policy is in force', async () => (await cluster.tryKubectl(create)).code !== 0);
  expect(await refused(...create)).toBe("error: failed to create deployment: deployments.apps \"many\" is forbidden: ValidatingAdmissionPolicy 'few' with binding 'few' denied request: no more than 3, not 5");
  await cluster.kubectl('delete', 'validatingadmissionpolicy,validatingadmissionpolicybinding', 'few');
});

test('a namespace that enforces the restricted Pod Security Standard refuses a pod, and tells who deploys one', async () => {
  await cluster.kubectl('create', 'namespace', 'locked');
  await cluster.kubectl('label', 'namespace', 'locked', 'pod-security.kubernetes.io/enforce=restricted', 'pod-security.kubernetes.io/warn=restricted');
  await eventually('its service account is there', async () => (await cluster.tryKubectl(['-n', 'locked', 'get', 'serviceaccount', 'default'])).code === 0);
  const why = (container: string): string => `violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "${container}" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "${container}" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "${container}" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "${container}" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`;
  expect(await refused('-n', 'locked', 'run', 'p', '--image=coxswain.local/pause:1')).toBe(`Error from server (Forbidden): pods "p" is forbidden: ${why('p').replace('violate', 'violates')}`);
  const deployment = await cluster.tryKubectl(['-n', 'locked', 'create', 'deployment', 'd', '--image=coxswain.local/pause:1']);
  expect(deployment).toMatchObject({ code: 0, stderr: `Warning: would ${why('pause')}\n` });
  await cluster.kubectl('delete', 'namespace', 'locked');
});

test('kubectl asks who it is; profiles are not served', async () => {
  expect(await cluster.kubectl('auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username} {.status.userInfo.groups}')).toBe('kubernetes-admin ["system:masters","system:authenticated"]');
  expect(await refused('top', 'nodes')).toBe('error: Metrics API not available');
  expect(await refused('get', '--raw', '/debug/pprof/')).toBe('Error from server (NotFound): the server could not find the requested resource');
});

test('secrets are encrypted in the store; a key is rotated with kubectl replace, and one that was in the open is encrypted then', async () => {
  await cluster.kubectl('create', 'secret', 'generic', 'after', '--from-literal=word=hidden');
  expect(await stored('/registry/secrets/default/after')).toMatch(/^k8s:enc:secretbox:v1:first:/);
  expect(await stored('/registry/secrets/default/before')).toContain('"before"');
  writeEncryption('second', 'first');
  const hidden = /^k8s:enc:secretbox:v1:second:/;
  // Each round writes with the key that the server then has.
  await eventually('the new key is used', async () => {
    const all = await cluster.tryKubectl(['replace', '-f', '-'], await cluster.kubectl('get', 'secrets', '-A', '-o', 'json'));
    expect(all.code, all.stderr).toBe(0);
    return hidden.test(await stored('/registry/secrets/default/after'));
  }, 120_000);
  expect(await stored('/registry/secrets/default/before')).toMatch(hidden);
  expect(await cluster.kubectl('get', 'secret', 'before', 'after', '-o', 'jsonpath={.items[*].data.word}')).toBe(['in-the-open', 'hidden'].map((word) => Buffer.from(word).toString('base64')).join(' '));
});

test('the audit log has bodies where the policy says so', async () => {
  await cluster.kubectl('create', 'configmap', 'noted', '--from-literal=a=b');
  interface AuditEvent { readonly level: string; readonly verb: string; readonly user: { readonly username: string }; readonly objectRef?: { readonly resource: string; readonly name?: string }; readonly requestObject?: { readonly data?: unknown }; readonly responseStatus: { readonly code: number } }
  let found: AuditEvent | undefined;
  await eventually('the event is in the log', () => {
    const events = readFileSync(auditLog, 'utf8').split('\n').filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as AuditEvent);
    found = events.find(({ objectRef }) => objectRef?.resource === 'configmaps' && objectRef.name === 'noted');
    expect(events.filter(({ objectRef, requestObject }) => objectRef?.resource === 'secrets' && requestObject !== undefined)).toEqual([]);
    return Promise.resolve(found !== undefined);
  });
  expect(found).toMatchObject({ level: 'RequestResponse', verb: 'create', user: { username: 'kubernetes-admin' }, requestObject: { data: { a: 'b' } }, responseStatus: { code: 201 } });
});

test('a deployment goes to none and back; cox why tells who wrote what', async () => {
  await cluster.kubectl('create', 'deployment', 'web', '--image=coxswain.local/busybox:1', '--replicas=2', '--', 'sleep', '1000');
  await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
  await cluster.kubectl('scale', 'deployment', 'web', '--replicas=0');
  await cluster.kubectl('delete', 'pods', '-l', 'app=web', '--now', '--ignore-not-found');
  await cluster.kubectl('wait', '--for=delete', 'pod', '-l', 'app=web', '--timeout=60s');
  await cluster.kubectl('scale', 'deployment', 'web', '--replicas=1');
  await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
  const [pod = ''] = (await cluster.kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n');
  const why = (await cluster.cox('why', pod)).split('\n').slice(1).map((line) => line.split(/ {2,}/));
  expect(why.slice(0, 3).map((columns) => columns.slice(2, 4))).toEqual([
    ['create', 'system:serviceaccount:kube-system:replicaset-controller'], ['create binding', 'system:kube-scheduler'], ['patch status', 'system:node:node-1'],
  ]);
});

test('cox explain tells why a pod is where it is, and what would help one that fits nowhere; strangers are told nothing', async () => {
  await cluster.kubectl('create', 'deployment', 'huge', '--image=coxswain.local/busybox:1', '--', 'sleep', '1000');
  await cluster.kubectl('set', 'resources', 'deployment', 'huge', '--requests=cpu=1k');
  const names = async (): Promise<string[]> => (await cluster.kubectl('get', 'pods', '-l', 'app=huge', '--field-selector=status.phase=Pending', '-o', 'name')).split('\n').filter((name) => name !== '');
  let told = '';
  await eventually('one fits nowhere', async () => {
    told = (await Promise.all((await names()).map((name) => cluster.cox('explain', name)))).find((text) => text.includes('fits nowhere')) ?? '';
    return told !== '';
  });
  expect(told).toContain('0/1 nodes are available: 1 Insufficient cpu.');
  expect(told).toMatch(/1 node by NodeResourcesFit: Insufficient cpu \(node-1\)/);
  expect(told).toMatch(/what alone would help, least first:\n {4}pod\/huge-\S+: request \d+m? of cpu instead of 1000 \(then 1 node would do: node-1\)/);
  const [web = ''] = (await cluster.kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n');
  expect(await cluster.cox('explain', web)).toMatch(/^default\/web-\S+ went to node-1 \(try 1, /);
  const stranger = await run('curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', `https://127.0.0.1:10259/explain/namespaces/default/pods/${web.replace('pod/', '')}`]);
  expect(stranger.stdout).toBe('401');
  await cluster.kubectl('delete', 'deployment', 'huge', '--now');
  await cluster.kubectl('wait', '--for=delete', 'pod', '-l', 'app=huge', '--timeout=60s');
});

test('cox simulate forks the live cluster and writes nothing to it', async () => {
  const result = JSON.parse(await cluster.cox('simulate', '--add-nodes=node-1:2', '--reschedule-all', '-o', 'json')) as { placements: { pod: string; after: string }[]; pending: unknown[]; before: { nodes: number; pods: number }; after: { nodes: number; pods: number } };
  expect(result.pending).toEqual([]);
  expect([result.before.nodes, result.after.nodes]).toEqual([1, 3]);
  expect(result.after.pods).toBe(result.before.pods);
  expect(result.placements.some(({ after }) => after !== 'node-1')).toBe(true);
  expect((await cluster.kubectl('get', 'nodes', '-o', 'name')).trim()).toBe('node/node-1');
});

test('a node that is deleted under its kubelet comes back, and runs pods again', async () => {
  const uid = (): Promise<string> => cluster.kubectl('get', 'node', 'node-1', '-o', 'jsonpath={.metadata.uid}');
  const before = await uid();
  await cluster.kubectl('delete', 'node', 'node-1');
  await eventually('another of its name is there', async () => (await uid()) !== before);
  await cluster.kubectl('wait', '--for=condition=Ready', 'node/node-1', '--timeout=60s');
  await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
  await eventually('what was put on the node that is gone is deleted', async () => (await cluster.kubectl('get', 'pods', '-l', 'app=web', '--no-headers')).split('\n').length === 1);
});
