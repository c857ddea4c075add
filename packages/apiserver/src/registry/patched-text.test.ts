import { expect, test } from 'vitest';
import { patchedText, traceOfMerge, traceOfOperations } from './patched-text.ts';

const service = {
  apiVersion: 'v1', kind: 'Service', metadata: { uid: 'u', name: 's', labels: { z: '1', a: '2' } },
  spec: { type: 'ClusterIP', ports: [{ targetPort: 80, port: 80, protocol: 'TCP' }], sessionAffinity: 'None' }, status: { loadBalancer: {} },
};
const type = 'io.k8s.api.core.v1.Service';

/** Orders as kube-apiserver 1.32.2 gave them. */
test('what a merge patch goes through is sorted, the rest is as its type declares it', () => {
  const text = patchedText({ ...service, spec: { ...service.spec, type: 7 } }, traceOfMerge({ spec: { type: 7 } }), type);
  expect(text).toBe('{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","uid":"u","labels":{"a":"2","z":"1"}},'
    + '"spec":{"ports":[{"protocol":"TCP","port":80,"targetPort":80}],"sessionAffinity":"None","type":7},"status":{"loadBalancer":{}}}');
});

test('what a merge patch puts there is sorted all through', () => {
  const ports = [{ port: 80, nodePort: 1.5, name: 'a' }];
  expect(patchedText({ spec: { ports } }, traceOfMerge({ spec: { ports } }), type)).toBe('{"spec":{"ports":[{"name":"a","nodePort":1.5,"port":80}]}}');
});

test('what an operation adds stays as it was given', () => {
  const port = { port: 'x', name: 'a' };
  const text = patchedText({ metadata: service.metadata, spec: { ports: [port] } }, traceOfOperations([{ op: 'replace', path: '/spec/ports', value: [port] }]), type);
  expect(text).toBe('{"metadata":{"name":"s","uid":"u","labels":{"a":"2","z":"1"}},"spec":{"ports":[{"port":"x","name":"a"}]}}');
});

test('a way into a list is sorted where it leads', () => {
  const text = patchedText(service, traceOfOperations([{ op: 'test', path: '/spec/ports/0/port', value: 80 }]), type);
  expect(text).toContain('"ports":[{"port":80,"protocol":"TCP","targetPort":80}]');
});
