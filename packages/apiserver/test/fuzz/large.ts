import { encodeProtobuf, type JsonObject } from '@coxswain/api';
import { utf8 } from '@coxswain/host';
import type { FuzzRequest } from './requests.ts';

/** Just under what a body may have. */
const limitBytes = 3_100_000;
const namespace = '/api/v1/namespaces/fuzz';

/** What `largeRequests` are to be as large as, of `limitBytes`: shapes that are made for less stay as much smaller. */
let scale = 1;

function filled(item: (at: number) => string, separator: string, limit = limitBytes): string {
  const parts: string[] = [];
  for (let length = 0, at = 0; length < limit * scale; at += 1) {
    const part = item(at);
    parts.push(part);
    length += part.length + separator.length;
  }
  return parts.slice(0, -1).join(separator);
}

const asked = (method: string, target: string, contentType: string, text: string): FuzzRequest => ({ method, target, headers: { authorization: 'Bearer tok', 'content-type': contentType }, body: utf8(text) });
const json = (target: string, text: string): FuzzRequest => asked('POST', target, 'application/json', text);
const yaml = (target: string, text: string): FuzzRequest => asked('POST', target, 'application/yaml', text);
const message = (target: string, type: string, object: JsonObject): FuzzRequest => ({ method: 'POST', target, headers: { authorization: 'Bearer tok', 'content-type': 'application/vnd.kubernetes.protobuf' }, body: encodeProtobuf(type, object) });
const many = (bytesEach: number, item: (at: number) => readonly [string, string]): Record<string, string> => Object.fromEntries(Array.from({ length: Math.floor((limitBytes * scale) / bytesEach) }, (_, at) => item(at)));

