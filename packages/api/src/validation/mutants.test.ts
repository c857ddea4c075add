import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { normalizeObject } from '../decode/index.ts';
import { applyDefaults } from '../defaults/index.ts';
import { findKind } from '../description/resources.ts';
import { causeOfFieldError } from '../field-error.ts';
import type { Json, JsonObject } from '../resource.ts';
import type { StrategyContext } from '../strategy.ts';
import { strategyFor } from '../strategies/index.ts';
import { validateMetadata } from './index.ts';

/** A path and the value that is put there; without a value the field is taken out. */
type Change = readonly [path: readonly (string | number)[], value?: Json];
type Mutant = readonly [base: string, changes: readonly Change[], causes: readonly (readonly [field: string, text: number])[]];

/** Valid objects of each kind, changes that spoil them, and what Kubernetes 1.32 answered. */
const recorded = JSON.parse(readFileSync(new URL('../../test/mutants.json', import.meta.url), 'utf8')) as {
  readonly texts: readonly string[]; readonly bases: Readonly<Record<string, JsonObject>>; readonly mutants: readonly Mutant[];
};

const context: StrategyContext = { now: '2026-01-01T00:00:00Z', subresource: '', userName: 'u', userGroups: [], randomSuffix: (length) => 'x'.repeat(length) };

function change(object: JsonObject, [path, value]: Change): void {
  let at = object as Record<string | number, Json>;
  for (const key of path.slice(0, -1)) at = (at[key] ??= {}) as Record<string | number, Json>;
  const last = path.at(-1) as string | number;
  if (value !== undefined) at[last] = structuredClone(value);
  else if (Array.isArray(at)) at.splice(Number(last), 1);
  else delete at[last];
}

function causesOf(base: JsonObject, changes: readonly Change[]): string[] {
  const object = structuredClone(base);
  for (const one of changes) change(object, one);
  const apiVersion = String(object['apiVersion'] as string);
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') as [string, string] : ['', apiVersion];
  const resource = findKind(group, version, object['kind'] as string);
  if (resource === undefined) throw new Error(`no kind ${String(object['kind'] as string)}`);
  const normal = normalizeObject(resource.typeName, object);
  applyDefaults(resource.typeName, normal);
  const metadata = (normal['metadata'] ??= {}) as JsonObject;
  Object.assign(metadata, { uid: 'uid' }, resource.namespaced ? { namespace: metadata['namespace'] ?? 'validation' } : {});
  const strategy = strategyFor(resource.group, resource.resource);
  strategy.prepareForCreate?.(normal, context);
  const errors = [...validateMetadata(metadata, { namespaced: resource.namespaced, nameRule: strategy.nameRule, requiredName: strategy.requiredName?.(normal) }), ...(strategy.validate?.(normal, context) ?? [])];
  return errors.map((error) => `${error.field} ${causeOfFieldError[error.type]}|${error.message}`).toSorted();
}

describe('objects that Kubernetes refused', () => {
  const kinds = Map.groupBy(recorded.mutants, ([base]) => base);
  it.each([...kinds])('%s', (base, mutants) => {
    const start = recorded.bases[base] as JsonObject;
    const wrong = mutants.flatMap(([, changes, causes]) => {
      const wanted = causes.map(([field, text]) => `${field} ${recorded.texts[text] as string}`).toSorted();
      const found = causesOf(start, changes);
      return JSON.stringify(found) === JSON.stringify(wanted) ? [] : [{ changes, wanted, found }];
    });
    expect(wrong).toEqual([]);
  });

  it('is a table of all kinds that have rules', () => expect(kinds.size).toBeGreaterThan(50));
});
