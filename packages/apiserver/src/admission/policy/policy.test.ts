import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../../testing/cluster.ts';

/** What a kube-apiserver 1.32.2 answered to the same policies and requests. */

let cluster: TestCluster;
const namespace = 'policed';
const group = '/apis/admissionregistration.k8s.io/v1';

beforeAll(async () => {
  cluster = await startTestCluster([{ disableAdmissionPlugins: ['ServiceAccount'], authorizationModes: ['RBAC'] }]);
  await cluster.call('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace, labels: { team: 'x' } } } });
  await cluster.call('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body: { metadata: { name: 'param', labels: { p: '1' } }, data: { max: '3' } } });
  await cluster.seen('', 'namespaces', '', namespace);
});
afterAll(() => cluster.stop());

const configMaps = { apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] };

interface Bound {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly binding?: Readonly<Record<string, unknown>>;
}

/** With the policy in force; it is gone afterwards. */
async function under<T>({ spec, binding = {} }: Bound, run: () => Promise<T>): Promise<T> {
  const made = await cluster.call('POST', `${group}/validatingadmissionpolicies`, {
    body: { metadata: { name: 'p' }, spec: { matchConstraints: { resourceRules: [configMaps], namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } }, ...spec } },
  });
  expect(made.status, made.text).toBe(201);
  const bound = await cluster.call('POST', `${group}/validatingadmissionpolicybindings`, { body: { metadata: { name: 'b' }, spec: { policyName: 'p', validationActions: ['Deny'], ...binding } } });
  expect(bound.status, bound.text).toBe(201);
  await cluster.seen('admissionregistration.k8s.io', 'validatingadmissionpolicies', '', 'p');
  await cluster.seen('admissionregistration.k8s.io', 'validatingadmissionpolicybindings', '', 'b');
  try {
    return await run();
  } finally {
    for (const [resource, name] of [['validatingadmissionpolicybindings', 'b'], ['validatingadmissionpolicies', 'p']] as const) {
      await cluster.call('DELETE', `${group}/${resource}/${name}`);
      await cluster.seen('admissionregistration.k8s.io', resource, '', name, false);
    }
  }
}

const create = (data: object | undefined, name = 'c1'): ReturnType<TestCluster['call']> =>
  cluster.call('POST', `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`, { body: { metadata: { name }, ...(data === undefined ? {} : { data }) } });

const denied = (why: string, { reason = 'Invalid', code = 422, by = '\'p\' with binding \'b\'' } = {}): object => {
  const text = `ValidatingAdmissionPolicy ${by} denied request: ${why}`;
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: `configmaps "c1" is forbidden: ${text}`, reason, details: { name: 'c1', kind: 'configmaps', causes: [{ message: text }] }, code };
};

const nested = (depth: number): string => (depth === 0 ? 'true' : `[0,1,2,3,4,5,6,7,8,9].all(${'abcdef'[6 - depth]}, ${nested(depth - 1)})`);
const clusterWide = 'authorizer.serviceAccount(\'default\',\'default\').group(\'\').resource(\'configmaps\').check(\'delete\').allowed()';

