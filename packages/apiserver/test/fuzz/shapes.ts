import { fromUtf8, utf8 } from '@coxswain/host';
import { largeRequest, largeRequests } from './large.ts';
import { FuzzRun, type Monitor } from './run.ts';

export interface ShapeResult {
  readonly name: string;
  readonly bytes: number;
  readonly status: number;
  readonly answer: string;
  /** The longest turn of the event loop, the better of two times: what is slow once may have been compiled, or collected. */
  readonly heldMs: number;
}

const schema = { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' }, any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } } };
const definition = { metadata: { name: 'foos.fuzz.example.com' }, spec: { group: 'fuzz.example.com', scope: 'Namespaced', names: { plural: 'foos', kind: 'Foo' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] } };
const foos = '/apis/fuzz.example.com/v1/namespaces/fuzz/foos';
const core = '/api/v1/namespaces/fuzz';

async function prepare(run: FuzzRun): Promise<void> {
  const ask = (method: string, target: string, body?: unknown) => run.ask({ method, target, headers: { authorization: 'Bearer tok', 'content-type': 'application/json' }, body: utf8(body === undefined ? '' : JSON.stringify(body)) });
  await ask('POST', '/api/v1/namespaces', { metadata: { name: 'fuzz' } });
  await ask('POST', `${core}/serviceaccounts`, { metadata: { name: 'default' } });
  await ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  await run.until(foos, 200);
  for (const [target, body] of [[`${core}/configmaps`, { data: { a: 'b' } }], [`${core}/pods`, { spec: { containers: [{ name: 'a', image: 'b' }] } }], [foos, { apiVersion: 'fuzz.example.com/v1', kind: 'Foo', spec: { size: 1 } }]] as const) {
    await ask('DELETE', `${target}/large`);
    await ask('DELETE', `${target}/p1`, { gracePeriodSeconds: 0 });
    await ask('POST', target, { ...body, metadata: { name: 'p1' } });
  }
  for (const path of ['/apis/rbac.authorization.k8s.io/v1/clusterroles/large', '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/large', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bars.fuzz.example.com']) {
    await ask('DELETE', path);
    await run.until(path, 404);
  }
}

/** Whole, and small enough to get past what is refused for its size. */
const parts = [1, 0.3, 0.1];

/** Each of the large requests, alone. */
export async function measureShapes(monitor: Monitor, only: string, onResult: (result: ShapeResult) => void): Promise<readonly ShapeResult[]> {
  const run = await FuzzRun.start({ seed: 1, requests: 0 });
  const results: ShapeResult[] = [];
  try {
    for (const [name, part] of Object.keys(largeRequests).filter((known) => known.includes(only)).flatMap((known) => parts.map((part) => [known, part] as const))) {
      const request = largeRequest(name, part);
      let result: ShapeResult = { name: `${name} × ${part}`, bytes: request.body.length, status: 0, answer: '', heldMs: Infinity };
      for (let time = 0; time < 2; time += 1) {
        await prepare(run);
        const heldMs = await monitor(async () => {
          const { response, bytes } = await run.ask(request);
          result = { ...result, status: response.status, answer: fromUtf8(bytes.subarray(0, 120)) };
        });
        result = { ...result, heldMs: Math.min(result.heldMs, heldMs) };
      }
      results.push(result);
      onResult(result);
    }
  } finally {
    await run.stop();
  }
  return results;
}
