import { expect, test } from 'vitest';
import { lastWords } from './last-words.ts';

test.each([
  ['', ''],
  ['first\ncox kubelet: listen EADDRINUSE: address already in use 10.89.0.1:10250\n', 'cox kubelet: listen EADDRINUSE: address already in use 10.89.0.1:10250'],
  ['{"level":"error","msg":"component failed","error":"Error: no\\n    at here"}\n', 'component failed: Error: no'],
  ['time="2026-01-01T00:00:00Z" level=fatal msg="failed to start" error="listen unix: is a \\"file\\""', 'failed to start: listen unix: is a \\"file\\"'],
  ['containerd: failed to get listener', 'containerd: failed to get listener'],
])('%j', (log, words) => {
  expect(lastWords(log)).toBe(words);
});
