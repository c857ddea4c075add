import { UsageError } from '@coxswain/service';
import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { AddressPool, partOf } from './addresses.ts';
import { pick, runsForEver } from './behaviour.ts';
import { chance } from './chance.ts';
import { classOf } from './node.ts';
import { behaviourOf, noRules } from './rules.ts';
import { readRules } from './rules-file.ts';

const pod = (metadata: Pod['metadata'] = {}): Pod => ({ metadata: { name: 'p', namespace: 'd', ...metadata }, spec: { containers: [] } });
const annotated = (fields: Readonly<Record<string, string>>): Pod => pod({ annotations: Object.fromEntries(Object.entries(fields).map(([name, text]) => [`hollow.coxswain.io/${name}`, text])) });
const ownedBy = (kind: string): Pod => pod({ ownerReferences: [{ apiVersion: 'x/v1', kind, name: 'o', uid: 'o', controller: true }] });

test('without rules pods run for ever, but for those of jobs', () => {
  expect(behaviourOf(noRules, pod(), undefined)).toEqual({ behaviour: runsForEver, problems: [] });
  expect(behaviourOf(noRules, ownedBy('ReplicaSet'), undefined).behaviour.runFor).toBeUndefined();
  expect(behaviourOf(noRules, ownedBy('Job'), undefined).behaviour).toMatchObject({ runFor: { fromMs: 1000, toMs: 1000 }, exitCode: 0 });
});

test('annotations say how one pod lives', () => {
  const { behaviour } = behaviourOf(noRules, annotated({ 'run-for': '5s-1m30s', 'exit-code': '3', 'fail-share': '0.25', 'ready-after': '200ms', 'start-after': '1s', 'init-for': '2s', 'stop-after': '1h' }), undefined);
  expect(behaviour).toEqual({
    runFor: { fromMs: 5000, toMs: 90_000 }, exitCode: 3, failShare: 0.25, readyAfter: { fromMs: 200, toMs: 200 }, startAfter: { fromMs: 1000, toMs: 1000 }, initFor: { fromMs: 2000, toMs: 2000 },
    stopAfter: { fromMs: 3_600_000, toMs: 3_600_000 },
  });
  expect(behaviourOf(noRules, annotated({ 'crash-every': '30s' }), undefined).behaviour).toMatchObject({ runFor: { fromMs: 30_000 }, exitCode: 1 });
  expect(behaviourOf(noRules, annotated({ 'crash-every': '30s', 'exit-code': '7' }), undefined).behaviour.exitCode).toBe(7);
});

test.each([
  ['run-for', 'soon', 'annotation hollow.coxswain.io/run-for: "soon" is not a duration such as 5s, or a range such as 5s-1m30s'],
  ['run-for', '5s-1s', 'annotation hollow.coxswain.io/run-for: "5s-1s" is not a duration such as 5s, or a range such as 5s-1m30s'],
  ['exit-code', '256', 'annotation hollow.coxswain.io/exit-code: "256" is not a whole number from 0 to 255'],
  ['fail-share', '2', 'annotation hollow.coxswain.io/fail-share: "2" is not a number from 0 to 1'],
])('a wrong %s is told and has no effect', (field, text, problem) => {
  expect(behaviourOf(noRules, annotated({ [field]: text }), undefined)).toEqual({ behaviour: runsForEver, problems: [problem] });
});

