import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtinResources } from '../description/resources.ts';
import type { ApiResource, Json } from '../resource.ts';
import { StatusError } from '../status-error.ts';
import { decodeBody, type FieldValidation } from './index.ts';
import { scanYaml } from './yaml.ts';

interface Recorded {
  readonly name: string;
  readonly request: { readonly method: string; readonly path: string; readonly query?: string; readonly contentType?: string; readonly body?: Json; readonly raw?: string };
  readonly response: { readonly status: number; readonly body?: { readonly message?: string; readonly reason?: string }; readonly warning?: string };
}

const file = join(import.meta.dirname, '../../../../../shared/data/recorded-answers-1.32.jsonl');
const present = existsSync(file);
if (!present) console.log('skipped: ../shared/data/recorded-answers-1.32.jsonl is absent');
const recorded = present ? readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Recorded) : [];

function resourceOf(path: string): ApiResource | undefined {
  const match = /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))\/(?:namespaces\/[^/]+\/)?([^/]+)$/.exec(path);
  if (match === null) return undefined;
  return builtinResources.find((resource) => resource.group === (match[2] ?? '') && resource.version === (match[1] ?? match[3]) && resource.resource === match[4]);
}

function bodyOf(answer: Recorded): Uint8Array {
  const { body, raw } = answer.request;
  return new TextEncoder().encode(raw ?? (typeof body === 'string' ? body : JSON.stringify(body)));
}

function decode(answer: Recorded, resource: ApiResource): readonly string[] {
  const mode = (new URLSearchParams(answer.request.query).get('fieldValidation') ?? 'Warn') as FieldValidation;
  const body = bodyOf(answer);
  return decodeBody(resource, body, mode, answer.request.contentType?.includes('yaml') ? () => scanYaml(body) : undefined).warnings;
}

const posts = recorded.flatMap((answer) => {
  const resource = resourceOf(answer.request.path);
  return answer.request.method === 'POST' && resource !== undefined && (answer.request.body !== undefined || answer.request.raw !== undefined) ? [{ answer, resource }] : [];
});
const refused = posts.filter(({ answer }) => /cannot be handled as|is unrecognized/.test(answer.response.body?.message ?? ''));
const taken = posts.filter(({ answer }) => answer.response.status === 201);

describe.skipIf(!present)('decoding as in recorded answers', () => {
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
