import { expect, test } from 'vitest';
import { AsyncQueue } from '../async-queue.ts';
import { fromUtf8, readAll, utf8 } from '../bytes.ts';
import type { Host } from '../host.ts';
import { DeterminismViolation } from './globals.ts';
import { Simulation } from './simulation.ts';

function world(seed = 1): Simulation {
  return new Simulation({ seed });
}

async function hello(host: Host): Promise<void> {
  await host.network.serveHttp({ address: '0.0.0.0', port: 80 }, async (request) => ({
    status: 200, headers: {}, body: utf8(`${request.method} ${request.target} ${fromUtf8(await readAll(request.body))} ${request.peer.certificate?.commonName ?? ''}`),
  }));
}

test('a request crosses the simulated wire in virtual time', async () => {
  const sim = world();
  await sim.runUntil(hello(sim.start('a', 'server').host), 10, 'listen');
  const client = sim.start('b', 'client').host;
  const answer = async (): Promise<string> => fromUtf8(await readAll((await client.network.fetch({ url: 'http://10.0.0.1:80/x?y', method: 'PUT', body: utf8('z') })).body));
  expect(await sim.runUntil(answer(), 100, 'answer')).toBe('PUT /x?y z ');
  expect(sim.nowMs).toBeGreaterThan(0);
});

test('a killed server refuses, and breaks what runs', async () => {
  const sim = world();
  const server = sim.start('a', 'server');
  const events = new AsyncQueue<Uint8Array>();
  await sim.runUntil(server.host.network.serveHttp({ address: '0.0.0.0', port: 80 }, async () => ({ status: 200, headers: {}, body: events })), 10, 'listen');
  const client = sim.start('b', 'client').host;
  const response = await sim.runUntil(client.network.fetch({ url: 'http://10.0.0.1:80/', method: 'GET' }), 100, 'head');
  const rest = readAll(response.body).then(() => 'ended', (error: { kind: string }) => error.kind);
  sim.kill(server);
  expect(await sim.runUntil(rest, 100, 'break')).toBe('reset');
  const again = client.network.fetch({ url: 'http://10.0.0.1:80/', method: 'GET' }).then(() => 'ok', (error: { kind: string }) => error.kind);
  expect(await sim.runUntil(again, 100, 'refusal')).toBe('refused');
});

test('messages wait out a partition in order', async () => {
  const sim = world();
  const events = new AsyncQueue<Uint8Array>();
  await sim.runUntil(sim.start('a', 'server').host.network.serveHttp({ address: '0.0.0.0', port: 80 }, async () => ({ status: 200, headers: {}, body: events })), 10, 'listen');
  const response = await sim.runUntil(sim.start('b', 'client').host.network.fetch({ url: 'http://10.0.0.1:80/', method: 'GET' }), 100, 'head');
  const all = readAll(response.body);
  sim.cut('a', 'b');
  events.push(utf8('one '));
  await sim.run(1000);
  events.push(utf8('two '));
  sim.heal();
  events.push(utf8('three'));
  events.end();
  expect(fromUtf8(await sim.runUntil(all, 1000, 'body'))).toBe('one two three');
});

test('a power cut loses what was not synced, and never what was', async () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const sim = world(seed);
    const process = sim.start('a', 'writer');
    const disk = process.host.disk;
    const write = async (): Promise<void> => {
      await disk.makeDirectory('/d');
      const file = await disk.open('/d/f', 'create');
      await file.write(0, utf8('synced'));
      await file.datasync();
      await disk.syncDirectory('/d');
      await file.write(6, utf8('LOST'));
    };
    await sim.runUntil(write(), 1000, 'write');
    sim.kill(process, { powerCut: true });
    const text = fromUtf8(await sim.runUntil(sim.start('a', 'reader').host.disk.readFile('/d/f'), 1000, 'read'));
    expect(text.startsWith('synced')).toBe(true);
    expect('syncedLOST'.startsWith(text)).toBe(true);
  }
});

test('real clocks throw while the simulation runs', async () => {
  const sim = world();
  const host = sim.start('a', 'bad').host;
  let seen: unknown;
  host.timers.after(1, () => { try { Date.now(); } catch (error) { seen = error; } });
  await sim.run(10);
  expect(seen).toBeInstanceOf(DeterminismViolation);
  expect(Date.now()).toBeGreaterThan(0);
});

test('the same seed gives the same trace, another seed another', async () => {
  const run = async (seed: number): Promise<string> => {
    const sim = world(seed);
    await sim.runUntil(hello(sim.start('a', 'server').host), 10, 'listen');
    const client = sim.start('b', 'client').host;
    for (let at = 0; at < 20; at += 1) {
      await sim.runUntil(client.network.fetch({ url: `http://10.0.0.1:80/${client.random.uint32()}`, method: 'GET' }).then((response) => readAll(response.body)), 100, 'answer');
      client.log.info('answered', { at });
    }
    return sim.trace.digest();
  };
  expect(await run(7)).toBe(await run(7));
  expect(await run(7)).not.toBe(await run(8));
});
