import { describe, expect, it } from 'vitest';
import { apiDescription } from '../description/builtin.ts';
import { typeOfKind } from '../description/resources.ts';
import { applyMergePatch } from '../patch/index.ts';
import { recordedAnswers, type RecordedAnswer } from '../../test/recorded-answers.ts';
import type { JsonObject } from '../resource.ts';
import { StatusError } from '../status-error.ts';
import { applyServerSide, updateManagedFields } from './index.ts';

interface Step {
  readonly answer: RecordedAnswer;
  readonly before: JsonObject | undefined;
}

/** Each recorded write with the state that the object had. */
function steps(): Step[] {
  const states = new Map<string, JsonObject>();
  const found: Step[] = [];
  for (const answer of recordedAnswers() ?? []) {
    const { method } = answer.request;
    const body = answer.response.body;
    const path = method === 'POST' ? `${answer.request.path}/${String((body?.['metadata'] as JsonObject | undefined)?.['name'] as string)}` : answer.request.path;
    if (method !== 'GET') found.push({ answer, before: states.get(path) });
    if (answer.response.status < 300 && body !== undefined && !/dryRun|as=Table/.test(answer.request.query ?? '') && !['Table', 'PartialObjectMetadata'].includes(body['kind'] as string)) states.set(path, body);
  }
  return found;
}

function typeOf(object: JsonObject): string {
  const [group, version] = String(object['apiVersion'] as string).includes('/') ? String(object['apiVersion'] as string).split('/') : ['', object['apiVersion'] as string];
  return typeOfKind(group as string, version as string, object['kind'] as string) ?? '';
}

function writing(object: JsonObject, step: Step): Parameters<typeof updateManagedFields>[0] & { applied: JsonObject; force: boolean } {
  const query = new URLSearchParams(step.answer.request.query ?? '');
  return {
    description: apiDescription, typeName: typeOf(object), apiVersion: object['apiVersion'] as string, manager: query.get('fieldManager') ?? '',
    subresource: '', now: '<time>', live: step.before, object, applied: step.answer.request.body as JsonObject, force: query.get('force') === 'true',
  };
}

const all = steps();
const ofKind = (pattern: RegExp): [string, Step][] => all.filter(({ answer, before }) => pattern.test(answer.name) && before !== undefined).map((step) => [step.answer.name, step]);

describe.skipIf(all.length === 0)('recorded managed fields', () => {
  it.each(ofKind(/v[12]\/(merge patch|strategic patch)$/))('%s', (_name, step) => {
    const expected = step.answer.response.body;
    const object = structuredClone(expected);
    (object['metadata'] as JsonObject)['managedFields'] = ((step.before ?? {})['metadata'] as JsonObject)['managedFields'] ?? null;
    updateManagedFields(writing(object, step));
    expect(JSON.stringify((object['metadata'] as JsonObject)['managedFields'])).toBe(JSON.stringify((expected['metadata'] as JsonObject)['managedFields']));
  });

  it.each(ofKind(/v[12]\/(apply|apply, forced)$/))('%s', (_name, step) => {
    const expected = step.answer.response.body;
    const result = applyServerSide(writing(expected, step));
    const metadata = result['metadata'] as JsonObject;
    expect(JSON.stringify(metadata['managedFields'])).toBe(JSON.stringify((expected['metadata'] as JsonObject)['managedFields']));
    expect(result['spec']).toEqual(expected['spec']);
    expect(metadata['labels']).toEqual((expected['metadata'] as JsonObject)['labels']);
  });

  it.each(ofKind(/v[12]\/apply, conflict$/))('%s', (_name, step) => {
    let refusal: unknown;
    try {
      applyServerSide(writing(step.before as JsonObject, step));
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(StatusError);
    expect((refusal as StatusError).status).toEqual(step.answer.response.body);
  });
});

const creates = all.filter(({ answer }) => /v[12]\/create$/.test(answer.name) && answer.response.status === 201);
/** Admission and strategies add to these after the fields are recorded. */
const changedLater = /^(services|jobs|certificatesigningrequests|namespaces|pods|persistentvolumes|persistentvolumeclaims|priorityclasses|nodes)/;

describe.skipIf(all.length === 0)('recorded managed fields of created objects', () => {
  it.each(creates.filter(({ answer }) => !changedLater.test(answer.name)).map((step) => [step.answer.name, step] as const))('%s', (_name, step) => {
    const expected = step.answer.response.body;
    const object = structuredClone(expected);
    delete (object['metadata'] as JsonObject)['managedFields'];
    updateManagedFields({ ...writing(object, step), live: undefined });
    expect(JSON.stringify((object['metadata'] as JsonObject)['managedFields'])).toBe(JSON.stringify((expected['metadata'] as JsonObject)['managedFields']));
  });
});

describe('a patch that only repeats', () => {
  it('keeps the time of its entry', () => {
    const live: JsonObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', uid: 'u' }, data: { a: '1' } };
    const common = { description: apiDescription, typeName: 'io.k8s.api.core.v1.ConfigMap', apiVersion: 'v1', manager: 'me', subresource: '' };
    updateManagedFields({ ...common, now: '2026-01-01T00:00:00Z', live: undefined, object: live });
    const next = applyMergePatch(live, { data: { a: '1' } }) as JsonObject;
    updateManagedFields({ ...common, now: '2026-01-01T00:00:09Z', live, object: next });
    expect(next).toEqual(live);
  });
});
