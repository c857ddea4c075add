import { describe, expect, test } from 'vitest';
import { recordedAnswers } from '../../test/recorded-answers.ts';
import { builtinResources } from '../description/resources.ts';
import type { JsonObject } from '../resource.ts';
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList } from './index.ts';

const recording = recordedAnswers();
const recorded = recording ?? [];

function bodyOf(name: string): JsonObject {
  const found = recorded.find((answer) => answer.name === name);
  if (found === undefined) throw new Error(`nothing recorded as ${name}`);
  return found.response.body;
}

/** Groups that the recording itself had added. */
function withoutExamples(list: unknown): unknown[] {
  return (list as { name?: string; metadata?: { name?: string } }[]).filter((group) => !(group.name ?? group.metadata?.name ?? '').endsWith('example.com'));
}

describe.skipIf(recording === undefined)('discovery as in recorded answers', () => {
  test('groups', () => {
    expect(apiGroupList(builtinResources)['groups']).toEqual(withoutExamples(bodyOf('path /apis')['groups']));
  });

  test('one group', () => {
    expect(apiGroup(builtinResources, 'apps')).toEqual(bodyOf('path /apis/apps'));
    expect(apiGroup(builtinResources, 'nope')).toBeUndefined();
  });

  test.each([['', 'v1', 'path /api/v1'], ['apps', 'v1', 'path /apis/apps/v1']])('resources of %s/%s', (group, version, name) => {
    expect(JSON.stringify(apiResourceList(builtinResources, group, version))).toBe(JSON.stringify(bodyOf(name)));
  });

  test('aggregated', () => {
    expect(aggregatedDiscovery(builtinResources, 'api', 'v2')).toEqual(bodyOf('aggregated discovery /api'));
    expect(aggregatedDiscovery(builtinResources, 'apis', 'v2')['items']).toEqual(withoutExamples(bodyOf('aggregated discovery /apis')['items']));
  });
});
