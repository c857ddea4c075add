import { expect, test } from 'vitest';
import { compileDeviceSelector, deviceBinding, deviceEnvironment, type DeviceFacts } from './device.ts';

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

const unfit = (type: string): string => `must evaluate to bool or the unknown type, not ${type}`;

/** As kube-apiserver 1.32.2 says of them. `A` is an attribute: what kind of value it has nobody knows. */
test.each([
  ['dyn(1)', unfit('dyn')], ['dyn(device.driver == "x")', unfit('dyn')], ['true ? dyn(1) : dyn(2)', unfit('dyn')], ['[dyn(true)][0]', unfit('dyn')],
  ['null', unfit('null_type')], ['1', unfit('int')], ['device', unfit('kubernetes.DRADevice')], ['device.capacity["a"].b', unfit('kubernetes.Quantity')], ['optional.of(true)', unfit('optional_type(bool)')],
  ['A', ''], ['!A', ''], ['A && true', ''], ['true ? A : true', ''], ['true ? true : A', ''], ['[A][0]', ''], ['{"a": A}.a', ''], ['[[A]][0][0]', ''], ['[A].filter(x, true)[0]', ''],
  ['optional.of(A).value()', ''], ['device.attributes["a"].?b.orValue(true)', ''], ['[1, 2].map(x, A)[0]', ''], ['cel.bind(x, A, x)', ''], ['A in [A]', ''],
  // The last of two that are alike decides.
  ['true ? dyn(true) : A', ''], ['true ? A : dyn(true)', unfit('dyn')], ['optional.of(dyn(true)).orValue(A)', ''], ['optional.of(A).orValue(dyn(true))', unfit('dyn')], ['has(A.c) ? A.c : A', ''],
  ['A.c', unfit('dyn')], ['A[0]', unfit('dyn')], ['A + A', unfit('dyn')], ['A + 1', unfit('int')], ['-A', unfit('dyn')], ['dyn(A)', unfit('dyn')], ['[1, 2].map(x, dyn(x))[0]', unfit('dyn')],
  ['type(A)', unfit('type(google.protobuf.Any)')], ['optional.of(A)', unfit('optional_type(google.protobuf.Any)')],
  ['device.?attributes', unfit('optional_type(map(string, map(string, google.protobuf.Any)))')], ['device.attributes["a"]', unfit('map(string, google.protobuf.Any)')],
  ['[A, true]', "compilation failed: ERROR: <input>:1:28: expected type 'any' but found 'bool'\n | [A, true]\n | ...........................^"],
  ['[true, A]', "compilation failed: ERROR: <input>:1:30: expected type 'bool' but found 'any'\n | [true, A]\n | .............................^"],
  ['[A, dyn(1)]', "compilation failed: ERROR: <input>:1:31: expected type 'any' but found 'dyn'\n | [A, dyn(1)]\n | ..............................^"],
  ['min([A])', "compilation failed: ERROR: <input>:1:4: found no matching overload for 'min' applied to '(list(any))'\n | min([A])\n | ...^"],
])('as a selector: %s', (short, expected) => {
  const full = (text: string): string => text.replaceAll(/\bA\b/g, 'device.attributes["a"].b');
  const compiled = compileDeviceSelector(full(short));
  expect(compiled.ok ? '' : compiled.message).toBe(full(expected));
});
