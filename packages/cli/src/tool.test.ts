import { UsageError } from '@coxswain/service';
import { expect, test } from 'vitest';
import { dataFlag, parseTool, toolHelp, type Tool } from './tool.ts';

const logs: Tool = {
  usage: 'logs COMPONENT', summary: 'its log', wordsMax: 1, letters: { f: 'follow', n: 'tail' },
  flags: { ...dataFlag, follow: { kind: 'bool', help: 'go on' }, tail: { kind: 'int', default: 100, help: 'lines' } },
  run: () => Promise.resolve(),
};

test.each([
  [['dns', '--tail', '2', '-f']],
  [['--tail', '2', '--follow', 'dns']],
  [['-n', '2', 'dns', '-f']],
  [['-f', '--tail=2', 'dns']],
])('%j: words and flags in any order', (args) => {
  const parsed = parseTool(logs, args);
  expect([parsed.words, parsed.flags.int('tail'), parsed.flags.bool('follow')]).toEqual([['dns'], 2, true]);
});

test.each([
  [['dns', 'apiserver'], 'unexpected argument "apiserver"; usage: cox logs COMPONENT'],
  [['dns', '--tial=2'], 'unknown flag --tial; did you mean --tail?'],
  [['dns', '-x'], 'unknown flag --x'],
  [['dns', '--tail'], '--tail needs a value'],
])('%j is refused in one line', (args, text) => {
  expect(() => parseTool(logs, args)).toThrow(UsageError);
  expect(() => parseTool(logs, args)).toThrow(text);
});

test('help names every flag', () => {
  expect(toolHelp(logs)).toContain('--tail int\n        lines (default 100)');
});
