import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from '@coxswain/etcd-lite/bench';
import { expect, onTestFinished, test } from 'vitest';
import { PodsWatch } from './watch.ts';

const pod = (name: string, resourceVersion: string): object => ({ metadata: { namespace: 'd', name, resourceVersion }, spec: { nodeName: `node-of-${name}` } });
const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
const list = (resourceVersion: string, ...items: readonly object[]): string => JSON.stringify({ items, metadata: { resourceVersion } });

/** Answers one request after the other. */
async function serve(answers: readonly ((stream: ServerHttp2Stream) => void)[], asked: string[]): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-watch-'));
  makeCertificates(directory);
  const server = createSecureServer({ key: readFileSync(join(directory, 'member.key')), cert: readFileSync(join(directory, 'member.crt')) });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const target = new URL(String(headers[':path']), 'https://server');
    asked.push(`${target.searchParams.has('watch') ? 'watch' : 'list'} ${target.searchParams.get('resourceVersion') ?? ''}`.trim());
    answers[asked.length - 1]?.(stream as ServerHttp2Stream);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  onTestFinished(() => { server.close(); rmSync(directory, { recursive: true, force: true }); });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const say = (text: string) => (stream: ServerHttp2Stream): void => { stream.respond({ ':status': 200 }); stream.end(text); };

test('a watch that the server ends goes on from where it was, and after a list where that is forgotten', async () => {
  const asked: string[] = [];
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const server = await serve([
    say(list('5', pod('a', '3'))),
    say(line('ADDED', pod('b', '7')) + line('BOOKMARK', { metadata: { resourceVersion: '9' } })),
    say(line('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' })),
    say(list('20', pod('a', '3'), pod('c', '15'))),
    (stream) => { stream.respond({ ':status': 200 }); stream.write(line('MODIFIED', pod('c', '21')), () => { stream.session?.destroy(); }); },
    (stream) => { stream.respond({ ':status': 200 }); stream.write(line('DELETED', pod('a', '22'))); },
  ], asked);
  const told: string[] = [];
  const bound = new Set<string>();
  const watch = new PodsWatch({ server, token: '' }, 'bound', {
    seen: (key, { spec }) => { told.push(`${key} ${spec?.nodeName}`); bound.add(key); },
    deleted: (key) => { told.push(`${key} deleted`); bound.delete(key); if (key === 'd/a') resolve(); },
    known: () => bound,
  });
  await watch.start((error) => { throw error; });
  await over;
  watch.close();
  expect(asked).toEqual(['list', 'watch 5', 'watch 9', 'list', 'watch 20', 'watch 21']);
  expect(told).toEqual(['d/a node-of-a', 'd/b node-of-b', 'd/a node-of-a', 'd/c node-of-c', 'd/b deleted', 'd/c node-of-c', 'd/a deleted']);
  expect(watch.reopened).toBe(3);
});

test('a server that ends every watch at once is given up', async () => {
  const asked: string[] = [];
  const { promise, resolve } = Promise.withResolvers<Error>();
  const server = await serve([say(list('5')), ...Array.from({ length: 20 }, () => say(line('ERROR', { code: 500, message: 'broken' })))], asked);
  const watch = new PodsWatch({ server, token: '' }, 'all', { seen: () => undefined, deleted: () => undefined, known: () => [] });
  await watch.start(resolve);
  expect((await promise).message).toBe('the watch of pods ended 11 times without an event');
  expect(asked.filter((one) => one === 'watch 5')).toHaveLength(11);
});