const configMap = (text: string): string => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"large"},${text}}`;
const foo = (text: string): string => `{"apiVersion":"fuzz.example.com/v1","kind":"Foo","metadata":{"name":"large"},"spec":{"size":1,${text}}}`;
const foos = '/apis/fuzz.example.com/v1/namespaces/fuzz/foos';
const pod = (text: string): string => `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"large"},"spec":{${text}}}`;

/** As large as they may be, in shapes that cost most for their length. */
export const largeRequests: Readonly<Record<string, () => FuzzRequest>> = {
  'one text': () => json(`${namespace}/configmaps`, configMap(`"data":{"a":"${'a'.repeat(1_000_000 * scale)}"}`)),
  'one text of escapes': () => json(`${namespace}/configmaps`, configMap(`"data":{"a":"${'\\u0041'.repeat(500_000 * scale)}"}`)),
  'many keys': () => json(`${namespace}/configmaps`, configMap(`"data":{${filled((at) => `"k${at}":""`, ',')}}`)),
  'many labels': () => json(`${namespace}/configmaps`, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"large","labels":{${filled((at) => `"k${at}":""`, ',')}}}}`),
  'one key many times': () => json(`${namespace}/configmaps?fieldValidation=Strict`, configMap(`"data":{${filled(() => '"a":""', ',')}}`)),
  'many unknown fields': () => json(`${namespace}/configmaps?fieldValidation=Strict`, configMap(filled((at) => `"x${at}":0`, ','))),
  'many containers': () => json(`${namespace}/pods`, pod(`"containers":[${filled(() => '{"name":"a"}', ',')}]`)),
  'many empty containers': () => json(`${namespace}/pods`, pod(`"containers":[${filled(() => '{}', ',')}]`)),
  'many tolerations': () => json(`${namespace}/pods`, pod(`"containers":[{"name":"a","image":"b"}],"tolerations":[${filled((at) => `{"key":"k${at}"}`, ',')}]`)),
  'many numbers': () => json(foos, foo(`"any":{"a":[${filled(() => '1', ',')}]}`)),
  'many empty lists': () => json(foos, foo(`"any":{"a":[${filled(() => '[]', ',')}]}`)),
  'many members': () => json(foos, foo(`"any":{${filled((at) => `"k${at}":{}`, ',')}}`)),
  'many members that are pruned': () => json(foos, foo(filled((at) => `"k${at}":0`, ','))),
  'YAML that is JSON': () => yaml(`${namespace}/configmaps`, configMap(`"data":{${filled((at) => `"k${at}":""`, ',')}}`)),
  'YAML of lines': () => yaml(`${namespace}/configmaps`, `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: large\ndata:\n${filled((at) => `  k${at}: v`, '\n')}\n`),
  'YAML of dashes': () => yaml(foos, `apiVersion: fuzz.example.com/v1\nkind: Foo\nmetadata:\n  name: large\nspec:\n  size: 1\n  any:\n    a:\n${filled(() => '    - a', '\n')}\n`),
  'YAML of anchors': () => yaml(foos, `apiVersion: fuzz.example.com/v1\nkind: Foo\nmetadata:\n  name: large\nspec:\n  size: 1\n  any:\n    a:\n${filled((at) => `    - &a${at} a`, '\n')}\n`),
  'YAML of one text': () => yaml(`${namespace}/configmaps`, `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: large\ndata:\n  a: |\n${filled(() => '    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '\n', 1_000_000)}\n`),
  'YAML that is wrong at its end': () => yaml(`${namespace}/configmaps`, `apiVersion: v1\n${filled((at) => `k${at}: v`, '\n')}\n\tx: y`),
  'merge patch': () => asked('PATCH', `${namespace}/configmaps/p1`, 'application/merge-patch+json', `{"data":{${filled((at) => `"k${at}":""`, ',')}}}`),
  'strategic merge patch': () => asked('PATCH', `${namespace}/pods/p1`, 'application/strategic-merge-patch+json', `{"spec":{"containers":[${filled((at) => `{"name":"k${at}"}`, ',')}]}}`),
  'JSON patch': () => asked('PATCH', `${namespace}/configmaps/p1`, 'application/json-patch+json', `[${filled(() => '{"op":"test","path":"/data/a","value":"b"}', ',')}]`),
  'JSON patch that doubles': () => asked('PATCH', `${foos}/p1`, 'application/json-patch+json', `[{"op":"add","path":"/spec/any","value":{"a":[1]}},${filled(() => '{"op":"copy","from":"/spec/any","path":"/spec/any/x"}', ',', 40_000)}]`),
  'apply patch': () => asked('PATCH', `${namespace}/configmaps/large?fieldManager=a`, 'application/apply-patch+yaml', configMap(`"data":{${filled((at) => `"k${at}":""`, ',', 1_500_000)}}`)),
  'apply patch of lines': () => asked('PATCH', `${namespace}/configmaps/large?fieldManager=a`, 'application/apply-patch+yaml', `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: large\ndata:\n${filled((at) => `  k${at}: v`, '\n', 1_500_000)}\n`),
  'access rules': () => json('/apis/rbac.authorization.k8s.io/v1/clusterroles', `{"metadata":{"name":"large"},"rules":[${filled(() => '{"verbs":["get"],"apiGroups":[""],"resources":["a"]}', ',', 1_500_000)}]}`),
  'an expression': () => json('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies', `{"metadata":{"name":"large"},"spec":{"matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["pods"]}]},"validations":[{"expression":"true${' || true'.repeat(300_000 * scale)}"}]}}`),
  'many expressions': () => json('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies', `{"metadata":{"name":"large"},"spec":{"matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["pods"]}]},"validations":[${filled(() => '{"expression":"object.metadata.name.startsWith(\'a\')"}', ',')}]}}`),
  'a schema': () => json('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', `{"metadata":{"name":"bars.fuzz.example.com"},"spec":{"group":"fuzz.example.com","scope":"Namespaced","names":{"plural":"bars","kind":"Bar"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{${filled((at) => `"k${at}":{"type":"string"}`, ',', 1_400_000)}}}}}]}}`),
  'a schema of rules': () => json('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', `{"metadata":{"name":"bars.fuzz.example.com"},"spec":{"group":"fuzz.example.com","scope":"Namespaced","names":{"plural":"bars","kind":"Bar"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{"a":{"type":"string","maxLength":5}},"x-kubernetes-validations":[${filled(() => '{"rule":"self.a == \'b\'"}', ',', 1_400_000)}]}}}]}}`),
  'protobuf of many keys': () => message(`${namespace}/configmaps`, 'io.k8s.api.core.v1.ConfigMap', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'large' }, data: many(12, (at) => [`k${at}`, '']) }),
  'protobuf of many labels': () => message(`${namespace}/configmaps`, 'io.k8s.api.core.v1.ConfigMap', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'large', labels: many(12, (at) => [`k${at}`, '']) } }),
  'protobuf of many containers': () => message(`${namespace}/pods`, 'io.k8s.api.core.v1.Pod', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'large' }, spec: { containers: Array.from({ length: Math.floor((limitBytes * scale) / 40) }, () => ({ name: 'a' })) } }),
  'protobuf of many rules': () => message('/apis/rbac.authorization.k8s.io/v1/clusterroles', 'io.k8s.api.rbac.v1.ClusterRole', { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'large' }, rules: Array.from({ length: Math.floor((1_400_000 * scale) / 12) }, () => ({ verbs: ['get'], apiGroups: [''], resources: ['a'] })) }),
  'spaces': () => json(`${namespace}/configmaps`, `${' '.repeat(limitBytes * scale)}{}`),
  'a long number': () => json(`${namespace}/configmaps`, configMap(`"data":{"a":${'9'.repeat((limitBytes - 200) * scale)}}`)),
  'a selector': () => ({ method: 'GET', target: `${namespace}/pods?labelSelector=${'a=b,'.repeat(100_000 * scale)}a`, headers: { authorization: 'Bearer tok' }, body: new Uint8Array(0) }),
};

/** The shape of this name, of a part of its full size. */
export function largeRequest(name: string, part = 1): FuzzRequest {
  scale = part;
  try {
    return (largeRequests[name] as () => FuzzRequest)();
  } finally {
    scale = 1;
  }
}
