import { expect, test } from 'vitest';
import { startTestServer } from '../testing/test-server.ts';

test('a flow schema says whether its priority level is there, and when it comes', async () => {
  const server = await startTestServer();
  const client = server.server.loopbackClient;
  const type = { group: 'flowcontrol.apiserver.k8s.io', version: 'v1', resource: 'flowschemas', kind: 'FlowSchema', namespaced: false } as const;
  const base = '/apis/flowcontrol.apiserver.k8s.io/v1';
  const made = await server.call({ method: 'POST', target: `${base}/flowschemas`, body: { metadata: { name: 'fs' }, spec: { priorityLevelConfiguration: { name: 'later' }, matchingPrecedence: 1000 } } });
  expect(made.status, made.text).toBe(201);
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const event of client.watch(type, { fieldSelector: 'metadata.name=fs', resourceVersion: '0', signal: stop.signal })) {
    const { conditions } = (event.object as { status?: { conditions?: { status: string; message: string }[] } }).status ?? {};
    const condition = conditions?.[0];
    if (condition === undefined || seen.includes(condition.status)) continue;
    seen.push(condition.status);
    if (condition.status === 'True') {
      expect(condition.message).toBe('This FlowSchema references the PriorityLevelConfiguration object named "later" but there is no such object');
      await server.call({ method: 'POST', target: `${base}/prioritylevelconfigurations`, body: { metadata: { name: 'later' }, spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } } });
    } else break;
  }
  stop.abort();
  expect(seen).toEqual(['True', 'False']);
  await server.stop();
});
