import { describe, expect, test } from 'vitest';
import { addQuantity, canonicalQuantity, compareQuantity, formatQuantity, parseQuantity, quantityMilliValue, quantityValue, scaledValue, subtractQuantity } from './index.ts';

/** From the documentation of Kubernetes' quantity serialization format and its API conventions. */
const canonicalForms: readonly (readonly [string, string])[] = [
  ['1.5', '1500m'], ['1.5Gi', '1536Mi'], ['0', '0'], ['0Gi', '0'], ['1000m', '1'], ['1000', '1k'], ['1024', '1024'], ['1024Ki', '1Mi'], ['1023Mi', '1023Mi'],
  ['0.1Ki', '102400m'], ['0.5Gi', '512Mi'], ['1e3', '1e3'], ['1E3', '1e3'], ['1E', '1E'], ['12e6', '12e6'], ['0.001', '1m'], ['-1', '-1'], ['+2', '2'], ['.5', '500m'], ['5.', '5'],
  ['0.0000000001', '1n'], ['100k', '100k'], ['1.25M', '1250k'], ['9223372036854775808', '9223372036854775807'], ['1500Ki', '1500Ki'],
];

describe('quantity', () => {
  test.each(canonicalForms)('%s is written %s', (text, expected) => {
    expect(formatQuantity(parseQuantity(text))).toBe(expected);
    expect(canonicalQuantity(text)).toBe(expected);
  });

  test.each([
    ['abc', /^quantities must match the regular expression/], ['', /^quantities must match/], ['1Q', /^quantities must match/],
    ['1 Gi', /^quantities must match/], ['1ki', /^unable to parse quantity's suffix$/], ['1.2.3', /^quantities must match/],
  ])('%s is refused', (text, message) => {
    expect(() => parseQuantity(text)).toThrow(message);
  });

  test('compares and computes exactly', () => {
    expect(compareQuantity('1', '1000m')).toBe(0);
    expect(compareQuantity('1Gi', '1G')).toBe(1);
    expect(compareQuantity('-1', 0)).toBe(-1);
    expect(formatQuantity(addQuantity('100m', '900m'))).toBe('1');
    expect(formatQuantity(addQuantity('0', '1Gi'))).toBe('1Gi');
    expect(formatQuantity(subtractQuantity('2Gi', '1Mi'))).toBe('2047Mi');
    expect(quantityMilliValue('1.5')).toBe(1500);
    expect(quantityMilliValue('1u')).toBe(1);
    expect(quantityValue('1500m')).toBe(2);
    expect(quantityValue('1Ki')).toBe(1024);
  });

  test('scales percentages', () => {
    expect(scaledValue('25%', 10, 'up')).toBe(3);
    expect(scaledValue('25%', 10, 'down')).toBe(2);
    expect(scaledValue(4, 10, 'up')).toBe(4);
    expect(scaledValue('four', 10, 'up')).toBeUndefined();
  });
});
