import { expect, it } from 'vitest';
import type { JsonObject } from '../resource.ts';
import { networkingValidators } from './networking.ts';
import type { Validator } from './validator.ts';

const subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const of = (key: string): Validator => networkingValidators[key] as Validator;
const texts = (errors: readonly { readonly field: string; readonly message: string }[]): string[] => errors.map(({ field, message }) => `${field}: ${message}`);
const defaultBackend = { service: { name: 's', port: { number: 80 } } };
const ingress = (spec: object, annotations: object = {}): JsonObject => ({ metadata: { name: 'x', annotations }, spec } as JsonObject);

// What kube-apiserver 1.32.2 answers.
it.each<readonly [string, object, readonly string[]]>([
  ['a resource without kind and name', { defaultBackend: { resource: { apiGroup: 'g.io', kind: '', name: '' } } }, ['spec.defaultBackend.resource.kind: Required value: kind is required', 'spec.defaultBackend.resource.name: Required value: name is required']],
  ['a resource that is none', { defaultBackend: { resource: { apiGroup: 'g_io', kind: 'K/', name: 'n/' } } }, [
    `spec.defaultBackend.resource.apiGroup: Invalid value: "g_io": ${subdomain}`, 'spec.defaultBackend.resource.kind: Invalid value: "K/": may not contain \'/\'', 'spec.defaultBackend.resource.name: Invalid value: "n/": may not contain \'/\'',
  ]],
  ['a secret that cannot be', { defaultBackend, tls: [{ hosts: ['*.a.b'], secretName: 'S' }] }, [`spec.tls[0].secretName: Invalid value: "S": ${subdomain}`]],
  ['addresses for TLS', { defaultBackend, tls: [{ hosts: ['1.2.3.4'] }] }, []],
  ['no name for TLS', { defaultBackend, tls: [{ hosts: [''] }] }, [`spec.tls[0].hosts[0]: Invalid value: "": ${subdomain}`]],
  ['an empty class', { defaultBackend, ingressClassName: '' }, [`spec.ingressClassName: Invalid value: "": ${subdomain}`]],
])('an Ingress with %s', (_name, spec, said) => {
  expect(texts(of('ingresses.networking.k8s.io').create(ingress(spec), {} as never))).toEqual(said);
});

it('an Ingress has one class when it is made', () => {
  const both = ingress({ defaultBackend, ingressClassName: 'b' }, { 'kubernetes.io/ingress.class': 'a' });
  const rules = of('ingresses.networking.k8s.io');
  expect(texts(rules.create(both, {} as never))).toEqual(['annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified']);
  expect(texts(rules.update?.(both, both, {} as never) ?? [])).toEqual([]);
});

it('a secret that was wrong before may stay wrong', () => {
  const wrong = ingress({ defaultBackend, tls: [{ secretName: 'S' }] });
  const rules = of('ingresses.networking.k8s.io');
  expect(texts(rules.update?.(wrong, wrong, {} as never) ?? [])).toEqual([]);
  expect(texts(rules.update?.(wrong, ingress({ defaultBackend }), {} as never) ?? [])).toHaveLength(1);
});

it.each<readonly [object, readonly string[]]>([
  [{ ip: 'x' }, ['status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
  [{ hostname: '1.2.3.4' }, ['status.loadBalancer.ingress[0].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address']],
  [{ hostname: 'A_' }, [`status.loadBalancer.ingress[0].hostname: Invalid value: "A_": ${subdomain}`]],
  [{ ip: '::1', hostname: 'a' }, []],
])('the status of an Ingress: %j', (one, said) => {
  const object = { status: { loadBalancer: { ingress: [one] } } } as JsonObject;
  expect(texts(of('ingresses.networking.k8s.io').updateStatus?.(object, object) ?? [])).toEqual(said);
});

it.each<readonly [object, readonly string[]]>([
  [{ policyTypes: ['Ingress', 'Egress', 'Foo'] }, ['spec.policyTypes: Invalid value: []networking.PolicyType{"Ingress", "Egress", "Foo"}: may not specify more than two policyTypes']],
  [{ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/8'] } }] }] }, ['spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/8": must be a strict subset of `cidr`']],
  [{ ingress: [{ ports: [{ port: 80, endPort: 70 }] }] }, ['spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`']],
])('a NetworkPolicy: %j', (spec, said) => {
  expect(texts(of('networkpolicies.networking.k8s.io').create({ spec: { podSelector: {}, ...spec } } as JsonObject, {} as never))).toEqual(said);
});

it('the controller of a class has a domain', () => {
  expect(texts(of('ingressclasses.networking.k8s.io').create({ spec: { controller: 'A B/c' } }, {} as never))).toEqual([`spec.controller: Invalid value: "A B": ${subdomain}`]);
});
