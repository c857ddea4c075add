import { expect, test } from 'vitest';
import { AsyncQueue } from '../async-queue.ts';
import { fromUtf8, readAll, utf8 } from '../bytes.ts';
import type { DiskFile } from '../disk.ts';
import { Simulation } from './simulation.ts';

async function openFile(sim: Simulation, machine: string): Promise<DiskFile> {
  const { disk } = sim.start(machine, `${machine}-opener`).host;
  const file = await sim.runUntil(disk.open('/file', 'create'), 100, 'open');
  await sim.runUntil(disk.syncDirectory('/'), 100, 'sync');
  return file;
}

test('a paused process learns of everything when it goes on', async () => {
  const sim = new Simulation({ seed: 1 });
  const process = sim.start('a', 'a');
  const seen: number[] = [];
  process.host.timers.after(10, () => { seen.push(process.host.clock.monotonicMs()); });
  sim.pause(process);
  await sim.run(1000);
  expect(seen).toEqual([]);
  sim.resume(process);
  await sim.run(10);
  expect(seen).toEqual([1000]);
});

test('a clock that runs fast fires early and gains', async () => {
  const sim = new Simulation({ seed: 1 });
  const { host, machine } = sim.start('a', 'a');
  await sim.run(1000);
  machine.clockRate = 1.25;
  let firedMs = 0;
  host.timers.after(1000, () => { firedMs = sim.nowMs; });
  await sim.run(4000);
  expect(firedMs).toBe(1800);
  expect(host.clock.monotonicMs()).toBe(6000);
});

test('a process that dies at an operation of its disk never learns of its outcome', async () => {
  for (const when of ['before', 'after'] as const) {
    const sim = new Simulation({ seed: 1 });
    await openFile(sim, 'a');
    const process = sim.start('a', 'writer');
    let told = false;
    sim.machine('a').disk.decide = ({ kind }) => (kind === 'write' ? { [when]: () => { sim.kill(process); } } : undefined);
    const work = async (): Promise<void> => {
      const file = await process.host.disk.open('/file', 'write');
      await file.write(0, utf8('x'));
      told = true;
    };
    void work();
    await sim.run(1000);
    expect(process.alive).toBe(false);
    expect(told).toBe(false);
    sim.machine('a').disk.decide = undefined;
    expect((await sim.runUntil(sim.start('a', 'reader').host.disk.readFile('/file'), 100, 'read')).length).toBe(when === 'after' ? 1 : 0);
  }
});

test('a durable write that was answered outlives every power cut, and one that was not may be gone', async () => {
  let lost = 0;
  for (let seed = 1; seed <= 20; seed += 1) {
    for (const kind of ['write', 'datasync'] as const) {
      const sim = new Simulation({ seed });
      await openFile(sim, 'a');
      const process = sim.start('a', 'writer');
      const file = await sim.runUntil(process.host.disk.open('/file', 'write', { durableWrites: true }), 100, 'open');
      await sim.runUntil(file.write(0, utf8('answered')), 100, 'write');
      sim.machine('a').disk.decide = (operation) => (operation.kind === kind ? { error: 'io' } : undefined);
      await expect(sim.runUntil(file.write(8, utf8('refused')), 100, 'write')).rejects.toThrow('simulated disk fault: io');
      sim.machine('a').disk.decide = undefined;
      sim.kill(process, { powerCut: true });
      const kept = fromUtf8(await sim.runUntil(sim.start('a', 'reader').host.disk.readFile('/file'), 100, 'read'));
      expect('answeredrefused'.startsWith(kept) && kept.startsWith('answered')).toBe(true);
      if (kept === 'answered') lost += 1;
    }
  }
  expect(lost).toBeGreaterThan(20);
  expect(lost).toBeLessThan(40);
});

test('of what was not synced a power cut keeps any sectors, and all of what was', async () => {
  const kept = new Set<string>();
  for (let seed = 1; seed <= 60; seed += 1) {
    const sim = new Simulation({ seed });
    const file = await openFile(sim, 'a');
    await sim.runUntil(file.write(0, new Uint8Array(512).fill(9)), 100, 'write');
    await sim.runUntil(file.datasync(), 100, 'sync');
    await sim.runUntil(file.write(512, new Uint8Array(1024).fill(1)), 100, 'write');
    sim.kill(sim.start('a', 'victim'), { powerCut: true });
    const data = await sim.runUntil(sim.start('a', 'reader').host.disk.readFile('/file'), 100, 'read');
    expect(data.subarray(0, 512).every((byte) => byte === 9)).toBe(true);
    kept.add(`${data[512] ?? '-'}${data[1024] ?? '-'}`);
  }
  // Nothing, the first sector only, the second only (a hole before it), both.
  expect(['--', '01', '11'].every((one) => kept.has(one))).toBe(true);
});

