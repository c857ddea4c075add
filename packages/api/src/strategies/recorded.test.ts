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

const uid = '8d1c1a4e-3a50-4b0e-9d35-2f1f7a9c0d11';
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
  metadata['uid'] = uid;
  if (resource.namespaced) metadata['namespace'] = 'rec';
  const strategy = strategyFor(resource.group, resource.resource);
  // Admission names the account before a pod is looked at.
  if (resource.resource === 'pods') (object['spec'] as JsonObject)['serviceAccountName'] ??= 'default';
  strategy.prepareForCreate?.(object, context);
  const errors = [...validateMetadata(metadata, { namespaced: resource.namespaced, nameRule: strategy.nameRule, requiredName: strategy.requiredName?.(object) }), ...(strategy.validate?.(object, context) ?? [])];
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

/** Pointers print as addresses; where Go walks a map, its order is random. */
function comparable(status: JsonObject | undefined, ordered: boolean): string | undefined {
  if (status === undefined) return undefined;
  const copy = structuredClone(status);
  const causes = (copy['details'] as JsonObject | undefined)?.['causes'];
  if (!ordered && Array.isArray(causes)) {
    causes.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    copy['message'] = String(copy['message'] as string).slice(0, String(copy['message'] as string).indexOf(' is invalid: '));
  }
  return JSON.stringify(copy).replaceAll(/\(0x[0-9a-f]+\)/g, '(0x0)').replaceAll(uid, '<uid>');
}

/** Other stages refuse these: admission, allocation, and languages of their own. */
const elsewhere = /unknown priority class|unknown service account|out of range$|bad CEL/;
/**
 * The labels that a job takes from its template are there when it is read; upstream does not yet check them when it is written.
 * Events of the newer group are converted to the older before they are checked.
 */
const different = /^jobs.batch.v1.create with a bad name|^events\.events/

const all = recordedAnswers() ?? [];
const invalids = all.filter(({ name, request }) => name.includes('invalid:') && request.method === 'POST' && !elsewhere.test(name) && !different.test(name));
const names = all.filter(({ name, request }) => /v[12]\/create (without name|with a bad name|with bad labels)$/.test(name) && request.method === 'POST' && !elsewhere.test(name) && !different.test(name));

/** Admission, allocation, the user and conversion between versions add to these. */
const addedTo = /^(pods|services|certificatesigningrequests|priorityclasses|persistentvolumeclaims|endpoints|endpointslices|nodes|storageclasses|horizontalpodautoscalers\.autoscaling\.v1|events\.events)\b/;
const creates = all.filter(({ name, response }) => /v[12]\/create$/.test(name) && response.status === 201 && !addedTo.test(name));

describe.skipIf(all.length === 0)('recorded new objects', () => {
  it.each(creates.map((answer) => [answer.name, answer] as const))('%s', (_name, answer) => {
    const { metadata, ...rest } = create(answer);
    const { metadata: expected, ...expectedRest } = answer.response.body;
    expect(JSON.parse(JSON.stringify(rest).replaceAll(uid, '<uid>'))).toEqual(expectedRest);
    expect((metadata as JsonObject)['generation']).toEqual((expected as JsonObject)['generation']);
  });
});

describe.skipIf(all.length === 0)('recorded refusals', () => {
  it.each([...invalids, ...names].map((answer) => [answer.name, answer] as const))('%s', (_name, answer) => {
    const expected = answer.response.status < 300 ? undefined : answer.response.body;
    const ordered = !answer.name.endsWith('bad labels');
    expect(comparable(outcome(answer), ordered)).toBe(comparable(expected, ordered));
  });
});
