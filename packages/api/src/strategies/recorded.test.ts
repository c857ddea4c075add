import { describe, expect, it } from 'vitest';
import { decodeBody } from '../decode/index.ts';
import { applyDefaults } from '../defaults/index.ts';
import { builtinResources } from '../description/resources.ts';
import type { ApiResource, JsonObject } from '../resource.ts';
import { invalid, StatusError } from '../status-error.ts';
import type { StrategyContext } from '../strategy.ts';
import { validateMetadata } from '../validation/index.ts';
import { recordedAnswers, type RecordedAnswer } from '../../test/recorded-answers.ts';
import { strategyFor } from './index.ts';

const context: StrategyContext = { now: '<time>', subresource: '', userName: 'admin', userGroups: [], randomSuffix: (length) => 'x'.repeat(length) };

function resourceOf(path: string): ApiResource {
  const [, group = '', version, , resource] = /^\/(?:api|apis\/([^/]+))\/(v[^/]+)\/(namespaces\/[^/]+\/)?([a-z]+)$/.exec(path) ?? [];
  const found = builtinResources.find((one) => one.group === group && one.version === version && one.resource === resource);
  if (found === undefined) throw new Error(`no resource for ${path}`);
  return found;
}

/** What a create does to an object until it is stored, without admission and allocation. */
function create(answer: RecordedAnswer): JsonObject {
  const resource = resourceOf(answer.request.path);
  const { object } = decodeBody(resource, new TextEncoder().encode(JSON.stringify(answer.request.body)), 'Ignore');
  applyDefaults(resource.typeName, object);
  const metadata = object['metadata'] as JsonObject;
  metadata['uid'] = '<uid>';
  if (resource.namespaced) metadata['namespace'] = 'rec';
  const strategy = strategyFor(resource.group, resource.resource);
  strategy.prepareForCreate?.(object, context);
  const errors = [...validateMetadata(metadata, { namespaced: resource.namespaced, nameRule: strategy.nameRule }), ...(strategy.validate?.(object, context) ?? [])];
  if (errors.length > 0) throw invalid(resource, (metadata['name'] as string | undefined) ?? '', errors);
  return object;
}

function outcome(answer: RecordedAnswer): JsonObject | undefined {
  try {
    create(answer);
    return undefined;
  } catch (error) {
    if (error instanceof StatusError) return JSON.parse(JSON.stringify(error.status)) as JsonObject;
    throw error;
  }
}

/** Pointers print as addresses, and quantities as what a cache holds. */
function comparable(status: JsonObject | undefined): string | undefined {
  return status === undefined ? undefined : JSON.stringify(status).replaceAll(/\(0x[0-9a-f]+\)/g, '(0x0)');
}

/** Other stages refuse these: admission, allocation, and languages of their own. */
const elsewhere = /unknown priority class|unknown service account|out of range$|bad CEL|customresourcedefinitions/;

const all = recordedAnswers() ?? [];
const invalids = all.filter(({ name, request }) => name.includes('invalid:') && request.method === 'POST' && !elsewhere.test(name));
const names = all.filter(({ name, request }) => /v[12]\/create (without name|with a bad name|with bad labels)$/.test(name) && request.method === 'POST' && !elsewhere.test(name));

describe.skipIf(all.length === 0)('recorded refusals', () => {
  it.each([...invalids, ...names].map((answer) => [answer.name, answer] as const))('%s', (_name, answer) => {
    const expected = answer.response.status < 300 ? undefined : answer.response.body;
    expect(comparable(outcome(answer))).toBe(comparable(expected));
  });
});
