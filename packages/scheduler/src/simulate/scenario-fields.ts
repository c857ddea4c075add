import { UsageError } from '@coxswain/service';
import type { Scenario } from './scenario.ts';

type FieldKind = 'text' | 'count' | 'object' | 'list';
type Fields = Readonly<Record<string, { readonly kind: FieldKind; readonly required?: true }>>;

/** What stands in each of a scenario's lists: names, or objects of these fields. */
const lists: Readonly<Record<keyof Scenario, 'names' | Fields>> = {
  addNodes: { like: { kind: 'text', required: true }, count: { kind: 'count', required: true }, namePrefix: { kind: 'text' }, labels: { kind: 'object' }, allocatable: { kind: 'object' } },
  removeNodes: 'names',
  taint: { node: { kind: 'text', required: true }, taints: { kind: 'list', required: true } },
  cordon: 'names',
  uncordon: 'names',
  addPods: { template: { kind: 'object', required: true }, count: { kind: 'count', required: true }, namespace: { kind: 'text' }, namePrefix: { kind: 'text' } },
  removePods: 'names',
  reschedule: 'names',
};

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

const checks: Readonly<Record<FieldKind, { readonly expected: string; readonly holds: (value: unknown) => boolean }>> = {
  text: { expected: 'a name', holds: (value) => typeof value === 'string' && value !== '' },
  count: { expected: 'a whole number from 1 to 100000', holds: (value) => Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= 100_000 },
  object: { expected: 'an object', holds: isObject },
  list: { expected: 'a list', holds: Array.isArray },
};

function checkItem(at: string, item: unknown, fields: Fields): void {
  if (!isObject(item)) throw new UsageError(`scenario: ${at}: expected an object with ${Object.keys(fields).join(', ')}`);
  for (const name of Object.keys(item)) if (!Object.hasOwn(fields, name)) throw new UsageError(`scenario: ${at}: unknown field ${name}; there are ${Object.keys(fields).join(', ')}`);
  for (const [name, { kind, required }] of Object.entries(fields)) {
    const value: unknown = (item as Record<string, unknown>)[name];
    const { expected, holds } = checks[kind];
    if (value === undefined ? required === true : !holds(value)) throw new UsageError(`scenario: ${at}.${name}: expected ${expected}`);
  }
}

export function parseScenario(value: unknown): Scenario {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new UsageError('scenario: expected an object');
  for (const [name, list] of Object.entries(value)) {
    if (!Object.hasOwn(lists, name)) throw new UsageError(`scenario: unknown field ${name}; there are ${Object.keys(lists).join(', ')}`);
    if (!Array.isArray(list)) throw new UsageError(`scenario: ${name}: expected a list`);
    const fields = lists[name as keyof Scenario];
    list.forEach((item: unknown, i) => {
      const at = `${name}[${i}]`;
      if (fields !== 'names') checkItem(at, item, fields);
      else if (typeof item !== 'string' || item === '') throw new UsageError(`scenario: ${at}: expected a name`);
    });
  }
  return value as Scenario;
}
