import { expect } from 'vitest';
import { area, type Any, type Stage } from './world.ts';

function coreEvent(t: Stage, name: string): Any {
  return { metadata: { name, labels: { 'testevent-set': t.namespace } }, involvedObject: { kind: 'Event', namespace: t.namespace, name: 'x' }, reason: 'Test', message: `This is ${name}`, type: 'Normal', count: 1, source: {} };
}

function newEvent(t: Stage, name: string): Any {
  return {
    metadata: { name, labels: { testevent: t.namespace } }, eventTime: '2026-01-01T00:00:00.000000Z', reportingController: 'example.com/test', reportingInstance: 'one', action: 'Do', reason: 'Test', type: 'Normal',
    note: `This is ${name}`, regarding: { namespace: t.namespace },
  };
}

area('events', (conformance) => {
  conformance('[sig-instrumentation] Events should manage the lifecycle of an event [Conformance]', async (t) => {
    const events = t.path('v1', 'events');
    await t.create(events, coreEvent(t, 'one'));
    expect((await t.get(`/api/v1/events?labelSelector=testevent-set=${t.namespace}`)).items).toHaveLength(1);
    const patched = await t.patch(`${events}/one`, { message: 'patched' }, 'strategic');
    expect((await t.get(`${events}/one`)).message).toBe('patched');
    await t.update(`${events}/one`, { ...patched, series: { count: 100, lastObservedTime: '2026-01-01T00:00:00.000000Z' } });
    expect((await t.get(`${events}/one`)).series.count).toBe(100);
    await t.delete(`${events}/one`);
    expect((await t.get(`/api/v1/events?labelSelector=testevent-set=${t.namespace}`)).items).toHaveLength(0);
  });

  conformance('[sig-instrumentation] Events should delete a collection of events [Conformance]', async (t) => {
    const events = t.path('v1', 'events');
    for (const name of ['one', 'two', 'three']) await t.create(events, coreEvent(t, name));
    expect((await t.get(`${events}?labelSelector=testevent-set=${t.namespace}`)).items).toHaveLength(3);
    await t.delete(`${events}?labelSelector=testevent-set=${t.namespace}`);
    expect((await t.get(`${events}?labelSelector=testevent-set=${t.namespace}`)).items).toHaveLength(0);
  });

  conformance('[sig-instrumentation] Events API should ensure that an event can be fetched, patched, deleted, and listed [Conformance]', async (t) => {
    const events = t.path('events.k8s.io/v1', 'events');
    const made = await t.create(events, newEvent(t, 'one'));
    expect((await t.get(`/apis/events.k8s.io/v1/events?labelSelector=testevent=${t.namespace}`)).items.map((item: Any) => item.metadata.name)).toEqual(['one']);
    expect((await t.get(`${events}/one`)).note).toBe(made.note);
    expect((await t.get(`${events}?fieldSelector=reportingController=example.com/test`)).items).toHaveLength(1);
    const patched = await t.patch(`${events}/one`, { series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' } }, 'strategic');
    expect((await t.get(`${events}/one`)).series.count).toBe(2);
    expect(Number(patched.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
    await t.update(`${events}/one`, { ...patched, series: { count: 100, lastObservedTime: '2026-01-01T00:00:02.000000Z' } });
    expect((await t.get(`${events}/one`)).series.count).toBe(100);
    await t.delete(`${events}/one`);
    expect((await t.get(`${events}?labelSelector=testevent=${t.namespace}`)).items).toHaveLength(0);
  });

  conformance('[sig-instrumentation] Events API should delete a collection of events [Conformance]', async (t) => {
    const events = t.path('events.k8s.io/v1', 'events');
    for (const name of ['one', 'two', 'three']) await t.create(events, newEvent(t, name));
    await t.delete(`${events}?labelSelector=testevent=${t.namespace}`);
    expect((await t.get(`${events}?labelSelector=testevent=${t.namespace}`)).items).toHaveLength(0);
  });
});
