import { findResource, type ApiResource, type JsonObject } from '@coxswain/api';
import { fromUtf8, readAll, silentLogger, utf8, type Host, type IncomingResponse, type OutgoingRequest } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import type { AdmissionAttributes } from '../types.ts';
import { parseAdmissionFile } from './config-file.ts';
import { imagePolicyWebhook, type ImagePolicyConfig } from './image-policy.ts';

const real = createRealHost(silentLogger);
const pods = findResource('', 'v1', 'pods') as ApiResource;
let reviews: JsonObject[] = [];
let answer: object | undefined;

async function* once(text: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield utf8(text);
}

async function fetch(request: OutgoingRequest): Promise<IncomingResponse> {
  reviews.push(JSON.parse(fromUtf8(request.body instanceof Uint8Array ? request.body : await readAll(request.body ?? once('')))) as JsonObject);
  return { status: answer === undefined ? 403 : 200, headers: {}, body: once(answer === undefined ? 'closed' : JSON.stringify({ kind: 'ImageReview', status: answer })), trailers: Promise.resolve({}) };
}

const host: Host = { ...real, network: { ...real.network, fetch } };
const config: ImagePolicyConfig = { kubeConfigFile: 'k', kubeconfig: { server: 'https://images.example.com/', tls: {}, namespace: '' }, allowTtlMs: 60_000, denyTtlMs: 0, retryBackoffMs: 1, defaultAllow: false };

function attributes(subresource = ''): { readonly a: AdmissionAttributes; readonly noted: Map<string, string> } {
  const noted = new Map<string, string>();
  const object = { metadata: { name: 'p', annotations: { 'team.image-policy.k8s.io/ticket': '7', other: 'x' } }, spec: { containers: [{ name: 'c', image: 'a:1' }], initContainers: [{ name: 'i', image: 'b:1' }], ephemeralContainers: [{ name: 'e', image: 'c:1' }] } };
  const notes = { auditId: '', warn: () => undefined, annotate: (key: string, value: string) => { noted.set(key, value); } };
  return { noted, a: { operation: 'CREATE', resource: pods, subresource, namespace: 'ns', name: 'p', object, oldObject: undefined, user: { name: '', uid: '', groups: [], extra: {} }, dryRun: false, options: {}, notes } as unknown as AdmissionAttributes };
}

async function say(more: Partial<ImagePolicyConfig> = {}, subresource = ''): Promise<{ readonly refusal: string | undefined; readonly noted: Map<string, string> }> {
  const { a, noted } = attributes(subresource);
  const refusal = await imagePolicyWebhook(host, { ...config, ...more }).validate?.(a)?.then(() => undefined, (error: unknown) => (error as Error).message);
  return { refusal, noted };
}

test('images are shown to the webhook, which may say no', async () => {
  reviews = [];
  answer = { allowed: true, auditAnnotations: { seen: 'yes' } };
  expect(await say()).toEqual({ refusal: undefined, noted: new Map([['imagepolicywebhook.image-policy.k8s.io/seen', 'yes']]) });
  expect(reviews).toEqual([{
    kind: 'ImageReview', apiVersion: 'imagepolicy.k8s.io/v1alpha1', metadata: { creationTimestamp: null }, status: { allowed: false },
    spec: { containers: [{ image: 'a:1' }, { image: 'b:1' }], annotations: { 'team.image-policy.k8s.io/ticket': '7' }, namespace: 'ns' },
  }]);
  answer = { allowed: false, reason: 'a:1 is old' };
  expect((await say()).refusal).toBe('pods "p" is forbidden: image policy webhook backend denied one or more images: a:1 is old');
  answer = {};
  expect((await say({}, 'ephemeralcontainers')).refusal).toBe('pods "p" is forbidden: one or more images rejected by webhook backend');
  expect(reviews.at(-1)).toMatchObject({ spec: { containers: [{ image: 'c:1' }] } });
});

test('where it cannot be asked the configuration decides', async () => {
  answer = undefined;
  expect((await say()).refusal).toBe('pods "p" is forbidden: closed');
  expect(await say({ defaultAllow: true })).toEqual({ refusal: undefined, noted: new Map([['imagepolicywebhook.image-policy.k8s.io/failed-open', 'true']]) });
});

test('its configuration, in the units of the original', () => {
  const read = (policy: string): unknown => parseAdmissionFile('f', `apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- {name: ImagePolicyWebhook, configuration: {imagePolicy: {kubeConfigFile: /k${policy}}}}\n`, () => '').imagePolicy;
  expect(read(', allowTTL: 50, denyTTL: -1')).toEqual({ kubeConfigFile: '/k', allowTtlMs: 50_000, denyTtlMs: 0, retryBackoffMs: 500, defaultAllow: false });
  expect(() => read(', allowTTL: 5000')).toThrow('f: plugins[0].configuration.imagePolicy.allowTTL: Invalid value: 5000: valid value is between 1000 ms and 1800000 ms');
});
