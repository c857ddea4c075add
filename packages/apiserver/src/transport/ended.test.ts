import { isPushSource, type ByteSink, type HttpResponse, type PushSource } from '@coxswain/host';
import { expect, test } from 'vitest';
import { whenEnded } from './ended.ts';

async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
  yield new Uint8Array([1]);
  yield new Uint8Array([2]);
}

function counted(response: Omit<HttpResponse, 'status' | 'headers'>): { readonly response: HttpResponse; readonly ends: () => number } {
  let ends = 0;
  return { response: whenEnded({ status: 200, headers: {}, ...response }, () => { ends += 1; return undefined; }), ends: () => ends };
}

test('an iterated body tells its end once, also when it is left early', async () => {
  const whole = counted({ body: chunks() });
  const seen: number[] = [];
  for await (const chunk of whole.response.body as AsyncIterable<Uint8Array>) seen.push(...chunk);
  expect([seen, whole.ends()]).toEqual([[1, 2], 1]);
  const left = counted({ body: chunks() });
  for await (const _chunk of left.response.body as AsyncIterable<Uint8Array>) break;
  expect(left.ends()).toBe(1);
});

test('a body that pushes goes on pushing', () => {
  const written: number[] = [];
  let sink: ByteSink | undefined;
  let stops = 0;
  const source: PushSource = { [Symbol.asyncIterator]: () => chunks(), start: (given) => { sink = given; }, drained: () => {}, stop: () => { stops += 1; } };
  const { response, ends } = counted({ body: source });
  const body = response.body as PushSource;
  expect(isPushSource(body)).toBe(true);
  body.start({ write: (data) => { written.push(...data); return true; }, end: () => {} });
  sink?.write(new Uint8Array([7]));
  expect([written, ends()]).toEqual([[7], 0]);
  body.stop();
  sink?.end();
  expect([stops, ends()]).toEqual([1, 1]);
});
