import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../resource.ts';
import { parseCidr, parseIp, rangeContains, validateMetadata, validateMetadataUpdate } from './index.ts';
import { scheduleProblem } from './cron.ts';
import { dns1123Label, labelValueProblems, portNameProblems, qualifiedNameProblems } from './formats.ts';

const live: JsonObject = { name: 'x', namespace: 'n', uid: 'u', resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z', generation: 3 };
const rules = { namespaced: true };

function fields(errors: readonly { readonly field: string; readonly message: string }[]): string[] {
  return errors.map((error) => `${error.field}: ${error.message}`);
}

/** Texts as Kubernetes 1.32 documents and shows them. */
describe('metadata', () => {
  it('may end a prefix in a dash, and not a name', () => {
    expect(validateMetadata({ name: 'a-b', generateName: 'a-', namespace: 'n' }, rules)).toEqual([]);
    expect(validateMetadata({ name: 'a-', namespace: 'n' }, rules)).toHaveLength(1);
  });

  it('must be in a namespace, or must not', () => {
    expect(fields(validateMetadata({ name: 'x' }, rules))).toEqual(['metadata.namespace: Required value']);
    expect(fields(validateMetadata({ name: 'x', namespace: 'n' }, { namespaced: false }))).toEqual(['metadata.namespace: Forbidden: not allowed on this type']);
  });

  it('keeps what cannot change', () => {
    expect(validateMetadataUpdate(live, live, rules, [])).toEqual([]);
    expect(fields(validateMetadataUpdate({ ...live, uid: 'v' }, live, rules, []))).toEqual(['metadata.uid: Invalid value: "v": field is immutable']);
    expect(fields(validateMetadataUpdate({ ...live, generation: 2 }, live, rules, []))).toEqual(['metadata.generation: Invalid value: 2: must not be decremented']);
    expect(fields(validateMetadataUpdate({ ...live, resourceVersion: '' }, live, rules, []))).toEqual(['metadata.resourceVersion: Invalid value: "": must be specified for an update']);
  });

  it('takes no new finalizer once it is being deleted', () => {
    const dying = { ...live, deletionTimestamp: '2026-01-02T00:00:00Z', finalizers: ['a.io/x'] };
    expect(validateMetadataUpdate({ ...dying, finalizers: [] }, dying, rules, [])).toEqual([]);
    expect(fields(validateMetadataUpdate({ ...dying, finalizers: ['a.io/x', 'a.io/y'] }, dying, rules, []))).toEqual([
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.io/y"}']);
  });

  it('has at most 256 KiB of annotations and one controller', () => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', controller: true };
    expect(fields(validateMetadata({ name: 'x', namespace: 'n', annotations: { a: 'x'.repeat(256 * 1024) } }, rules))).toEqual(['metadata.annotations: Too long: may not be more than 262144 bytes']);
    expect(validateMetadata({ name: 'x', namespace: 'n', annotations: { a: 'x'.repeat(256 * 1024 - 1) } }, rules)).toEqual([]);
    expect(validateMetadata({ name: 'x', namespace: 'n', ownerReferences: [owner] }, rules)).toEqual([]);
    expect(validateMetadata({ name: 'x', namespace: 'n', ownerReferences: [owner, { ...owner, name: 'q' }] }, rules)[0]?.message).toContain('Found "true" in references for Pod/p and Pod/q');
  });
});

describe('formats', () => {
  it.each(['10.9.8.7', '::', '::1', '2001:db8::ffff', '::ffff:10.0.0.1', '1:2:3:4:5:6:7:8', '10.9.08.7'])('%s is an address', (text) => expect(parseIp(text)).toBeDefined());
  it.each(['', '10.9.8', '10.9.8.256', '1:2:3', ':::', '1::2::3', '2001:db8::fffff', '1:2:3:4:5:6:7:8:9', 'x'])('%j is none', (text) => expect(parseIp(text)).toBeUndefined());

  it('tells ranges', () => {
    const range = parseCidr('10.96.0.0/12');
    expect(range).toBeDefined();
    for (const [ip, inside] of [['10.96.0.1', true], ['10.111.255.255', true], ['10.112.0.0', false], ['::1', false]] as const) {
      expect(range !== undefined && rangeContains(range, parseIp(ip) ?? { family: 4, bytes: [] })).toBe(inside);
    }
    for (const bad of ['10.0.0.0', '10.0.0.0/33', '::/129', '/8']) expect(parseCidr(bad)).toBeUndefined();
  });

  it('knows lengths', () => {
    expect(dns1123Label('a'.repeat(63))).toEqual([]);
    expect(dns1123Label('a'.repeat(64))).toEqual(['must be no more than 63 characters']);
    expect(labelValueProblems('')).toEqual([]);
    expect(portNameProblems('a--b')).toEqual(['must not contain consecutive hyphens']);
    expect(qualifiedNameProblems('example.com/Name_1')).toEqual([]);
    expect(qualifiedNameProblems('/x')).toEqual(['prefix part must be non-empty']);
  });

  it.each(['* * * * *', '*/5 0-23 1,15 jan-dec MON-FRI', '@daily', '@every 1h30m', '0 0 ? * 0'])('%s is a schedule', (text) => expect(scheduleProblem(text)).toBeUndefined());
  it.each(['* * * *', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * * 13 *', '* * * * 7', '*/0 * * * *', '5-1 * * * *', 'a * * * *', '@never'])('%s is none', (text) => expect(scheduleProblem(text)).toBeDefined());
});
