import { fromUtf8, utf8 } from '@coxswain/host';
import { expect, test } from 'vitest';
import { Corpus } from './corpus.ts';
import { largeRequest } from './large.ts';
import { fuzzArguments, fuzzUsage } from './options.ts';
import { Requests } from './requests.ts';
import { FuzzRun } from './run.ts';

/** What was asked where something was found; the requests change with the generators, so each has its case beside the code as well. */
const found: readonly { readonly seed: number; readonly from: number; readonly requests: number }[] = [{ seed: 2, from: 330, requests: 10 }, { seed: 2, from: 6790, requests: 5 }, { seed: 4, from: 8110, requests: 1 }];

const told = ({ index, request, wrong }: { readonly index: number; readonly request: { readonly method: string; readonly target: string }; readonly wrong: string }): string => `${index}: ${request.method} ${request.target}: ${wrong}`;

test.each([{ seed: 11, from: 0, requests: 150 }, { seed: 12, from: 1000, requests: 150 }, ...found])('whatever is asked is answered as it should be (seed $seed from $from)', async ({ seed, from, requests }) => {
  const run = await FuzzRun.start({ seed, from, requests });
  const { findings, statuses } = await run.run();
  expect(findings.map(told)).toEqual([]);
  expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBe(requests);
});

test('a request depends on its seed and number only, and most parts of the server are asked', () => {
  const [one, other] = [new Requests(new Corpus(), 5), new Requests(new Corpus(), 5)];
  expect(other.at(77)).toEqual(one.at(77));
  const targets = Array.from({ length: 1500 }, (_, at) => one.at(at));
  for (const part of ['customresourcedefinitions', 'foos', 'validatingadmissionpolicies', 'FastPath', 'subjectaccessreviews', 'watch=true', 'continue=', 'labelSelector=']) expect(targets.some(({ target }) => target.includes(part)), part).toBe(true);
  expect(new Set(targets.map(({ headers }) => headers['content-type'])).size).toBeGreaterThan(8);
});

test.each([
  [['--nonsense'], "Unknown option '--nonsense'"],
  [['--seed'], "Option '--seed <value>' argument missing"],
  [['extra'], "Unexpected argument 'extra'"],
  [['--requests', '1e6'], '--requests is "1e6"; it must be a whole number'],
])('what the program does not understand is one clear line: %j', (args, line) => {
  let said = '';
  try {
    fuzzArguments(args);
  } catch (error) {
    said = error instanceof Error ? `${error.name}: ${error.message}` : '';
  }
  expect(said).toBe(`UsageError: ${line}; ${fuzzUsage}`);
});

test('the arguments that are understood', () => {
  expect(fuzzArguments(['--seed=7', '--from', '12', '--requests', '1', '--print'])).toEqual({ seed: 7, from: 12, requests: 1, print: true, shapes: false, only: '', help: false });
  expect(fuzzArguments(['-h']).help).toBe(true);
});

test('an answer that is not what it says is found', async () => {
  const run = await FuzzRun.start({ seed: 1, requests: 1, monitor: async (work) => { await work(); return 500; } });
  const { findings } = await run.run();
  expect(findings.map(({ wrong }) => wrong)).toEqual(['held the event loop for 500 ms, and again for 500 ms']);
});

test('a custom resource of very many unknown fields is taken without them', async () => {
  const run = await FuzzRun.start({ seed: 1, requests: 0 });
  try {
    const ask = (target: string, body: object | Uint8Array) => run.ask({ method: 'POST', target, headers: { authorization: 'Bearer tok', 'content-type': 'application/json' }, body: body instanceof Uint8Array ? body : utf8(JSON.stringify(body)) });
    const schema = { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } };
    const made = await ask('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { metadata: { name: 'foos.fuzz.example.com' }, spec: { group: 'fuzz.example.com', scope: 'Cluster', names: { plural: 'foos', kind: 'Foo' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] } });
    expect(made.response.status).toBe(201);
    await run.until('/apis/fuzz.example.com/v1/foos', 200);
    const large = largeRequest('many members that are pruned', 0.1);
    const { response, bytes } = await ask('/apis/fuzz.example.com/v1/foos?fieldValidation=Ignore', large.body);
    expect([response.status, JSON.parse(fromUtf8(bytes))]).toEqual([201, expect.objectContaining({ spec: { size: 1 } })]);
  } finally {
    await run.stop();
  }
});
