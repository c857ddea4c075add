import { expect, test } from 'vitest';
import { UsageError } from './command.ts';
import { formatGoDuration, parseGoDuration } from './duration.ts';
import type { FlagSet } from './flags.ts';
import { parseFlags } from './parse-flags.ts';

const flags: FlagSet = {
  'etcd-servers': { kind: 'strings', help: 'urls' },
  'secure-port': { kind: 'int', default: 6443, min: 1, max: 65535, help: 'port' },
  'leader-elect': { kind: 'bool', default: true, help: 'elect' },
  'heartbeat-interval': { kind: 'duration', default: 100, bareUnitMs: 1, help: 'ms' },
  'node-labels': { kind: 'map', help: 'labels' },
  'audit-log-path': { kind: 'unbuilt', help: 'audit' },
};

test('values, defaults, both ways of writing, repeated lists', () => {
  const parsed = parseFlags(flags, ['--etcd-servers=a,b', '--etcd-servers', 'c', '--leader-elect=false', '--heartbeat-interval', '250', '--node-labels=a=b,c=']);
  expect(parsed.strings('etcd-servers')).toEqual(['a', 'b', 'c']);
  expect(parsed.int('secure-port')).toBe(6443);
  expect(parsed.bool('leader-elect')).toBe(false);
  expect(parsed.durationMs('heartbeat-interval')).toBe(250);
  expect(parsed.map('node-labels')).toEqual({ a: 'b', c: '' });
  expect([parsed.isSet('secure-port'), parsed.isSet('leader-elect')]).toEqual([false, true]);
});

test('the command line wins over the file', () => {
  const parsed = parseFlags(flags, ['--secure-port=7'], { 'secure-port': 8, 'etcd-servers': ['x', 'y'] });
  expect([parsed.int('secure-port'), parsed.strings('etcd-servers')]).toEqual([7, ['x', 'y']]);
});

test.each([
  [['--secure-prt=1'], 'unknown flag --secure-prt; did you mean --secure-port?'],
  [['--secure-port=70000'], 'must be at most 65535'],
  [['--secure-port'], '--secure-port needs a value'],
  [['--leader-elect=maybe'], 'expected true or false'],
  [['--audit-log-path=x'], '--audit-log-path is a flag of the original that is not built yet'],
  [['stray'], 'unexpected argument "stray"'],
])('%j is refused in one line', (args, text) => {
  expect(() => parseFlags(flags, args)).toThrow(UsageError);
  expect(() => parseFlags(flags, args)).toThrow(text);
});

test.each([['1h2m3.5s', 3_723_500], ['500ms', 500], ['0', 0], ['-5s', -5000], ['1.5h', 5_400_000], ['5', undefined], ['', undefined], ['1d', undefined]])('duration %s', (text, valueMs) => {
  expect(parseGoDuration(text)).toBe(valueMs);
});

test.each([[90_000, '1m30s'], [3_600_000, '1h0m0s'], [500, '500ms'], [0, '0s']])('%d ms is written as Go does', (valueMs, text) => {
  expect(formatGoDuration(valueMs)).toBe(text);
});
