import { expect, test } from 'vitest';
import type { JsonObject } from '../resource.ts';
import type { StrategyContext } from '../strategy.ts';
import { admissionPolicyValidators } from './admission-policies.ts';

/** What a kube-apiserver 1.32.2 said of the same objects, as field and text. */
const policies = admissionPolicyValidators['mutatingadmissionpolicies.admissionregistration.k8s.io'];
const bindings = admissionPolicyValidators['mutatingadmissionpolicybindings.admissionregistration.k8s.io'];

const context: StrategyContext = { now: '2026-01-01T00:00:00Z', subresource: '', userName: 'u', userGroups: [], randomSuffix: (length) => 'x'.repeat(length) };

const apply = (expression: string): JsonObject => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
const patch = (expression: string): JsonObject => ({ patchType: 'JSONPatch', jsonPatch: { expression } });
const constraints = (operations: string[]): JsonObject => ({ matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {}, resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations, resources: ['configmaps'], scope: '*' }] });
const spec = (own: JsonObject): JsonObject => ({ failurePolicy: 'Fail', reinvocationPolicy: 'Never', matchConstraints: constraints(['CREATE', 'UPDATE']), mutations: [apply('Object{}')], ...own });
const at = (index: number, kind: 'applyConfiguration' | 'jsonPatch'): string => `spec.mutations[${index}].${kind}.expression`;

