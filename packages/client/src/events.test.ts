import { Simulation } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import { createClient } from './create-client.ts';
import { createEventRecorder } from './events.ts';
import { FakeApiServer } from './testing/index.ts';

test('equal events are counted up; many similar ones share one; a flood is cut off', async () => {
  const sim = new Simulation({ seed: 1 });
  const serverHost = sim.start('server', 'apiserver').host;
  const server = new FakeApiServer(serverHost);
  await sim.runUntil(serverHost.network.serveHttp({ address: '0.0.0.0', port: 80 }, server.handler), 100, 'listen');
  const { host } = sim.start('client', 'client');
  const recorder = createEventRecorder(host, createClient(host, { server: 'http://server:80', userAgent: 't' }), { component: 'kubelet', instance: 'n1' });
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns', uid: 'u1' } };
  const list = (): { reason: string; message: string; count: number }[] => server.store.list('', 'events', 'ns') as never;
  for (let i = 0; i < 3; i += 1) recorder.event(pod, 'Warning', 'BackOff', 'again');
  await sim.run(1000);
  expect(list()).toHaveLength(1);
  expect(list()[0]).toMatchObject({ count: 3, reason: 'BackOff', involvedObject: { uid: 'u1' }, source: { component: 'kubelet', host: 'n1' } });
  for (let i = 0; i < 12; i += 1) recorder.event(pod, 'Warning', 'Failed', `attempt ${i}`);
  await sim.run(1000);
  const failed = list().filter((event) => event.reason === 'Failed');
  // Nine of their own, then "(combined from similar events)" for the tenth, eleventh and twelfth.
  expect(failed).toHaveLength(10);
  expect(failed.at(-1)).toMatchObject({ count: 3, message: '(combined from similar events): attempt 11' });
  for (let i = 0; i < 30; i += 1) recorder.event(pod, 'Normal', 'Flood', 'x');
  await sim.run(1000);
  // 25 at once for an object: 15 are spent above.
  expect(list().find((event) => event.reason === 'Flood')?.count).toBe(10);
});
