import { describe, expect, test } from 'vitest';
import { recordedAnswers, resourceOfCollection, type RecordedAnswer } from '../../test/recorded-answers.ts';
import type { ApiResource } from '../resource.ts';
import { StatusError } from '../status-error.ts';
import { decodeBody, type FieldValidation } from './index.ts';
import { scanYaml } from './yaml.ts';

const recording = recordedAnswers();
const recorded = recording ?? [];

function bodyOf(answer: RecordedAnswer): Uint8Array {
  const { body, raw } = answer.request;
  return new TextEncoder().encode(raw ?? (typeof body === 'string' ? body : JSON.stringify(body)));
}

function decode(answer: RecordedAnswer, resource: ApiResource): readonly string[] {
  const mode = (new URLSearchParams(answer.request.query).get('fieldValidation') ?? 'Warn') as FieldValidation;
  const body = bodyOf(answer);
  return decodeBody(resource, body, mode, answer.request.contentType?.includes('yaml') ? () => scanYaml(body) : undefined).warnings;
}

const posts = recorded.flatMap((answer) => {
  const resource = resourceOfCollection(answer.request.path);
  return answer.request.method === 'POST' && resource !== undefined && (answer.request.body !== undefined || answer.request.raw !== undefined) ? [{ answer, resource }] : [];
});
const refused = posts.filter(({ answer }) => /cannot be handled as|is unrecognized/.test(JSON.stringify(answer.response.body?.['message'] ?? '')));
const taken = posts.filter(({ answer }) => answer.response.status === 201);

describe.skipIf(recording === undefined)('decoding as in recorded answers', () => {
  test('there is something to compare', () => {
    expect(refused.length).toBeGreaterThan(80);
    expect(taken.length).toBeGreaterThan(100);
  });

  test.each(refused.map((one) => [one.answer.name, one] as const))('%s is refused with the same words', (_name, { answer, resource }) => {
    let thrown: unknown;
    try {
      decode(answer, resource);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(StatusError);
    expect((thrown as StatusError).code).toBe(answer.response.status);
    expect((thrown as StatusError).reason).toBe(answer.response.body?.reason);
    expect((thrown as StatusError).message).toBe(answer.response.body?.message);
  });

  test.each(taken.map((one) => [one.answer.name, one] as const))('%s is taken, with the same field warnings', (_name, { answer, resource }) => {
    const expected = /^299 - "((?:unknown|duplicate) field .*)"$/.exec(answer.response.warning ?? '')?.[1]?.replaceAll('\\"', '"');
    expect(decode(answer, resource)).toEqual(expected === undefined ? [] : [expected]);
  });
});
