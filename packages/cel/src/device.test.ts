import { expect, test } from 'vitest';
import { deviceBinding, deviceEnvironment, type DeviceFacts } from './device.ts';

const device: DeviceFacts = {
  driver: 'dra.example.com',
  attributes: { model: { string: 'A1' }, 'other.example.com/slot': { int: 3 }, healthy: { bool: true }, firmware: { version: '1.10.0' } },
  capacity: { memory: '16Gi', 'other.example.com/lanes': '4' },
};

function answer(expression: string): unknown {
  const compiled = deviceEnvironment.compile(expression);
  if (!compiled.ok) return compiled.message;
  const found = compiled.program.evaluate({ device: deviceBinding(device) });
  return found.kind === 'value' ? found.value.scalar : found.kind === 'error' ? `error: ${found.message}` : found.kind;
}

test.each([
  ['device.driver == "dra.example.com"', true],
  ['device.attributes["dra.example.com"].model == "A1"', true],
  ['device.attributes["other.example.com"].slot > 2', true],
  ['device.attributes["dra.example.com"].healthy', true],
  ['"model" in device.attributes["dra.example.com"]', true],
  // A domain of which nothing is known is empty, not an error.
  ['"model" in device.attributes["unknown.example.com"]', false],
  ['has(device.attributes["unknown.example.com"].model)', false],
  ['device.attributes["dra.example.com"].missing == "x"', 'error: no such key: missing'],
  ['device.attributes["dra.example.com"].firmware.isGreaterThan(semver("1.9.9"))', true],
  ['device.attributes["dra.example.com"].firmware.compareTo(semver("1.10.0-rc.1"))', 1n],
  ['device.attributes["dra.example.com"].firmware == semver("1.10.0+build")', true],
  ['semver("1.2.3").minor()', 2n],
  ['cel.bind(own, device.attributes["dra.example.com"], own.healthy && own.model == "A1")', true],
  ['cel.bind(1, 2, 3)', "ERROR: <input>:1:10: cel.bind() variable names must be simple identifiers\n | cel.bind(1, 2, 3)\n | .........^"],
  ['isSemver("1.02.3")', false],
  ['device.capacity["dra.example.com"].memory.compareTo(quantity("8Gi")) > 0', true],
  ['device.capacity["other.example.com"].lanes.isLessThan(quantity("3"))', false],
])('%s', (expression, expected) => expect(answer(expression)).toBe(expected));

test.each([['1.0.0-alpha', '1.0.0-alpha.1'], ['1.0.0-alpha.1', '1.0.0-alpha.beta'], ['1.0.0-beta.2', '1.0.0-beta.11'], ['1.0.0-rc.1', '1.0.0'], ['1.9.0', '1.10.0']])('%s comes before %s (semver.org, 11)', (first, second) => {
  expect(answer(`semver("${first}").isLessThan(semver("${second}"))`)).toBe(true);
  expect(answer(`semver("${second}").isLessThan(semver("${first}"))`)).toBe(false);
});
