import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { KubeObject } from '@coxswain/client';
import { makeCertificates } from '@coxswain/etcd-lite/bench';
import { expect, onTestFinished, test } from 'vitest';
import { startReal } from './real.ts';
import type { Target } from './target.ts';
import { makeNode, makePod, podTemplate } from './templates.ts';
import { giveVolume } from './volumes.ts';

const pod = (name: string): ReturnType<typeof makePod> => makePod(podTemplate('pod-default'), 'namespace-1', name, 's');
const pathOf = (name: string): string => `/api/v1/namespaces/namespace-1/pods/${name}`;

/** Stores what it is sent; so much of an API server that a run and its end can be seen from there. */
class Fake {
  readonly objects = new Map<string, KubeObject>();
  readonly patched: string[] = [];
  /** Before the answer to a creation of a pod. */
  posting: (stream: ServerHttp2Stream) => Promise<void> = () => Promise.resolve();
  posted = 0;

  async answer(stream: ServerHttp2Stream, method: string, target: URL): Promise<void> {
    const path = target.pathname;
    const say = (status: number, body: object = {}): void => {
      if (stream.destroyed) return;
      stream.respond({ ':status': status });
      stream.end(JSON.stringify(body));
    };
    const sent = await text(stream);
    if (target.searchParams.has('watch')) { stream.respond({ ':status': 200 }); return; }
    if (path === '/api/v1/pods') { say(200, { metadata: { resourceVersion: '1' }, items: [] }); return; }
    if (method === 'POST') {
      const object = JSON.parse(sent) as KubeObject;
      const name = `${path}/${object.metadata?.name}`;
      const status = this.objects.has(name) ? 409 : 201;
      if (status === 201) this.objects.set(name, object);
      if (path.endsWith('/pods')) { this.posted += 1; await this.posting(stream); }
      say(status);
      return;
    }
    if (method === 'PATCH') this.patched.push(path);
    const found = this.objects.get(path);
    if (method === 'DELETE') this.objects.delete(path);
    say(found === undefined ? 404 : 200, found);
  }
}

/** A target in a cluster that was there before. */
async function started(fake: Fake): Promise<Target> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-real-'));
  makeCertificates(directory);
  const server = createSecureServer({ key: readFileSync(join(directory, 'member.key')), cert: readFileSync(join(directory, 'member.crt')) });
  server.on('session', (session) => { session.on('error', () => undefined); });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    fake.answer(stream as ServerHttp2Stream, String(headers[':method']), new URL(String(headers[':path']), 'https://server')).catch(() => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kubeconfig = join(directory, 'kubeconfig');
  const cluster = { server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, 'insecure-skip-tls-verify': true };
  writeFileSync(kubeconfig, JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': 'b', contexts: [{ name: 'b', context: { cluster: 'b', user: 'b' } }], clusters: [{ name: 'b', cluster }], users: [{ name: 'b', user: { token: 't' } }] }));
  const target = await startReal({ directory, kubeconfig, schedulerCommand: 'exec tail -f /dev/null', schedulerName: 's', schedulerMetrics: '', members: 1, needs: { gangs: false, devices: false }, attempts: false, nodeArguments: [] });
  onTestFinished(async () => { await target.close(); server.close(); rmSync(directory, { recursive: true, force: true }); });
  return target;
}

/** Priority classes stay. */
const left = ({ objects }: Fake): string[] => [...objects.keys()].filter((path) => !path.includes('/priorityclasses/'));

test('what was there before stays, and what was made beside it goes', async () => {
  const fake = new Fake();
  const volume = giveVolume(pod('pod-3'), 'pv-aws');
  const theirs = ['/api/v1/nodes/scheduler-perf-0', pathOf('pod-1'), `/api/v1/persistentvolumes/${volume.volume.metadata?.name}`];
  for (const path of theirs) fake.objects.set(path, {});
  const target = await started(fake);
  await expect(target.createNodes([makeNode('node-default', 'scheduler-perf-0', {}), makeNode('node-default', 'scheduler-perf-1', {})])).rejects.toThrow('409');
  await expect(target.createPods([pod('pod-1'), pod('pod-2')])).rejects.toThrow('409');
  await expect(target.createVolumes([volume])).rejects.toThrow('409');
  await target.createPods([makePod(podTemplate('pod-with-finalizer'), 'namespace-1', 'pod-4', 's')]);
  fake.patched.length = 0;
  expect(left(fake)).toEqual([...theirs, '/api/v1/nodes/scheduler-perf-1', pathOf('pod-2'), pathOf('pod-4')]);
  await target.close();
  expect(left(fake)).toEqual(theirs);
  // Its finalizer is nobody else's to take away.
  expect(fake.patched).toEqual([pathOf('pod-4')]);
});

test('an answer that was lost: what was made goes, what was there before stays', async () => {
  const fake = new Fake();
  fake.objects.set(pathOf('pod-1'), pod('pod-1'));
  const target = await started(fake);
  const both = Promise.withResolvers<void>();
  fake.posting = async (stream) => {
    if (fake.posted === 2) both.resolve();
    await both.promise;
    stream.session?.destroy();
  };
  await expect(target.createPods([pod('pod-1'), pod('pod-2')])).rejects.toThrow('broke a request off');
  expect(fake.posted).toBe(2);
  expect(left(fake)).toEqual([pathOf('pod-1'), pathOf('pod-2')]);
  await target.close();
  expect(left(fake)).toEqual([pathOf('pod-1')]);
});

test('one that is ended while pods are made waits for those under way, makes no more and leaves none', async () => {
  const fake = new Fake();
  const target = await started(fake);
  const [full, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  fake.posting = () => { if (fake.posted === 64) full.resolve(); return release.promise; };
  const making = target.createPods(Array.from({ length: 200 }, (_, at) => pod(`pod-${at}`)));
  const over = expect(making).rejects.toThrow('the run was ended');
  await full.promise;
  const closing = target.close();
  await expect(target.broken).rejects.toThrow('the run was ended');
  release.resolve();
  await Promise.all([over, closing]);
  expect(fake.posted).toBe(64);
  expect(left(fake)).toEqual([]);
});

test('a run that goes on after its end does nothing more', async () => {
  const fake = new Fake();
  const target = await started(fake);
  await target.close();
  await expect(target.createPods([pod('pod-1')])).rejects.toThrow('the run was ended');
  await expect(target.deletePod('namespace-1', 'pod-1')).rejects.toThrow('the run was ended');
  await expect(target.resume()).rejects.toThrow('the run was ended');
  expect(fake.posted).toBe(0);
});
