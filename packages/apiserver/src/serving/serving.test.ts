import { emptyBytes, type HttpHandler, type HttpRequest } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import { permissiveParts, startTestServer } from '../testing/test-server.ts';
import { checkFeatureGates } from './feature-gates.ts';
import { withPolicy, type HttpPolicy } from './http-policy.ts';
import { runtimeConfigOf, servedVersions } from './runtime-config.ts';

const known = [{ group: '', version: 'v1' }, { group: 'apps', version: 'v1' }, { group: 'batch', version: 'v1' }, { group: 'a.k8s.io', version: 'v1alpha1' }, { group: 'b.k8s.io', version: 'v1beta2' }];

test.each([
  ['', ['v1', 'apps/v1', 'batch/v1']],
  ['apps/v1=false', ['v1', 'batch/v1']],
  ['api/all=true', ['v1', 'apps/v1', 'batch/v1', 'a.k8s.io/v1alpha1', 'b.k8s.io/v1beta2']],
  ['api/all=false,v1,batch/v1=true', ['v1', 'batch/v1']],
  ['api/beta=true', ['v1', 'apps/v1', 'batch/v1', 'b.k8s.io/v1beta2']],
  ['api/alpha,a.k8s.io/v1alpha1=false', ['v1', 'apps/v1', 'batch/v1']],
  ['api/ga=false,api/v1=true', ['v1']],
])('--runtime-config=%s serves %j', (flag, served) => {
  const isServed = servedVersions(runtimeConfigOf(flag === '' ? [] : flag.split(',')), known);
  expect(known.filter(({ group, version }) => isServed(group, version)).map(({ group, version }) => (group === '' ? version : `${group}/${version}`))).toEqual(served);
});

test('what is not built is refused by name', () => {
  expect(() => servedVersions({ 'storage.k8s.io/v1beta1': 'true' }, known)).toThrow('--runtime-config: storage.k8s.io/v1beta1 is not built');
  expect(() => servedVersions({ 'nonsense/v1': 'true' }, known)).toThrow('--runtime-config: unknown api groups nonsense');
  expect(() => servedVersions({ 'apps/v1': 'maybe' }, known)).toThrow('invalid value apps/v1=maybe');
  expect(checkFeatureGates({ WatchList: 'true', CBORServingAndStorage: 'false' })).toEqual(new Map([['WatchList', true], ['CBORServingAndStorage', false]]));
  expect(() => checkFeatureGates({ CBORServingAndStorage: 'true' })).toThrow('--feature-gates: CBORServingAndStorage=true is not built: it is always false');
  expect(() => checkFeatureGates({ Nonsense: 'true' })).toThrow('--feature-gates: unrecognized feature gate: Nonsense');
  expect(() => checkFeatureGates({ WatchList: 'yes' })).toThrow('parsing "yes": invalid syntax');
});

test('a group version that is switched off is neither served nor discovered', async () => {
  const server = await startTestServer({ assemble: () => permissiveParts }, undefined, { isServed: (group) => group !== 'batch' });
  expect((await server.call({ method: 'GET', target: '/apis/batch/v1/jobs' })).status).toBe(404);
  expect((await server.call({ method: 'GET', target: '/apis' })).text).not.toContain('"batch"');
  expect((await server.call({ method: 'GET', target: '/apis/apps/v1/deployments' })).status).toBe(200);
  await server.stop();
});

const policy: HttpPolicy = { strictTransportSecurity: ['max-age=31536000', 'includeSubDomains'], isOriginAllowed: (origin) => origin === 'https://ok.example', goawayChance: 0, sendRetryAfter: true };

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  yield emptyBytes;
}

function request(target: string, options: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', target, headers: {}, body: nothing(), peer: { address: '127.0.0.1:1' }, httpVersion: '2', signal: new AbortController().signal, upgradeRequested: false, ...options };
}

const inner: HttpHandler = () => Promise.resolve({ status: 200, headers: {} });

test('HSTS, CORS and their preflight', async () => {
  const { host } = new Simulation({ seed: 1 }).start('a', 'a');
  const handle = withPolicy(inner, policy, host, () => false, () => false);
  expect((await handle(request('/'))).headers).toEqual({ 'strict-transport-security': 'max-age=31536000; includeSubDomains' });
  const foreign = await handle(request('/', { headers: { origin: 'https://other.example' }, method: 'OPTIONS' }));
  expect([foreign.status, Object.keys(foreign.headers)]).toEqual([200, ['strict-transport-security']]);
  const preflight = await handle(request('/api', { headers: { origin: 'https://ok.example' }, method: 'OPTIONS' }));
  expect([preflight.status, preflight.headers]).toEqual([204, {
    'strict-transport-security': 'max-age=31536000; includeSubDomains', 'access-control-allow-origin': 'https://ok.example', 'access-control-allow-credentials': 'true', 'access-control-expose-headers': 'Date',
    'access-control-allow-headers': 'Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since', 'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE, PATCH',
  }]);
});

test('while it shuts down new requests are sent away, probes are not; some clients are told to go elsewhere', async () => {
  const { host } = new Simulation({ seed: 2 }).start('a', 'a');
  let closing = false;
  const handle = withPolicy(inner, { ...policy, goawayChance: 0.02 }, host, () => closing, () => false);
  let told = 0;
  for (let n = 0; n < 5000; n += 1) if ((await handle(request('/'))).headers['connection'] === 'close') told += 1;
  expect(told).toBeGreaterThan(50);
  expect(told).toBeLessThan(200);
  expect((await handle(request('/', { httpVersion: '1.1' }))).headers).not.toHaveProperty('connection');
  closing = true;
  const refused = await handle(request('/api/v1/pods'));
  expect([refused.status, refused.headers['retry-after'], refused.headers['connection'], new TextDecoder().decode(refused.body as Uint8Array)]).toEqual([429, '5', 'close', 'The apiserver is shutting down, please try again later.\n']);
  expect((await handle(request('/readyz'))).status).toBe(200);
});
