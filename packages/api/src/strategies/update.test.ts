import { describe, expect, it } from 'vitest';
import { applyDefaults } from '../defaults/index.ts';
import { normalizeObject } from '../decode/index.ts';
import { findKind } from '../description/resources.ts';
import { apiDescription } from '../description/builtin.ts';
import { applyMergePatch, applyStrategicMergePatch } from '../patch/index.ts';
import { recordedAnswers, unmarked, type RecordedAnswer } from '../../test/recorded-answers.ts';
import type { ApiResource, JsonObject } from '../resource.ts';
import { invalid, StatusError } from '../status-error.ts';
import type { StrategyContext } from '../strategy.ts';
import { validateMetadataUpdate } from '../validation/index.ts';
import { strategyFor } from './index.ts';

function contextOf(subresource: string): StrategyContext {
  return { now: '2026-01-01T00:00:00Z', subresource, userName: 'admin', userGroups: [], randomSuffix: (length) => 'x'.repeat(length) };
}

function update(resource: ApiResource, wanted: JsonObject, old: JsonObject, subresource = ''): JsonObject {
  const object = normalizeObject(resource.typeName, wanted);
  applyDefaults(resource.typeName, object);
  const strategy = strategyFor(resource.group, resource.resource);
  const context = contextOf(subresource);
  (object['metadata'] as JsonObject)['generation'] = (old['metadata'] as JsonObject)['generation'] ?? 0;
  strategy.prepareForUpdate?.(object, old, context);
  const rules = { namespaced: resource.namespaced, nameRule: strategy.nameRule };
  const errors = [...validateMetadataUpdate(object['metadata'] as JsonObject, old['metadata'] as JsonObject, rules, strategy.metadataPasses?.(subresource)), ...(strategy.validateUpdate?.(object, old, context) ?? [])];
  if (errors.length > 0) throw invalid(resource, (old['metadata'] as JsonObject)['name'] as string, errors);
  return object;
}

const all = unmarked(recordedAnswers() ?? []);

interface Step { readonly answer: RecordedAnswer; readonly before: JsonObject; readonly resource: ApiResource }

/** Recorded patches of main and status resources with the state that they met. */
function steps(): Step[] {
  const states = new Map<string, JsonObject>();
  const found: Step[] = [];
  for (const answer of all) {
    const { method, path } = answer.request;
    const body = answer.response.body;
    const metadata = body?.['metadata'] as JsonObject | undefined;
    const key = method === 'POST' ? `${path}/${String(metadata?.['name'] as string)}` : path.replace(/\/(status|ephemeralcontainers)$/, '');
    const before = states.get(key);
    const apiVersion = String(before?.['apiVersion'] as string).split('/');
    const resource = before === undefined ? undefined : findKind(apiVersion.length === 2 ? apiVersion[0] as string : '', apiVersion.at(-1) as string, before['kind'] as string);
    if (method === 'PATCH' && before !== undefined && resource !== undefined) found.push({ answer, before, resource });
    const whole = answer.response.status < 300 && metadata?.['uid'] !== undefined && !/Partial|Table|Scale/.test(body['kind'] as string) && !/dryRun/.test(answer.request.query ?? '');
    if (whole) states.set(key, body);
  }
  return found;
}

function patched({ answer, before, resource }: Step): JsonObject {
  const patch = answer.request.body as JsonObject;
  const object = answer.request.contentType === 'application/merge-patch+json'
    ? applyMergePatch(before, patch) as JsonObject : applyStrategicMergePatch(apiDescription, resource.typeName, before, patch);
  return update(resource, object, before, /\/(status|ephemeralcontainers)$/.exec(answer.request.path)?.[1] ?? '');
}

function content(object: JsonObject): JsonObject {
  const { metadata, ...rest } = object;
  const { managedFields: _fields, generation, ...others } = metadata as JsonObject;
  return { ...rest, metadata: { ...others, ...(generation === undefined || generation === 0 ? {} : { generation }) } };
}

/** Before these something was written that the recording shows no object of: a scale, a binding; and core events keep other names. */
const unseen = /^(scale|status\/patch|pod\/change|events\.events)/;
const usable = steps().filter(({ answer }) => /^application\/(strategic-)?merge-patch/.test(answer.request.contentType ?? '') && !unseen.test(answer.name));

