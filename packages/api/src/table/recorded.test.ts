import { describe, expect, test } from 'vitest';
import { recordedAnswers, resourceOfCollection } from '../../test/recorded-answers.ts';
import type { JsonObject } from '../resource.ts';
import { humanDuration, toTable } from './index.ts';

const recording = recordedAnswers();
const recorded = recording ?? [];

/** The object as it was got (or created) just before it was got as a table. */
const pairs = recorded.flatMap((answer, index) => {
  const resource = resourceOfCollection(answer.request.path.replace(/\/[^/]+$/, ''));
  if (answer.response.body?.['kind'] !== 'Table' || resource === undefined) return [];
  const before = recorded.slice(0, index).findLast((other) => other.response.body?.['kind'] === resource.kind && `${answer.name.split('/')[0]}` === other.name.split('/')[0]
    && ['create', 'get'].includes(other.name.split('/')[1] ?? ''));
  return before === undefined ? [] : [{ name: answer.name, resource, object: before.response.body as JsonObject, table: answer.response.body }];
});

/** Times and uids are recorded as marks, ages as they were then. */
function withTimes(object: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(object).replaceAll('<time>', '2026-01-02T03:04:05Z').replaceAll('<uid>', '0f0e0d0c')) as JsonObject;
}

describe.skipIf(recording === undefined)('tables as in recorded answers', () => {
  test('there is something to compare', () => {
    expect(pairs.length).toBeGreaterThan(30);
  });

  test.each(pairs.map((pair) => [pair.name, pair] as const))('%s', (_name, { resource, object, table }) => {
    const ours = toTable(resource, [withTimes(object)], { nowMs: Date.parse('2026-01-02T03:04:05Z') });
    expect(ours['columnDefinitions']).toEqual(table['columnDefinitions']);
    const cells = (from: JsonObject): unknown[] => (from['rows'] as { cells: unknown[] }[]).flatMap((row) => row.cells.map((cell) => (cell === '1s' || cell === '323d' ? '0s' : cell)));
    expect(cells(ours)).toEqual(cells(withTimes(table)));
  });
});

describe('humanDuration', () => {
  /** Cases of k8s.io/apimachinery/pkg/util/duration's documentation of its steps. */
  test.each([
    [-2000, '<invalid>'], [-1000, '0s'], [0, '0s'], [119_000, '119s'], [120_000, '2m'], [185_000, '3m5s'], [600_000, '10m'], [3 * 3_600_000, '3h'], [3 * 3_600_000 + 60_000, '3h1m'],
    [8 * 3_600_000, '8h'], [47 * 3_600_000, '47h'], [49 * 3_600_000, '2d1h'], [8 * 86_400_000, '8d'], [729 * 86_400_000, '729d'], [731 * 86_400_000, '2y1d'], [3000 * 86_400_000, '8y'],
  ])('%d ms is %s', (ms, expected) => {
    expect(humanDuration(ms)).toBe(expected);
  });
});