const table: readonly (readonly [string, JsonObject, readonly (readonly [string, string])[]])[] = [
  ['all is well', spec({}), []],
  ['nothing', { failurePolicy: 'Fail' }, [
    ['spec.matchConstraints', 'Required value'], ['spec.mutations', 'Required value: mutations must contain at least one item'], ['spec.reinvocationPolicy', 'Required value'],
  ]],
  ['results of other types', spec({ mutations: [apply('Object.spec{}'), apply('"x"'), patch('1'), patch('[1]'), patch('[]'), apply('object'), patch('[Object{}]'), apply('dyn(Object{})'), apply('Object.spec')] }), [
    [at(0, 'applyConfiguration'), 'Invalid value: "Object.spec{}": must evaluate to Object but got Object.spec'],
    [at(1, 'applyConfiguration'), 'Invalid value: "\\"x\\"": must evaluate to Object but got string'],
    [at(2, 'jsonPatch'), 'Invalid value: "1": must evaluate to list(JSONPatch) but got int'],
    [at(3, 'jsonPatch'), 'Invalid value: "[1]": must evaluate to list(JSONPatch) but got list(int)'],
    [at(4, 'jsonPatch'), 'Invalid value: "[]": must evaluate to list(JSONPatch) but got list(dyn)'],
    [at(5, 'applyConfiguration'), 'Invalid value: "object": must evaluate to Object but got dyn'],
    [at(6, 'jsonPatch'), 'Invalid value: "[Object{}]": must evaluate to list(JSONPatch) but got list(Object)'],
    [at(7, 'applyConfiguration'), 'Invalid value: "dyn(Object{})": must evaluate to Object but got dyn'],
    [at(8, 'applyConfiguration'), 'Invalid value: "Object.spec": must evaluate to Object but got type(Object.spec)'],
  ]],
  ['fields of other types', spec({ mutations: [patch('[JSONPatch{op: 1}]'), patch('[JSONPatch{foo: "a"}]')] }), [
    [at(0, 'jsonPatch'), 'Invalid value: "[JSONPatch{op: 1}]": compilation failed: ERROR: <input>:1:14: expected type of field \'op\' is \'string\' but provided type is \'int\'\n | [JSONPatch{op: 1}]\n | .............^'],
    [at(1, 'jsonPatch'), 'Invalid value: "[JSONPatch{foo: \\"a\\"}]": compilation failed: ERROR: <input>:1:15: expected type of field \'foo\' is \'\' but provided type is \'string\'\n | [JSONPatch{foo: "a"}]\n | ..............^'],
  ]],
  ['the wrong one of both', spec({ mutations: [{ patchType: 'JSONPatch', applyConfiguration: { expression: 'Object{}' } }, { patchType: 'ApplyConfiguration', jsonPatch: { expression: '[]' } }, { patchType: '' }, { patchType: 'x' }] }), [
    ['spec.mutations[0].jsonPatch', 'Required value: must be specified when patchType is JSONPatch'],
    ['spec.mutations[0].applyConfiguration', 'Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch'],
    ['spec.mutations[1].applyConfiguration', 'Required value: must be specified when patchType is ApplyConfiguration'],
    ['spec.mutations[1].jsonPatch', 'Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration'],
    ['spec.mutations[2].patchType', 'Required value'],
    ['spec.mutations[3].patchType', 'Unsupported value: "x": supported values: "ApplyConfiguration", "JSONPatch"'],
  ]],
  ['no expressions', spec({ mutations: [apply(' '), patch('')] }), [[at(0, 'applyConfiguration'), 'Required value'], [at(1, 'jsonPatch'), 'Required value']]],
  ['what cannot be changed', spec({ matchConstraints: constraints(['DELETE']) }), [['spec.matchConstraints.resourceRules.operations', 'Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"']]],
  ['no rules', spec({ matchConstraints: { ...constraints([]), resourceRules: [] } }), [['spec.matchConstraints.resourceRules', 'Required value']]],
  ['another reinvocation policy', spec({ reinvocationPolicy: 'foo' }), [['spec.reinvocationPolicy', 'Unsupported value: "foo": supported values: "IfNeeded", "Never"']]],
  ['another failure policy', spec({ failurePolicy: 'x' }), [['spec.failurePolicy', 'Unsupported value: "x": supported values: "Fail", "Ignore"']]],
  ['patches in variables', spec({ variables: [{ name: 'a', expression: 'Object{}' }, { name: 'c', expression: 'jsonpatch.escapeKey("a/b")' }] }), [
    ['spec.variables[0].expression', 'Invalid value: "Object{}": compilation failed: ERROR: <input>:1:7: undeclared reference to \'Object\' (in container \'\')\n | Object{}\n | ......^'],
    ['spec.variables[1].expression', 'Invalid value: "jsonpatch.escapeKey(\\"a/b\\")": compilation failed: ERROR: <input>:1:1: undeclared reference to \'jsonpatch\' (in container \'\')\n | jsonpatch.escapeKey("a/b")\n | ^\nERROR: <input>:1:20: undeclared reference to \'escapeKey\' (in container \'\')\n | jsonpatch.escapeKey("a/b")\n | ...................^'],
  ]],
  ['variables in conditions', spec({ matchConditions: [{ name: 'a', expression: 'variables.x == 1' }] }), [
    ['spec.matchConditions[0].expression', 'Invalid value: "variables.x == 1": compilation failed: ERROR: <input>:1:1: undeclared reference to \'variables\' (in container \'\')\n | variables.x == 1\n | ^'],
  ]],
  ['parameters of nothing', spec({ mutations: [apply('Object{metadata: Object.metadata{labels: params.data}}')] }), [
    [at(0, 'applyConfiguration'), 'Invalid value: "Object{metadata: Object.metadata{labels: params.data}}": compilation failed: ERROR: <input>:1:42: undeclared reference to \'params\' (in container \'\')\n | Object{metadata: Object.metadata{labels: params.data}}\n | .........................................^'],
  ]],
  ['parameters', spec({ paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, mutations: [apply('Object{metadata: Object.metadata{labels: params.data}}')] }), []],
  ['comparing, optional fields, other places', spec({ mutations: [apply('Object{a: 1} == Object{a: 1} ? Object{} : Object{}'), apply('has(Object{a: 1}.a) ? Object{} : Object{}'), apply('Object{a: Object.foo{}}'), apply('Object{?a: optional.of(1)}'), apply('Object{a: {"x": Object.a{}}, b: [Object.b{}]}')] }), []],
  ['patches put together', spec({ mutations: [patch('[JSONPatch{op: "add", path: "/a", value: 1}, JSONPatch{op: "add", path: "/a", value: "x"}] + (true ? [JSONPatch{op:"test", path: "/x"}] : [])'), patch('[1].map(x, JSONPatch{op:"remove", path: "/a/" + jsonpatch.escapeKey(string(x))})')] }), []],
];

test.each(table)('of a policy: %s', (_name, own, expected) => {
  const errors = policies?.create({ metadata: { name: 'p' }, spec: own }, context) ?? [];
  expect(errors.map(({ field, message }) => [field, message])).toEqual(expected);
});

test('a binding names what can be changed', () => {
  const errors = bindings?.create({ metadata: { name: 'b' }, spec: { policyName: 'p', matchResources: constraints(['CREATE', 'DELETE']) } }, context) ?? [];
  expect(errors.map(({ field }) => field)).toEqual(['spec.matchResources.resourceRules.operations']);
  expect(bindings?.create({ metadata: { name: 'b' }, spec: { policyName: 'p' } }, context)).toEqual([]);
});
