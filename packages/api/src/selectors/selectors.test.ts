import { describe, expect, test } from 'vitest';
import { findResource } from '../description/resources.ts';
import type { ApiResource } from '../resource.ts';
import { labelMatcher, labelSelectorMatches, parseFieldSelector, parseLabelSelector } from './index.ts';

describe('label selectors as text', () => {
  const labels = { app: 'web', tier: 'front', 'example.com/size': '12', empty: '' };
  /** Rules of the documentation "Labels and Selectors". */
  test.each([
    ['', true], ['app=web', true], ['app==web', true], ['app!=web', false], ['nope!=x', true], ['app in (web, db)', true], ['app notin (web)', false],
    ['nope notin (web)', true], ['app', true], ['!app', false], ['!nope', true], ['app=web,tier=back', false], ['app,tier,!x', true],
    ['example.com/size>10', true], ['example.com/size<10', false], ['empty=', true], ['empty', true], ['app=', false], ['in=web', false], [' app = web ', true],
  ])('%j: %s', (text, expected) => {
    expect(parseLabelSelector(text).matches(labels)).toBe(expected);
  });

  /** The first is a recorded answer, the others are the parser's words in k8s.io/apimachinery/pkg/labels. */
  test.each([
    ['a===b', "unable to parse requirement: found '=', expected: identifier"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a=b,', "found '', expected: identifier after ','"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['=b', "found '=', expected: !, identifier, or 'end of string'"],
    ['a>x', `unable to parse requirement: values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer`],
  ])('%s is refused', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message);
  });
});

describe('label selector objects', () => {
  test('absent selects nothing, empty everything', () => {
    expect(labelMatcher(undefined).matches({})).toBe(false);
    expect(labelMatcher({}).matches({ a: 'b' })).toBe(true);
  });

  test('both parts must hold', () => {
    const selector = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['front', 'back'] }, { key: 'old', operator: 'DoesNotExist' }] };
    expect(labelSelectorMatches(selector, { app: 'web', tier: 'back' })).toBe(true);
    expect(labelSelectorMatches(selector, { app: 'web', tier: 'back', old: '' })).toBe(false);
    expect(labelSelectorMatches(selector, { app: 'web' })).toBe(false);
  });
});

describe('field selectors', () => {
  const pods = findResource('', 'v1', 'pods') as ApiResource;
  const pod = { metadata: { name: 'a', namespace: 'n' }, spec: { nodeName: 'node-1' }, status: { phase: 'Running' } };

  test.each([
    ['metadata.name=a', true], ['metadata.name==a,spec.nodeName=node-1', true], ['spec.nodeName!=node-1', false], ['status.podIP=', true],
    ['spec.hostNetwork=false', true], ['status.phase!=Failed,status.phase!=Succeeded', true], ['', true],
  ])('%j: %s', (text, expected) => {
    expect(parseFieldSelector(text, pods).matches(pod)).toBe(expected);
  });

  test('a single name is known', () => {
    expect(parseFieldSelector('metadata.name=a', pods).name).toBe('a');
    expect(parseFieldSelector('metadata.name!=a', pods).name).toBeUndefined();
  });

  /** Recorded answers. */
  test.each([
    ['', 'v1', 'pods', 'field label not supported: spec.nope'],
    ['', 'v1', 'configmaps', '"spec.nope" is not a known field selector: only "metadata.name", "metadata.namespace"'],
    ['batch', 'v1', 'jobs', 'field label "spec.nope" not supported for Job'],
  ])('%s/%s %s refuses an unknown field', (group, version, resource, message) => {
    expect(() => parseFieldSelector('spec.nope=x', findResource(group, version, resource) as ApiResource)).toThrow(message);
  });

  test('text that is no selector', () => {
    expect(() => parseFieldSelector('abc', pods)).toThrow("invalid selector: 'abc'; can't understand 'abc'");
  });
});
