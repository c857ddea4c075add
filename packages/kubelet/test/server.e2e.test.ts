import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod } from 'kubernetes-types/core/v1';
import { resources } from '@coxswain/client';
import { fromUtf8, readAll, silentLogger, utf8, type ByteStream, type IncomingResponse, type Listener } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createMetrics } from '@coxswain/service/edge';
import { SpdyConnection, WebSocketConnection, type SpdyStream } from '@coxswain/streaming';
import { createSpdyCodec } from '@coxswain/streaming/edge';
import { connectRuntime, createLinuxSystem, type CriConnection } from '../src/edge/index.ts';
import { kubeletHandler, startKubelet, type KubeletServerConfig, type RunningKubelet } from '../src/index.ts';
import { testConfig } from './support/config.ts';
import { missingTools, startContainerd, type TestContainerd } from './support/containerd.ts';
import { FakeApi } from './support/fake-api.ts';

const image = 'coxswain.local/busybox:1';
const { pods } = resources;
if (missingTools.length > 0) console.log(`skipped: missing ${missingTools.join(', ')}`);

const serverConfig: KubeletServerConfig = {
  address: '127.0.0.1', port: 0, clientCaPem: undefined, anonymous: true, webhookAuthentication: true, authenticationCacheMs: 1000, authorization: 'AlwaysAllow',
  authorizedCacheMs: 1000, unauthorizedCacheMs: 1000, healthzAddress: '127.0.0.1', healthzPort: 0,
};

