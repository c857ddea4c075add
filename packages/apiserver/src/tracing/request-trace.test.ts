import { Simulation } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import type { Flight } from '../transport/handler.ts';
import { Notes } from '../transport/notes.ts';
import { observe } from '../transport/observe.ts';
import { httpRequest } from '../testing/test-server.ts';
import { readFields } from '../encryption/wire.ts';
import { RequestTrace, traced } from './request-trace.ts';
import { Tracer } from './tracer.ts';

const hex = (bytes: Uint8Array): string => bytes.toHex();
const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** A request that asks one webhook, which takes 700 ms and fails. */
async function flown(sim: Simulation, tracer: Tracer | undefined, asked: Record<string, string>[], headers: Record<string, string> = { traceparent: parent }): Promise<Flight> {
  const { host } = sim.start('a', 'a');
  const notes = new Notes('id', new RequestTrace(host.clock, host.random));
  const flight = { request: httpRequest({ method: 'POST', target: '/api/v1/pods', headers }), info: { isResourceRequest: true, resource: 'pods', path: '/api/v1/pods', verb: 'create' }, notes, user: { name: 'u' }, receivedMs: host.clock.nowMs(), startedMs: host.clock.monotonicMs(), times: {} } as unknown as Flight;
  tracer?.begin(flight);
  const failed = traced(notes.trace, 'webhook w', async (own) => {
    asked.push({ ...own });
    await host.timers.sleep(700);
    throw new Error('down');
  }).catch(() => undefined);
  await sim.runUntil(failed, 1000, 'the webhook');
  flight.times.totalMs = host.clock.monotonicMs() - flight.startedMs;
  return flight;
}

test('each step is a span below that of its request, and who is asked in it is told so', async () => {
  const sim = new Simulation({ seed: 1 });
  let sent: Uint8Array | undefined;
  const { host } = sim.start('t', 't');
  const tracer = new Tracer({ samplingRatePerMillion: 0, resource: {}, close: () => {}, export: (request) => { sent = request; return Promise.resolve(); } }, host);
  const asked: Record<string, string>[] = [];
  tracer.observe(await flown(sim, tracer, asked), { status: 201, headers: {} });
  tracer.start();
  await sim.runUntil(host.timers.sleep(5100), 6000, 'the batch');
  const spans = readFields(readFields(readFields(sent as Uint8Array).bytes(1)).bytes(2)).all(2).map((bytes) => readFields(bytes));
  const [request, step] = spans;
  expect(spans.map((span) => [hex(span.bytes(1)), span.text(5), span.number(6)])).toEqual([['0af7651916cd43dd8448eb211c80319c', 'POST /pods', 2], ['0af7651916cd43dd8448eb211c80319c', 'webhook w', 1]]);
  expect([hex(request?.bytes(4) as Uint8Array), hex(step?.bytes(4) as Uint8Array)]).toEqual(['b7ad6b7169203331', hex(request?.bytes(2) as Uint8Array)]);
  expect(asked).toEqual([{ traceparent: `00-0af7651916cd43dd8448eb211c80319c-${hex(step?.bytes(2) as Uint8Array)}-01` }]);
});

test('what is not sampled is told onward as such, and where nobody traces nobody is told anything', async () => {
  const sim = new Simulation({ seed: 1 });
  const { host } = sim.start('t', 't');
  const tracer = new Tracer({ samplingRatePerMillion: 0, resource: {}, close: () => {}, export: () => Promise.resolve() }, host);
  const asked: Record<string, string>[] = [];
  await flown(sim, tracer, asked, {});
  expect(asked[0]?.['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  await flown(sim, undefined, asked);
  expect(asked[1]).toEqual({});
});

test('of a slow request it is told where its time went', async () => {
  const sim = new Simulation({ seed: 1 });
  const flight = await flown(sim, undefined, []);
  const told: unknown[] = [];
  const log = { warn: (message: string, fields: Record<string, unknown>) => { told.push([message, fields['trace']]); } } as unknown as Parameters<typeof observe>[0]['log'];
  observe({ metrics: { begin: () => () => undefined, observe: () => undefined }, log, logRequests: false }, flight, { status: 500, headers: {} });
  expect(told).toEqual([['A request was slow', 'webhook w 0.0 +700.0 failed']]);
});
