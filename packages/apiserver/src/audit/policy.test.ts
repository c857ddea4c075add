import { expect, test } from 'vitest';
import { requestInfoOf } from '../request-info/request-info.ts';
import { ruleFor } from './policy.ts';
import { parseAuditPolicy } from './policy-file.ts';

const head = 'apiVersion: audit.k8s.io/v1\nkind: Policy\n';

function parse(rules: string): ReturnType<typeof parseAuditPolicy> {
  return parseAuditPolicy('policy.yaml', `${head}${rules}`);
}

const policy = parse(`
omitStages: [RequestReceived]
rules:
- {level: None, users: ["system:kube-proxy"], verbs: [watch], resources: [{group: "", resources: [endpoints, services]}]}
- {level: None, userGroups: ["system:authenticated"], nonResourceURLs: ["/api*", "/version"]}
- {level: Request, resources: [{group: "", resources: [configmaps], resourceNames: [one]}], namespaces: [kube-system]}
- {level: Metadata, resources: [{group: "", resources: ["pods/log", "*/status"]}, {group: apps, resources: ["deployments/*"]}], omitStages: [Panic]}
- {level: RequestResponse, resources: [{group: batch}], omitManagedFields: true}
- {level: Metadata, verbs: [delete]}
`);

test.each([
  ['GET', '/api/v1/endpoints?watch=1', 'system:kube-proxy', [], 'None'],
  ['GET', '/api/v1/endpoints', 'system:kube-proxy', [], undefined],
  ['GET', '/apis', 'a', ['system:authenticated'], 'None'],
  ['GET', '/apis', 'a', ['system:unauthenticated'], undefined],
  ['PUT', '/api/v1/namespaces/kube-system/configmaps/one', 'a', [], 'Request'],
  ['PUT', '/api/v1/namespaces/kube-system/configmaps/two', 'a', [], undefined],
  ['PUT', '/api/v1/namespaces/other/configmaps/one', 'a', [], undefined],
  ['GET', '/api/v1/namespaces/n/pods/p/log', 'a', [], 'Metadata'],
  ['GET', '/api/v1/namespaces/n/pods/p', 'a', [], undefined],
  ['PUT', '/api/v1/nodes/n/status', 'a', [], 'Metadata'],
  ['GET', '/apis/apps/v1/namespaces/n/deployments/d/scale', 'a', [], 'Metadata'],
  ['GET', '/apis/apps/v1/namespaces/n/deployments/d', 'a', [], 'Metadata'],
  ['POST', '/apis/batch/v1/namespaces/n/jobs', 'a', [], 'RequestResponse'],
  ['DELETE', '/api/v1/nodes/n', 'a', [], 'Metadata'],
  ['DELETE', '/other', 'a', [], 'Metadata'],
])('%s %s by %s in %j is recorded at %s', (method, target, name, groups, level) => {
  expect(ruleFor(policy, { ...requestInfoOf(method, target), user: { name, groups } })?.level).toBe(level);
});

test('omitted stages are those of the policy and of the rule', () => {
  const rule = ruleFor(policy, { ...requestInfoOf('GET', '/api/v1/namespaces/n/pods/p/log'), user: undefined });
  expect([...(rule?.omitStages ?? [])]).toEqual(['RequestReceived', 'Panic']);
});

test.each([
  ['rules: []', 'policy.yaml: rules: loaded illegal policy with 0 rules'],
  ['rules: [{level: All}]', 'policy.yaml: rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse"'],
  ['rules: [{users: [a]}]', 'policy.yaml: rules[0].level: Required value'],
  ['rules: [{level: None, omitStages: [Done]}]', 'policy.yaml: rules[0].omitStages[0]: Invalid value: "Done": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic'],
  ['rules: [{level: None, nonResourceURLs: [healthz]}]', 'policy.yaml: rules[0].nonResourceURLs[0]: Invalid value: "healthz": non-resource URL rules must begin with a \'/\' character'],
  ['rules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]', 'policy.yaml: rules[0].nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs'],
  ['rules: [{level: None, resources: [{resourceNames: [a]}]}]', 'policy.yaml: rules[0].resources[0].resourceNames: using resourceNames requires at least one resource'],
  ['rules: [{level: None, resources: [{group: apps/v1}]}]', 'policy.yaml: rules[0].resources[0].group: Invalid value: "apps/v1": must be the name of an API group, without a version'],
  ['rules: [{level: None, verb: [get]}]', 'policy.yaml: rules[0].verb: unknown field'],
  ['rules: [{level: None, verbs: get}]', 'policy.yaml: rules[0].verbs: must be a list of strings'],
  ['rules: [', 'policy.yaml: '],
])('%s is refused with one line', (rules, message) => {
  expect(() => parse(rules)).toThrow(message);
});