describe.skipIf(missingTools.length > 0)('the kubelet’s server', () => {
  let containerd: TestContainerd;
  let cri: CriConnection;
  let kubelet: RunningKubelet;
  let listener: Listener;
  let pod: Pod;
  const api = new FakeApi();
  const host = createRealHost(silentLogger);
  const metrics = createMetrics();

  const fetch = (path: string, extra: object = {}): Promise<IncomingResponse> => host.network.fetch({ url: `http://127.0.0.1:${listener.port}${path}`, method: 'GET', httpVersion: '1.1', ...extra });
  const text = async (path: string): Promise<string> => fromUtf8(await readAll((await fetch(path)).body));

  beforeAll(async () => {
    containerd = await startContainerd({ subnet: '10.231.2.0/24' });
    cri = connectRuntime(containerd.endpoint);
    kubelet = await startKubelet(testConfig(containerd.directory, containerd.cgroupRoot, { containerLogMaxSizeBytes: 5000, containerLogMaxFiles: 3, containerLogMonitorIntervalMs: 1100 }), host, { runtime: cri.runtime, system: createLinuxSystem(), client: api, metrics });
    listener = await host.network.serveHttp({ address: '127.0.0.1', port: 0 }, kubeletHandler(kubelet.view, host, serverConfig, metrics));
    await api.create<Pod>(pods, { metadata: { name: 'web', namespace: 'default' }, spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 1, containers: [
      { name: 'main', image, command: ['sh', '-c', 'for i in 1 2 3 4; do echo line $i; done; usleep 300000; echo oops >&2; echo page > /tmp/index.html; exec httpd -f -p 8080 -h /tmp'] },
      { name: 'echo', image, stdin: true, command: ['sh', '-c', 'while read -r line; do echo "got $line"; done; exec sleep 3600'] },
    ] } });
    pod = await api.until<Pod>(pods, { namespace: 'default', name: 'web' }, (object) => object?.status?.conditions?.find((condition) => condition.type === 'Ready')?.status === 'True') as Pod;
  });

  afterAll(async () => {
    await listener?.close();
    await kubelet?.stop();
    cri?.close();
    await containerd?.close();
  });

  test('logs: whole, tail, limit, timestamps, since', async () => {
    await expect.poll(() => text('/containerLogs/default/web/main')).toBe('line 1\nline 2\nline 3\nline 4\noops\n');
    expect(await text('/containerLogs/default/web/main?tailLines=2')).toBe('line 4\noops\n');
    expect(await text('/containerLogs/default/web/main?tailLines=0')).toBe('');
    expect(await text('/containerLogs/default/web/main?limitBytes=9')).toBe('line 1\nli');
    expect(await text('/containerLogs/default/web/main?timestamps=true&tailLines=1')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z oops\n$/);
    expect(await text('/containerLogs/default/web/main?sinceTime=2100-01-01T00:00:00Z')).toBe('');
    expect((await fetch('/containerLogs/default/web/none')).status).toBe(404);
    expect((await fetch('/containerLogs/default/web/main?previous=true')).status).toBe(400);
  });

  const spdy = async (path: string, protocol: string): Promise<SpdyConnection> => {
    const response = await fetch(path, { method: 'POST', upgrade: true, headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol } });
    expect([response.status, response.headers['x-stream-protocol-version']]).toEqual([101, protocol]);
    return new SpdyConnection(response.upgraded as ByteStream, 'client', createSpdyCodec());
  };
  const open = async (connection: SpdyConnection, names: readonly string[]): Promise<Map<string, SpdyStream>> => {
    const streams = new Map<string, SpdyStream>();
    for (const name of names) streams.set(name, await connection.createStream({ streamtype: [name] }));
    return streams;
  };
  const read = async (stream: SpdyStream | undefined): Promise<string> => fromUtf8(await readAll((stream as SpdyStream).readable));

  test('exec over SPDY: input, both outputs, exit code', async () => {
    const connection = await spdy('/exec/default/web/main?command=sh&command=-c&command=cat;echo%20err%3E%262;exit%203&input=1&output=1&error=1', 'v4.channel.k8s.io');
    const streams = await open(connection, ['error', 'stdin', 'stdout', 'stderr']);
    await streams.get('stdin')?.write(utf8('hello'));
    await streams.get('stdin')?.end();
    expect(await read(streams.get('stdout'))).toBe('hello');
    expect(await read(streams.get('stderr'))).toBe('err\n');
    expect(JSON.parse(await read(streams.get('error')))).toMatchObject({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '3' }] } });
    await connection.close();
  });

  test('exec over WebSocket v4', async () => {
    const response = await fetch('/exec/default/web/main?command=echo&command=hi&output=1', { upgrade: true, headers: {
      connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-protocol': 'v4.channel.k8s.io',
    } });
    expect([response.status, response.headers['sec-websocket-protocol']]).toEqual([101, 'v4.channel.k8s.io']);
    const socket = new WebSocketConnection(response.upgraded as ByteStream, { role: 'client', random: host.random });
    const got: string[] = [];
    for await (const message of socket.messages()) got.push(`${message.data[0]}:${fromUtf8(message.data.subarray(1))}`);
    expect(got.join('')).toContain('1:hi\n');
    expect(got.at(-1)).toMatch(/^3:.*"status":"Success"/);
  });

  test('attach and follow see the same output as it comes', async () => {
    const abort = new AbortController();
    const followed = (await fetch('/containerLogs/default/web/echo?follow=true', { signal: abort.signal })).body[Symbol.asyncIterator]();
    const connection = await spdy('/attach/default/web/echo?input=1&output=1', 'v4.channel.k8s.io');
    const streams = await open(connection, ['error', 'stdin', 'stdout']);
    await streams.get('stdin')?.write(utf8('one\n'));
    const chunk = await (streams.get('stdout') as SpdyStream).readable[Symbol.asyncIterator]().next();
    expect(fromUtf8(chunk.value as Uint8Array)).toBe('got one\n');
    expect(fromUtf8((await followed.next()).value as Uint8Array)).toBe('got one\n');
    abort.abort();
    await connection.close();
  });

  test('port-forward reaches the pod', async () => {
    const connection = await spdy('/portForward/default/web', 'portforward.k8s.io');
    await connection.createStream({ streamtype: ['error'], port: ['8080'], requestid: ['0'] });
    const data = await connection.createStream({ streamtype: ['data'], port: ['8080'], requestid: ['0'] });
    await data.write(utf8('GET /index.html HTTP/1.0\r\n\r\n'));
    expect(await read(data)).toMatch(/^HTTP\/1\.[01] 200 OK[\s\S]*page\n$/);
    await connection.close();
  });

  test('pods, stats and unknown paths', async () => {
    const list = JSON.parse(await text('/pods')) as { items: Pod[] };
    expect(list.items.map((item) => [item.metadata?.name, item.status?.phase])).toEqual([['web', 'Running']]);
    const stats = JSON.parse(await text('/stats/summary')) as { node: { nodeName: string; memory: { workingSetBytes: number } }; pods: { podRef: { uid: string }; cpu: { usageCoreNanoSeconds: number }; memory: { workingSetBytes: number }; containers: { name: string; memory: { workingSetBytes: number } }[] }[] };
    expect(stats.node.nodeName).toBe('node-1');
    expect(stats.pods[0]?.cpu.usageCoreNanoSeconds).toBeGreaterThan(0);
    expect(stats.pods[0]?.memory.workingSetBytes).toBeGreaterThan(0);
    const resource = await text('/metrics/resource');
    for (const name of ['container_cpu_usage_seconds_total{container="main",namespace="default",pod="web"}', 'container_memory_working_set_bytes{container="echo",namespace="default",pod="web"}', 'pod_memory_working_set_bytes{namespace="default",pod="web"}', 'node_cpu_usage_seconds_total']) {
      expect(Number(resource.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length).trim().split(' ')[0])).toBeGreaterThan(0);
    }
    expect(stats.pods[0]?.podRef.uid).toBe(pod.metadata?.uid);
    expect(stats.pods[0]?.containers.map((container) => container.name).sort()).toEqual(['echo', 'main']);
    expect(stats.pods[0]?.containers.every((container) => container.memory.workingSetBytes > 0)).toBe(true);
    expect(await text('/healthz')).toBe('ok');
    expect((await fetch('/nothing')).status).toBe(404);
  });

  test('a follower sees every line over rotations, and old logs are compressed and counted', async () => {
    await api.create<Pod>(pods, { metadata: { name: 'chatty', namespace: 'default' }, spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 1, restartPolicy: 'Never', containers: [
      { name: 'main', image, command: ['sh', '-c', 'i=0; while [ $i -lt 400 ]; do echo "this is line number $i"; i=$((i+1)); usleep 8000; done'] },
    ] } });
    await api.until<Pod>(pods, { namespace: 'default', name: 'chatty' }, (object) => object?.status?.containerStatuses?.[0]?.state?.running !== undefined);
    const followed = await text('/containerLogs/default/chatty/main?follow=true');
    expect(followed).toBe(Array.from({ length: 400 }, (_, index) => `this is line number ${index}\n`).join(''));
    const [worker] = (await cri.runtime.listContainers()).filter((container) => container.labels['io.kubernetes.pod.name'] === 'chatty');
    const { logPath } = await cri.runtime.containerStatus(worker?.id ?? '');
    const names = await host.disk.list(logPath.slice(0, logPath.lastIndexOf('/')));
    expect(names.length).toBeLessThanOrEqual(3);
    expect(names[0]).toBe('0.log');
    expect(names[1]).toMatch(/^0\.log\.\d{8}-\d{6}\.gz$/);
  });

  test('metrics that dashboards ask for', async () => {
    await expect.poll(() => text('/metrics')).toContain('kubelet_running_pods 1\n');
    const lines = (await text('/metrics')).split('\n');
    expect(lines).toContain('kubelet_running_containers{container_state="running"} 2');
    expect(lines).toContain('kubelet_node_name{node="node-1"} 1');
    for (const name of ['kubelet_pod_start_duration_seconds', 'kubelet_pleg_relist_duration_seconds', 'kubelet_pleg_relist_interval_seconds']) {
      expect(Number(lines.find((line) => line.startsWith(`${name}_count `))?.split(' ')[1])).toBeGreaterThan(0);
    }
  });
});
