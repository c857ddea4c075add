import type { Simulation } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import { createSeriesRecorder } from './event-series.ts';
import { resources } from './resources.ts';
import { fakeServerWorld, type FakeApiServer } from './testing/index.ts';
import type { Client, EventRecorder } from './types.ts';

interface Stored { readonly metadata: { name: string }; readonly message: string; readonly series?: { count: number; lastObservedTime: string } }

async function start(): Promise<{ sim: Simulation; server: FakeApiServer; recorder: EventRecorder; client: Client; events: () => Stored[] }> {
  const { sim, server, beside } = await fakeServerWorld();
  const { host, client } = beside('client');
  const recorder = createSeriesRecorder(host, client, { component: 'default-scheduler', hostname: 'm1' });
  return { sim, server, recorder, client, events: () => server.store.list('', 'events', 'ns') as unknown as Stored[] };
}

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns', uid: 'u1', resourceVersion: '7' } };
const minute = 60_000;

test('an event has the fields of events.k8s.io', async () => {
  const { sim, recorder, events } = await start();
  recorder.event(pod, 'Normal', 'Preempted', 'gone', { action: 'Preempting', related: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'q', namespace: 'ns', uid: 'u2' } } });
  await sim.run(1000);
  const [event] = events();
  expect(event).toMatchObject({
    type: 'Normal', reason: 'Preempted', message: 'gone', action: 'Preempting', reportingComponent: 'default-scheduler', reportingInstance: 'default-scheduler-m1',
    involvedObject: { kind: 'Pod', name: 'p', uid: 'u1' }, related: { name: 'q', uid: 'u2' }, eventTime: expect.stringMatching(/\.\d{6}Z$/),
  });
  for (const absent of ['count', 'firstTimestamp', 'lastTimestamp', 'series']) expect(event).not.toHaveProperty(absent);
});

test('the second occurrence makes a series, whatever its message; later ones are written when it is over', async () => {
  const { sim, recorder, events } = await start();
  for (const message of ['first', 'second', 'third', 'fourth']) {
    recorder.event(pod, 'Warning', 'FailedScheduling', message, { action: 'Scheduling' });
    await sim.run(1000);
  }
  expect(events().map(({ message, series }) => [message, series?.count])).toEqual([['first', 2]]);
  await sim.run(12 * minute);
  expect(events().map(({ message, series }) => [message, series?.count])).toEqual([['first', 4]]);
  // The series is over: what comes now is a new one.
  recorder.event(pod, 'Warning', 'FailedScheduling', 'fifth', { action: 'Scheduling' });
  await sim.run(1000);
  expect(events().map(({ message, series }) => [message, series?.count])).toEqual([['first', 4], ['fifth', undefined]]);
});

test('another action or another version of the object is another event', async () => {
  const { sim, recorder, events } = await start();
  recorder.event(pod, 'Warning', 'FailedScheduling', 'a', { action: 'Scheduling' });
  recorder.event(pod, 'Warning', 'FailedScheduling', 'b', { action: 'Binding' });
  recorder.event({ ...pod, metadata: { ...pod.metadata, resourceVersion: '8' } }, 'Warning', 'FailedScheduling', 'c', { action: 'Scheduling' });
  await sim.run(1000);
  expect(events().map(({ message }) => message).toSorted()).toEqual(['a', 'b', 'c']);
});

test('a series goes on being written every half hour, and is made again where the server has lost it', async () => {
  const { sim, recorder, client, events } = await start();
  const occur = (): void => recorder.event(pod, 'Warning', 'FailedScheduling', 'full', { action: 'Scheduling' });
  for (let i = 0; i < 3; i += 1) { occur(); await sim.run(5 * minute); }
  expect(events()[0]?.series?.count).toBe(2);
  await sim.runUntil(client.delete(resources.events, { namespace: 'ns', name: events()[0]?.metadata.name ?? '' }), 1000, 'deleted');
  for (let i = 0; i < 6; i += 1) { occur(); await sim.run(5 * minute); }
  expect(events()[0]?.series?.count).toBeGreaterThan(6);
  expect(events()[0]?.message).toBe('full');
});