const refused: readonly (readonly [string, Bound, object | undefined, object])[] = [
  ['an expression that is false', { spec: { validations: [{ expression: 'object.data.a == \'b\'' }] } }, { a: 'x' }, denied('failed expression: object.data.a == \'b\'')],
  ['an expression that fails', { spec: { validations: [{ expression: 'object.data.a == \'b\'' }] } }, undefined, denied('expression \'object.data.a == \'b\'\' resulted in error: no such key: data')],
  ['a message and a reason', { spec: { validations: [{ expression: 'has(object.data.a)', message: 'needs a', reason: 'Forbidden' }] } }, { x: 'x' }, denied('needs a', { reason: 'Forbidden', code: 403 })],
  ['a reason with a code of its own', { spec: { validations: [{ expression: 'false', reason: 'RequestEntityTooLarge' }] } }, undefined, denied('failed expression: false', { reason: 'RequestEntityTooLarge', code: 413 })],
  [
    'a message made of request, user and namespace',
    { spec: { validations: [{ expression: 'object.data.size() < 2', messageExpression: '\'too many: \' + string(object.data.size()) + \' by \' + request.userInfo.username + \' in \' + namespaceObject.metadata.labels.team + \' \' + request.operation' }] } },
    { x: 'x', y: 'y' }, denied('too many: 2 by admin in x CREATE'),
  ],
  ['a message expression that fails', { spec: { validations: [{ expression: 'false', messageExpression: 'string(object.data.nope)', message: 'fallback' }] } }, undefined, denied('fallback')],
  [
    'variables of variables', { spec: { variables: [{ name: 'a', expression: 'object.data.a' }, { name: 'b', expression: 'variables.a + \'!\'' }], validations: [{ expression: 'variables.b == \'b!\'', messageExpression: '\'b is \' + variables.b' }] } },
    { a: 'x' }, denied('b is x!'),
  ],
  [
    'a variable that fails', { spec: { variables: [{ name: 'div', expression: '1/int(object.data.z)' }], validations: [{ expression: 'variables.div > 0' }] } },
    { z: '0' }, denied('expression \'variables.div > 0\' resulted in error: composited variable "div" fails to evaluate: division by zero'),
  ],
  ['a match condition that holds', { spec: { matchConditions: [{ name: 'x', expression: 'object.data.a == \'match\'' }], validations: [{ expression: 'false' }] } }, { a: 'match' }, denied('failed expression: false')],
  ['a match condition that fails', { spec: { matchConditions: [{ name: 'x', expression: 'object.data.a == \'match\'' }], validations: [{ expression: 'false' }] } }, undefined, denied('expression \'object.data.a == \'match\'\' resulted in error: no such key: data')],
  ['the first of several', { spec: { validations: [{ expression: 'true' }, { expression: 'object.metadata.name != \'c1\'', message: 'one' }, { expression: 'false', message: 'two' }] } }, undefined, denied('one')],
  ['what costs too much', { spec: { validations: [{ expression: nested(6) }] } }, undefined, denied(`expression '${nested(6)}' resulted in error: operation cancelled: actual cost limit exceeded`)],
  ['an audit annotation that fails', { spec: { validations: [{ expression: 'true' }], auditAnnotations: [{ key: 'k', valueExpression: 'string(object.data.nope)' }] } }, undefined, denied('expression \'string(object.data.nope)\' resulted in error: no such key: data')],
  ['who may not', { spec: { validations: [{ expression: clusterWide }] } }, undefined, denied(`failed expression: ${clusterWide}`)],
  [
    'parameters by name', { spec: { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, validations: [{ expression: 'object.data.size() < int(params.data.max)', messageExpression: '\'max \' + params.data.max + params.kind' }] }, binding: { paramRef: { name: 'param', namespace, parameterNotFoundAction: 'Deny' } } },
    { a: '', b: '', c: '' }, denied('max 3ConfigMap'),
  ],
  [
    'parameters by selector, in the namespace of the request', { spec: { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, validations: [{ expression: 'params.data.max == \'4\'' }] }, binding: { paramRef: { selector: { matchLabels: { p: '1' } }, parameterNotFoundAction: 'Allow' } } },
    undefined, denied('failed expression: params.data.max == \'4\''),
  ],
  [
    'parameters that are not there', { spec: { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, validations: [{ expression: 'true' }] }, binding: { paramRef: { name: 'gone', namespace, parameterNotFoundAction: 'Deny' } } },
    undefined, denied('failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction'),
  ],
  [
    'a kind of parameters that is not served', { spec: { paramKind: { apiVersion: 'none.io/v1', kind: 'Nope' }, validations: [{ expression: 'true' }] }, binding: { paramRef: { name: 'gone', parameterNotFoundAction: 'Deny' } } },
    undefined, denied('failed to configure policy: failed to find resource referenced by paramKind: \'none.io/v1, Kind=Nope\'', { by: '\'p\'' }),
  ],
];

test.each(refused)('refused: %s', async (_name, bound, data, answer) => {
  const { json } = await under(bound, () => create(data));
  expect(json).toEqual(answer);
});

