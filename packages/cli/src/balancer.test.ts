import { fromUtf8, readAll, utf8 } from '@coxswain/host';
import { Simulation, type SimulatedProcess } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import { Balancer } from './balancer.ts';

async function world(): Promise<{ sim: Simulation; servers: SimulatedProcess[]; ask: () => Promise<string> }> {
  const sim = new Simulation({ seed: 5 });
  const servers: SimulatedProcess[] = [];
  for (const name of ['a', 'b']) {
    const server = sim.start(name, name);
    await sim.runUntil(server.host.network.serveStream({ address: '0.0.0.0', port: 1 }, (stream) => { void stream.write(utf8(name)).then(() => stream.end()); }), 10, 'listen');
    servers.push(server);
  }
  const balancer = new Balancer(sim.start('front', 'balancer').host, [{ address: 'a', port: 1 }, { address: 'b', port: 1 }]);
  await sim.runUntil(balancer.start({ address: '0.0.0.0', port: 2 }), 10, 'balancer');
  const client = sim.start('client', 'client').host;
  const ask = (): Promise<string> => sim.runUntil(client.network.dial('front', 2).then(async (stream) => {
    const text = fromUtf8(await readAll(stream.readable));
    await stream.end();
    return text;
  }), 5000, 'answer');
  return { sim, servers, ask };
}

test('a dead server is left out, and comes back', async () => {
  const { sim, servers, ask } = await world();
  expect(['a', 'b']).toContain(await ask());
  sim.kill(servers[0] as SimulatedProcess);
  for (let at = 0; at < 4; at += 1) expect(await ask()).toBe('b');
  sim.kill(servers[1] as SimulatedProcess);
  const again = sim.start('a', 'a2');
  await sim.runUntil(again.host.network.serveStream({ address: '0.0.0.0', port: 1 }, (stream) => { void stream.write(utf8('a2')).then(() => stream.end()); }), 10, 'listen');
  await sim.run(2000);
  expect(await ask()).toBe('a2');
});