test('a removed directory may be back after a power cut, with any of its files, until its parent is synced', async () => {
  const left = new Set<string>();
  for (let seed = 1; seed <= 40; seed += 1) {
    for (const synced of [false, true]) {
      const sim = new Simulation({ seed });
      const process = sim.start('a', 'remover');
      const { disk } = process.host;
      const prepare = async (): Promise<void> => {
        await disk.makeDirectory('/d');
        for (const name of ['x', 'y']) await disk.writeFileAtomic(`/d/${name}`, utf8(name));
        await disk.remove('/d', { recursive: true });
        if (synced) await disk.syncDirectory('/');
      };
      await sim.runUntil(prepare(), 1000, 'remove');
      sim.kill(process, { powerCut: true });
      const files = sim.machine('a').disk.files().map(({ path }) => path);
      if (synced) expect(files).toEqual([]);
      else left.add(files.join());
    }
  }
  expect(left).toContain('');
  expect(left).toContain('/d/x,/d/y');
});

test('writes can go astray, bits can flip, a datasync can fail', async () => {
  const sim = new Simulation({ seed: 1 });
  const file = await openFile(sim, 'a');
  const { disk } = sim.machine('a');
  disk.decide = ({ kind }) => (kind === 'write' ? { misdirectBytes: 2 } : undefined);
  await sim.runUntil(file.write(0, utf8('ab')), 100, 'write');
  disk.decide = ({ kind }) => (kind === 'datasync' ? { error: 'io' } : undefined);
  await expect(sim.runUntil(file.datasync(), 100, 'sync')).rejects.toThrow('io');
  disk.decide = undefined;
  disk.rot('/file', 3, 0);
  expect(await sim.runUntil(file.read(0, 10), 100, 'read')).toEqual(Uint8Array.of(0, 0, 97, 99));
});

test('connections can be reset, and lost messages only come late', async () => {
  const sim = new Simulation({ seed: 1 });
  const events = new AsyncQueue<Uint8Array>();
  await sim.runUntil(sim.start('a', 'server').host.network.serveHttp({ address: '0.0.0.0', port: 80 }, async () => ({ status: 200, headers: {}, body: events })), 10, 'listen');
  const { host } = sim.start('b', 'client');
  sim.lossRate = 0.9;
  const response = await sim.runUntil(host.network.fetch({ url: 'http://10.0.0.1:80/', method: 'GET' }), 10_000, 'head');
  expect(sim.nowMs).toBeGreaterThan(200);
  const rest = readAll(response.body).then(() => 'ended', (error: { kind: string }) => error.kind);
  sim.resetConnections('a', 'b');
  expect(await sim.runUntil(rest, 10, 'break')).toBe('reset');
});

test('a producer waits while what it sent is still on its way', async () => {
  const sim = new Simulation({ seed: 1, windowBytes: 100 });
  let produced = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    for (;;) {
      produced += 1;
      yield new Uint8Array(60);
    }
  }
  await sim.runUntil(sim.start('a', 'server').host.network.serveHttp({ address: '0.0.0.0', port: 80 }, async () => ({ status: 200, headers: {}, body: body() })), 10, 'listen');
  const { host } = sim.start('b', 'client');
  const abort = new AbortController();
  const response = await sim.runUntil(host.network.fetch({ url: 'http://10.0.0.1:80/', method: 'GET', signal: abort.signal }), 100, 'head');
  sim.cut('a', 'b');
  await sim.run(100);
  const before = produced;
  await sim.run(1000);
  expect(produced).toBe(before);
  sim.heal();
  await sim.run(300);
  expect(produced).toBeGreaterThan(before + 10);
  const rest = readAll(response.body).then(() => 'ended', (error: { kind: string }) => error.kind);
  abort.abort();
  expect(await sim.runUntil(rest, 10, 'end')).toBe('aborted');
});
