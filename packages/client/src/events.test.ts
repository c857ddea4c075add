import { expect, test } from 'vitest';
import { createEventRecorder } from './events.ts';
import { eventWriter } from './fast-path/index.ts';
import { resources } from './resources.ts';
import { fakeServerWorld } from './testing/index.ts';

test('equal events are counted up; many similar ones share one; a flood is cut off', async () => {
  const { sim, server, beside } = await fakeServerWorld();
  const { host, client } = beside('client');
  const recorder = createEventRecorder(host, client, { component: 'kubelet', instance: 'n1' });
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

test('new events are written together where the server can, in order, and one that counts up another is not', async () => {
  const { sim, server, beside } = await fakeServerWorld();
  const { host, client } = beside('client');
  const calls: string[][] = [];
  const recorder = createEventRecorder(host, client, {
    component: 'scheduler',
    async writeTogether(events) {
      calls.push(events.map(({ message }) => message ?? ''));
      for (const event of events) if (event.message !== 'p3' && event.message !== 'p4') await client.create(resources.events, event);
      return events.map(({ message }) => (message === 'p3' ? 403 : message === 'p4' ? 500 : 201));
    },
  });
  const tell = (name: string): void => recorder.event({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'ns', uid: name } }, 'Normal', 'Scheduled', name);
  for (const name of ['p0', 'p1', 'p2', 'p3', 'p4', 'p1', 'p5', 'p6']) tell(name);
  await sim.run(1000);
  const counts = Object.fromEntries((server.store.list('', 'events', 'ns') as unknown as { message: string; count: number }[]).map(({ message, count }) => [message, count]));
  // The first goes alone while the others come; p3 was refused, p4 tried again by itself.
  expect(calls).toEqual([['p1', 'p2', 'p3', 'p4'], ['p5', 'p6']]);
  expect(counts).toEqual({ p0: 1, p1: 2, p2: 1, p4: 1, p5: 1, p6: 1 });
});

test('a server that cannot take many is not asked again', async () => {
  const { sim, server, beside } = await fakeServerWorld();
  const { host, client } = beside('client');
  const recorder = createEventRecorder(host, client, { component: 'scheduler', writeTogether: eventWriter(client) });
  for (let at = 0; at < 10; at += 1) recorder.event({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${at}`, namespace: 'ns', uid: `p${at}` } }, 'Normal', 'Scheduled', 'x');
  await sim.run(1000);
  expect(server.store.list('', 'events', 'ns')).toHaveLength(10);
});