describe('a rules file', () => {
  const rules = readRules('f', { pods: [
    { namespaces: ['batch'], 'run-for': '10s' },
    { selector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] }, nodeSelector: { matchLabels: { disk: 'slow' } }, 'ready-after': '1s' },
    { owners: ['Job'], 'run-for': 'forever' },
  ] });
  const runs = (one: Pod, labels: Readonly<Record<string, string>> = {}) => behaviourOf(rules, one, { metadata: { labels } }).behaviour;

  test('the first rule that speaks of a pod counts', () => {
    expect(runs(pod({ namespace: 'batch', labels: { app: 'web' } }), { disk: 'slow' })).toMatchObject({ runFor: { fromMs: 10_000 }, readyAfter: undefined });
    expect(runs(pod({ labels: { app: 'web' } }), { disk: 'slow' }).readyAfter).toEqual({ fromMs: 1000, toMs: 1000 });
    expect(runs(pod({ labels: { app: 'web' } }), { disk: 'fast' }).readyAfter).toBeUndefined();
    expect(runs(ownedBy('Job')).runFor).toBeUndefined();
  });

  test('and the pod itself has the last word', () => {
    const one = annotated({ 'run-for': '1s' });
    expect(runs({ ...one, metadata: { ...one.metadata, namespace: 'batch' } }).runFor).toEqual({ fromMs: 1000, toMs: 1000 });
  });

  test.each<[unknown, string]>([
    [{ pod: [] }, 'f: unknown field "pod"; there are pods, nodes, silences'],
    [{ pods: {} }, 'f.pods: expected a list'],
    [{ pods: [{ 'run-for': 'x' }] }, 'f.pods[0].run-for: expected a duration such as 5s, or a range such as 5s-1m30s'],
    [{ pods: [{ selector: { app: 'web' } }] }, 'f.pods[0].selector: expected a label selector with matchLabels or matchExpressions'],
    [{ nodes: [{ weight: 0 }] }, 'f.nodes[0].weight: expected a whole number of at least 1'],
    [{ silences: [{ after: 'x' }] }, 'f.silences[0].after: expected a duration such as 1m30s'],
  ])('mistakes are named: %j', (value, message) => {
    expect(() => readRules('f', value)).toThrow(new UsageError(message));
  });

  test('sorts of nodes by weight, in turn', () => {
    const { nodes } = readRules('f', { nodes: [{ weight: 2, capacity: { cpu: 8 } }, { capacity: { cpu: 64 } }] });
    expect([0, 1, 2, 3, 4, 5].map((index) => classOf(nodes, index).capacity['cpu'])).toEqual(['8', '8', '64', '8', '8', '64']);
    expect(classOf([], 3).capacity).toEqual({});
  });
});

test('what is left open is decided by seed and text alone, and spread over the whole range', () => {
  const values = Array.from({ length: 10_000 }, (_, at) => chance(1, `pod-${at}/end`));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(mean).toBeGreaterThan(0.49);
  expect(mean).toBeLessThan(0.51);
  for (let tenth = 0; tenth < 10; tenth += 1) expect(values.filter((value) => Math.floor(value * 10) === tenth).length).toBeGreaterThan(850);
  expect(chance(1, 'a')).toBe(chance(1, 'a'));
  expect(chance(2, 'a')).not.toBe(chance(1, 'a'));
  expect(pick({ fromMs: 100, toMs: 200 }, 0.5)).toBe(150);
});

test('addresses of a network are each used by one pod, and again when they are given back', () => {
  const pool = new AddressPool('10.1.2.0/29');
  expect([1, 2, 3, 4, 5].map(() => pool.take())).toEqual(['10.1.2.2', '10.1.2.3', '10.1.2.4', '10.1.2.5', '10.1.2.6']);
  expect(pool.take()).toBeUndefined();
  pool.giveBack('10.1.2.4');
  expect(pool.take()).toBe('10.1.2.4');
  const other = new AddressPool('10.1.2.0/29');
  expect([other.keep('10.1.2.2'), other.keep('10.9.9.9')]).toEqual([true, false]);
  expect(other.take()).toBe('10.1.2.3');
});

test('each node has a network of its own', () => {
  expect([0, 1, 5000].map((index) => partOf('100.64.0.0/10', 5001, index))).toEqual(['100.64.0.0/24', '100.64.1.0/24', '100.83.136.0/24']);
  expect(partOf('100.64.0.0/10', 50_000, 1)).toBe('100.64.0.64/26');
});