describe.skipIf(all.length === 0)('recorded patches', () => {
  it.each(usable.map((step) => [step.answer.name, step] as const))('%s', (_name, step) => {
    let result: JsonObject;
    try {
      result = content(patched(step));
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      result = JSON.parse(JSON.stringify(error.status)) as JsonObject;
    }
    const expected = step.answer.response.body;
    expect(result).toEqual(step.answer.response.status < 300 ? content(expected) : expected);
  });
});

describe('the strategy of pods', () => {
  const pods = strategyFor('', 'pods');

  it('deletes at once what no kubelet holds', () => {
    const spec = { nodeName: 'n', terminationGracePeriodSeconds: 30 };
    expect(pods.gracePeriodSeconds?.({ spec: { ...spec, nodeName: '' } }, 5)).toBe(0);
    expect(pods.gracePeriodSeconds?.({ spec, status: { phase: 'Succeeded' } }, undefined)).toBe(0);
    expect(pods.gracePeriodSeconds?.({ spec, status: { phase: 'Running' } }, undefined)).toBe(30);
    expect(pods.gracePeriodSeconds?.({ spec, status: { phase: 'Running' } }, 7)).toBe(7);
  });

  it.skipIf(all.length === 0)('refuses changes of what is fixed, and says what is not', () => {
    const answer = all.find((one) => one.name === 'pod/change an immutable field');
    const before = all.findLast((one) => one.name === 'pod/change the image')?.response.body as JsonObject;
    const wanted = structuredClone(before);
    (wanted['spec'] as JsonObject)['hostNetwork'] = true;
    const [error] = pods.validateUpdate?.(wanted, before, contextOf('')) ?? [];
    const recorded = ((answer as RecordedAnswer).response.body['details'] as { causes: JsonObject[] }).causes[0];
    expect(error?.field).toBe(recorded?.['field']);
    expect(String(recorded?.['message'] as string).startsWith(error?.message ?? '-')).toBe(true);
  });

  it.skipIf(all.length === 0)('warns as recorded', () => {
    const answer = all.find((one) => one.name.endsWith('volumes of each kind'));
    expect(pods.warnings?.(answer?.request.body as JsonObject, undefined).map((text) => `299 - ${JSON.stringify(text)}`)).toEqual([answer?.response.warning]);
  });
});

describe('the strategy of services', () => {
  const services = strategyFor('', 'services');
  const old: JsonObject = { metadata: { name: 's' }, spec: { type: 'NodePort', clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports: [{ port: 80, protocol: 'TCP', nodePort: 30123 }] } };

  it('keeps what was allocated when a writer leaves it out', () => {
    const wanted: JsonObject = { metadata: { name: 's' }, spec: { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP' }, { port: 81, protocol: 'TCP' }] } };
    services.prepareForUpdate?.(wanted, old, contextOf(''));
    expect(wanted['spec']).toMatchObject({ clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports: [{ port: 80, nodePort: 30123 }, { port: 81 }] });
  });

  it('drops node ports when only the type changes', () => {
    const wanted = structuredClone(old);
    (wanted['spec'] as JsonObject)['type'] = 'ClusterIP';
    services.prepareForUpdate?.(wanted, old, contextOf(''));
    expect(wanted['spec']).toMatchObject({ clusterIP: '10.96.0.9', ports: [{ port: 80, protocol: 'TCP' }] });
    expect(JSON.stringify(wanted)).not.toContain('30123');
  });
});

describe('a volume knows since when it is in its phase', () => {
  const volumes = findKind('', 'v1', 'PersistentVolume') as ApiResource;
  const volume = (status: JsonObject): JsonObject => ({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'v', uid: 'u', resourceVersion: '1' }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } }, status });
  const [then, other, now] = ['2025-01-01T00:00:00Z', '2020-01-01T00:00:00Z', '2026-01-01T00:00:00Z'];
  it.each([
    ['moves', { phase: 'Bound', lastPhaseTransitionTime: then }, now], ['moves without a time', { phase: 'Bound' }, now], ['moves at a time that is said', { phase: 'Bound', lastPhaseTransitionTime: other }, other],
    ['stays without a time', { phase: 'Available' }, then], ['stays since a time that is said', { phase: 'Available', lastPhaseTransitionTime: other }, other],
  ])('%s', (_what, status, expected) => {
    expect(update(volumes, volume(status), volume({ phase: 'Available', lastPhaseTransitionTime: then }), 'status')['status']).toEqual({ phase: status.phase, lastPhaseTransitionTime: expected });
  });
});
