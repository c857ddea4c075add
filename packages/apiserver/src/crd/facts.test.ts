/** What a real 1.32.2 server answered to definitions and objects, good and bad; each suite runs in its order against one server. */
import { equalJson } from '@coxswain/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { adminToken } from '../testing/parts-config.ts';
import { answerOf, httpRequest, type TestAnswer } from '../testing/test-server.ts';
import facts from './crd-facts.json' with { type: 'json' };

interface Fact {
  readonly name: string;
  /** Method, target, body, content type. Absent: the definition before it is to be in force. */
  readonly request?: readonly unknown[];
  readonly status?: number;
  readonly warning?: string;
  readonly message?: string;
  /** Sorted: upstream walks maps. */
  readonly causes?: readonly string[];
  readonly object?: Readonly<Record<string, unknown>>;
}

const name = 'things.facts.example.com';
let cluster: TestCluster;

async function ask([method, target, body, type = 'application/json']: readonly unknown[]): Promise<TestAnswer> {
  const raw = body === undefined ? {} : { raw: typeof body === 'string' ? body : JSON.stringify(body) };
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': type as string };
  const response = await cluster.servers[0]?.handle(httpRequest({ method: method as string, target: target as string, headers, ...raw }));
  return answerOf(response as NonNullable<typeof response>);
}

interface Status { readonly message?: string; readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly field?: string; readonly message: string }[] } }

function seen(answer: TestAnswer, fact: Fact): Fact {
  const { message, details } = answer.json as Status;
  const causes = details?.causes?.map((cause) => `${cause.reason ?? ''} ${cause.field ?? ''}: ${cause.message}`).sort();
  const { spec, status } = answer.json;
  return {
    name: fact.name, ...(fact.request === undefined ? {} : { request: fact.request }), status: answer.status, ...(answer.warning === undefined ? {} : { warning: answer.warning }),
    ...(fact.message === undefined ? {} : { message: message ?? '' }), ...(fact.causes === undefined ? {} : { causes: causes ?? [] }),
    ...(fact.object === undefined ? {} : { object: { ...(spec === undefined ? {} : { spec }), ...(status === undefined ? {} : { status }) } }),
  };
}

/** Until discovery by the server's cache has the definition as it was last written. */
async function inForce(): Promise<void> {
  const target = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
  await expect.poll(async () => {
    const { object } = await cluster.call('GET', target);
    const kept = cluster.servers[0]?.cache.get('apiextensions.k8s.io', 'customresourcedefinitions', '', name);
    const established = JSON.stringify(object.status).includes('"InitialNamesAccepted"');
    return established && kept !== undefined && (kept['metadata'] as { resourceVersion: string }).resourceVersion === object.metadata['resourceVersion'];
  }, { interval: 5, timeout: 10_000 }).toBe(true);
}

/** A client's mistake is no 500 here, where the original says that (README); the words are its. */
function argued(fact: Fact): Fact {
  return fact.status === 500 && fact.message?.startsWith('failed to create typed patch object') === true ? { ...fact, status: 400 } : fact;
}

describe.each((facts as unknown as { suites: { title: string; cases: Fact[] }[] }).suites)('$title', ({ cases }) => {
  beforeAll(async () => {
    cluster = await startTestCluster();
    await cluster.call('POST', '/api/v1/namespaces', { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'facts' } } });
  });
  afterAll(() => cluster.stop());

  test('every answer agrees', async () => {
    const answers: Fact[] = [];
    for (const fact of cases) {
      if (fact.request === undefined) {
        await inForce();
        answers.push(fact);
      } else answers.push(seen(await ask(fact.request), fact));
    }
    const wanted = cases.map(argued);
    const differing = answers.filter((answer, index) => !equalJson(answer as never, wanted[index] as never));
    expect(differing).toEqual(wanted.filter((_fact, index) => differing.includes(answers[index] as Fact)));
    expect(answers).toHaveLength(cases.length);
  }, 60_000);
});