const allowed: readonly (readonly [string, Bound, object | undefined])[] = [
  ['an expression that is true', { spec: { validations: [{ expression: 'object.data.a == \'b\'' }] } }, { a: 'b' }],
  ['a match condition that is false', { spec: { matchConditions: [{ name: 'x', expression: 'object.data.a == \'match\'' }], validations: [{ expression: 'false' }] } }, { a: 'no' }],
  ['a failure that is ignored', { spec: { failurePolicy: 'Ignore', validations: [{ expression: 'object.data.nope == \'x\'' }] } }, { a: 'x' }],
  ['another name', { spec: { matchConstraints: { resourceRules: [{ ...configMaps, resourceNames: ['c2'] }] }, validations: [{ expression: 'false' }] } }, undefined],
  ['what is excluded', { spec: { matchConstraints: { resourceRules: [{ ...configMaps, resources: ['*'] }], excludeResourceRules: [configMaps] }, validations: [{ expression: 'false' }] } }, undefined],
  ['a binding for other namespaces', { spec: { validations: [{ expression: 'false' }] }, binding: { matchResources: { namespaceSelector: { matchLabels: { team: 'y' } } } } }, undefined],
  [
    'who may', {
      spec: { validations: [{ expression: `authorizer.group('').resource('configmaps').namespace('${namespace}').check('delete').allowed()` }, { expression: 'authorizer.requestResource.check(\'create\').allowed()' }] },
    }, undefined,
  ],
];

test.each(allowed)('allowed: %s', async (_name, bound, data) => {
  const answer = await under(bound, () => create(data));
  expect(answer.status, answer.text).toBe(201);
});

test('warnings instead of refusals', async () => {
  const answer = await under({ spec: { validations: [{ expression: 'false', message: 'careful' }] }, binding: { validationActions: ['Warn', 'Audit'] } }, () => create(undefined));
  expect([answer.status, answer.warning]).toEqual([201, '299 - "Validation failed for ValidatingAdmissionPolicy \'p\' with binding \'b\': careful"']);
});

test('deletions are judged by the old object, and policies cannot forbid their own removal', async () => {
  const bound: Bound = { spec: { matchConstraints: { resourceRules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['DELETE'], resources: ['*'] }] }, validations: [{ expression: 'object == null && oldObject.data.max != "3"', message: 'kept' }] } };
  const answer = await under(bound, () => cluster.call('DELETE', `/api/v1/namespaces/${namespace}/configmaps/param`));
  expect(answer.json['message']).toBe('configmaps "param" is forbidden: ValidatingAdmissionPolicy \'p\' with binding \'b\' denied request: kept');
});

const invalid: readonly (readonly [string, object, string])[] = [
  ['a result that is no bool', { validations: [{ expression: '1 + 1' }] }, 'spec.validations[0].expression: Invalid value: "1 + 1": must evaluate to bool but got int'],
  ['a message that is no string', { validations: [{ expression: 'true', messageExpression: 'object.data.nope' }] }, 'spec.validations[0].messageExpression: Invalid value: "object.data.nope": must evaluate to string but got dyn'],
  [
    'an annotation that is no string', { validations: [{ expression: 'true' }], auditAnnotations: [{ key: 'k', valueExpression: 'object.data.nope' }] },
    'spec.auditAnnotations[0].valueExpression: Invalid value: "object.data.nope": must evaluate to one of [string null_type] but got dyn',
  ],
  ['an unknown reason', { validations: [{ expression: 'true', reason: 'Unauthorized' }] }, 'spec.validations[0].reason: Unsupported value: "Unauthorized": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"'],
];

test.each(invalid)('not accepted: %s', async (_name, spec, message) => {
  const answer = await cluster.call('POST', `${group}/validatingadmissionpolicies`, { body: { metadata: { name: 'bad' }, spec: { matchConstraints: { resourceRules: [configMaps] }, ...spec } } });
  expect([answer.status, answer.json['message']]).toEqual([422, `ValidatingAdmissionPolicy.admissionregistration.k8s.io "bad" is invalid: ${message}`]);
});
