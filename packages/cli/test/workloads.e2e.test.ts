import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Event, Pod } from 'kubernetes-types/core/v1';
import type { Job } from 'kubernetes-types/batch/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster, eventually } from './cluster.ts';
import { workloads } from './workloads.ts';

const cluster = new Cluster('/var/lib/coxswain-test');
const hostFolder = `${cluster.data}/host-folder`;

beforeAll(async () => {
  await cluster.up();
  mkdirSync(hostFolder);
  writeFileSync(`${hostFolder}/marker`, 'of the host\n');
  await cluster.apply(workloads(hostFolder));
});
afterAll(async () => { await cluster.down(); });

const pod = (name: string): Promise<Pod> => cluster.json<Pod>('get', 'pod', name);
const exec = (name: string, container: string, script: string): Promise<string> => cluster.kubectl('exec', name, '-c', container, '--', 'sh', '-c', script);

async function container(name: string, which = 'main'): Promise<NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]> {
  const status = (await pod(name)).status?.containerStatuses?.find((candidate) => candidate.name === which);
  if (status === undefined) throw new Error(`${name} tells nothing of ${which}`);
  return status;
}

async function condition(name: string, type: string): Promise<{ readonly status: string; readonly reason?: string } | undefined> {
  return (await pod(name)).status?.conditions?.find((candidate) => candidate.type === type);
}

async function events(name: string): Promise<readonly string[]> {
  const list = await cluster.json<{ items: Event[] }>('get', 'events', `--field-selector=involvedObject.name=${name}`);
  return list.items.map((event) => `${event.reason}: ${event.message?.trim()}`);
}

describe('what a pod is given', () => {
  test('environment, init containers and volumes are as declared', async () => {
    await cluster.kubectl('wait', 'pod/given', '--for=condition=Ready', '--timeout=90s');
    await eventually('it has looked at everything', async () => (await cluster.kubectl('logs', 'given')).includes('Read-only'));
    const ip = (await pod('given')).status?.podIP ?? '';
    expect((await cluster.kubectl('logs', 'given')).split('\n')).toEqual([
      'CM_SIZE=7', 'CM_colour=red', 'COLOUR=red', 'CPU_MILLIS=50', 'HOST_IP=10.89.0.1', 'JOINED=red-given-$(COLOUR)-$(UNKNOWN)', 'MEMORY_MI=64', 'NODE_NAME=node-1', 'PASSWORD=s3cret',
      'POD_ACCOUNT=default', `POD_IP=${ip}`, 'POD_NAME=given', 'POD_NAMESPACE=default', 'POD_NOTE=hello', 'SECRET_TOKEN=t0ken', 'SECRET_password=s3cret',
      'first', 'second', 'a=1', 's3cretred400', '440', 'tier="front"', 'zone="a"', 'of the host', 'tmpfs', 'touch: /config/x: Read-only file system',
    ]);
  });

  test('the host sees what the pod writes', async () => {
    await exec('given', 'main', 'echo from pod > /host/answer');
    expect(readFileSync(`${hostFolder}/answer`, 'utf8')).toBe('from pod\n');
  });

  // '[sig-auth] ServiceAccounts should mount an API token into pods [Conformance]'
  // '[sig-auth] ServiceAccounts should mount projected service account token [Conformance]'
  test('a projected token is for its audience, and the default one opens the API', async () => {
    const claims = JSON.parse(Buffer.from((await exec('given', 'main', 'cat /token/token')).split('.')[1] ?? '', 'base64url').toString('utf8')) as { aud: string[]; sub: string; 'kubernetes.io': { pod: { name: string } } };
    expect([claims.aud, claims.sub, claims['kubernetes.io'].pod.name]).toEqual([['vault'], 'system:serviceaccount:default:default', 'given']);
    expect(await exec('given', 'main', 'cat /token/size')).toBe('7');
    const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
    expect(await exec('given', 'main', `cat ${folder}/namespace; grep -c BEGIN ${folder}/ca.crt`)).toBe('default1');
    // From outside, since busybox's TLS is too old for this server.
    const token = await exec('given', 'main', `cat ${folder}/token`);
    const get = (): ReturnType<Cluster['tryKubectl']> => cluster.tryKubectl(['--kubeconfig=/dev/null', '--server=https://10.96.0.1', `--certificate-authority=${cluster.data}/pki/ca.crt`, `--token=${token}`, 'get', 'pod', 'given', '-o', 'name']);
    expect((await get()).stderr).toContain('pods "given" is forbidden: User "system:serviceaccount:default:default" cannot get resource "pods"');
    await cluster.kubectl('create', 'rolebinding', 'viewers', '--clusterrole=view', '--serviceaccount=default:default');
    await eventually('the role holds', async () => (await get()).stdout === 'pod/given\n');
  });

  test('a changed ConfigMap reaches the running pod\'s files, not its environment', async () => {
    await cluster.kubectl('patch', 'configmap', 'settings', '-p', '{"data":{"colour":"blue"}}');
    await eventually('the file has changed', async () => (await exec('given', 'main', 'cat /chosen/renamed')) === 'blue', 120_000);
    expect(await exec('given', 'main', 'cat /config/colour')).toBe('blue');
    expect(await exec('given', 'main', 'echo $COLOUR')).toBe('red');
  });
});

describe('probes', () => {
  test('readiness over HTTP takes the pod out of its service and in again, without a restart', async () => {
    const endpoints = (): Promise<string> => cluster.kubectl('get', 'endpoints', 'probed', '-o', 'jsonpath={.subsets[*].addresses[*].ip}');
    await cluster.kubectl('wait', 'pod/probed', '--for=condition=Ready', '--timeout=60s');
    const ip = (await pod('probed')).status?.podIP ?? '';
    await eventually('the pod serves', async () => (await endpoints()) === ip);
    await exec('probed', 'http', 'rm /www/ok');
    await cluster.kubectl('wait', 'pod/probed', '--for=condition=Ready=false', '--timeout=30s');
    await eventually('the service has nobody', async () => (await endpoints()) === '');
    expect(await events('probed')).toContain('Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404');
    await exec('probed', 'http', 'touch /www/ok');
    await cluster.kubectl('wait', 'pod/probed', '--for=condition=Ready', '--timeout=30s');
    expect((await container('probed', 'http')).restartCount).toBe(0);
  });

  test('liveness by a command restarts that container alone, with back-off the second time', async () => {
    const other = (await container('probed', 'http')).containerID;
    await exec('probed', 'exec', 'rm /tmp/alive');
    await eventually('it is restarted', async () => (await container('probed', 'exec')).restartCount === 1);
    const now = await container('probed', 'exec');
    expect(now.lastState?.terminated?.exitCode).toBe(137);
    expect((await container('probed', 'http')).containerID).toBe(other);
    const told = await events('probed');
    expect(told).toContain("Unhealthy: Liveness probe failed: cat: can't open '/tmp/alive': No such file or directory");
    expect(told).toContain('Killing: Container exec failed liveness probe, will be restarted');
    await eventually('it lives', async () => (await container('probed', 'exec')).state?.running !== undefined);
    await exec('probed', 'exec', 'rm /tmp/alive');
    await eventually('it is backed off', async () => (await container('probed', 'exec')).state?.waiting?.reason === 'CrashLoopBackOff');
    expect((await container('probed', 'exec')).state?.waiting?.message).toMatch(/^back-off 10s restarting failed container=exec pod=probed_default\([0-9a-f-]{36}\)$/);
  });

  test('a startup probe holds the others back until the container has started', async () => {
    await cluster.kubectl('wait', 'pod/slow', '--for=condition=Ready', '--timeout=60s');
    const status = await container('slow', 'slow');
    expect([status.restartCount, status.started]).toEqual([0, true]);
    expect((await events('slow')).filter((event) => event.includes('Liveness'))).toEqual([]);
    expect((await events('slow')).some((event) => event.startsWith('Unhealthy: Startup probe failed'))).toBe(true);
  });

  test('a container that never starts is killed; restartPolicy Never leaves it so', async () => {
    await eventually('it has failed', async () => (await pod('stillborn')).status?.phase === 'Failed');
    expect((await events('stillborn'))).toContain('Killing: Container stillborn failed startup probe');
    expect((await events('stillborn')).some((event) => /Unhealthy: Startup probe failed: dial tcp .*:1: connect: connection refused/.test(event))).toBe(true);
  });

  test('a readiness gate is for somebody else to open', async () => {
    await eventually('its container is ready', async () => (await condition('gated', 'ContainersReady'))?.status === 'True');
    expect(await condition('gated', 'Ready')).toMatchObject({ status: 'False', reason: 'ReadinessGatesNotReady' });
    await cluster.kubectl('patch', 'pod', 'gated', '--subresource=status', '-p', '{"status":{"conditions":[{"type":"example.com/load-balanced","status":"True"}]}}');
    await cluster.kubectl('wait', 'pod/gated', '--for=condition=Ready', '--timeout=30s');
  });
});

describe('ends', () => {
  // '[sig-node] Container Runtime blackbox test when starting a container that exits should run with the expected status [NodeConformance] [Conformance]'
  // '[sig-node] InitContainer [NodeConformance] should not start app containers and fail the pod if init containers fail on a RestartNever pod [Conformance]'
  test('restart policies', async () => {
    for (const [name, phase] of [['on-failure-ok', 'Succeeded'], ['never-ok', 'Succeeded'], ['never-bad', 'Failed'], ['init-bad', 'Failed']]) {
      await cluster.kubectl('wait', `pod/${name}`, `--for=jsonpath={.status.phase}=${phase}`, '--timeout=60s');
      expect((await container(name as string)).restartCount).toBe(0);
    }
    expect((await container('never-bad')).state?.terminated).toMatchObject({ exitCode: 3, reason: 'Error', message: 'last words' });
    expect((await container('init-bad')).state?.waiting?.reason).toBe('PodInitializing');
    for (const name of ['always', 'on-failure-bad']) await eventually(`${name} is restarted again and again`, async () => (await container(name)).restartCount >= 2);
    await eventually('the back-off doubles', async () => (await container('on-failure-bad')).state?.waiting?.message?.startsWith('back-off 20s ') === true);
    expect((await container('on-failure-bad')).lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect((await container('always')).lastState?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect((await pod('always')).status?.phase).toBe('Running');
  });

  test('jobs run to their end', async () => {
    await cluster.kubectl('wait', 'job/counts', '--for=condition=Complete', '--timeout=60s');
    const done = await cluster.json<Job>('get', 'job', 'counts');
    expect([done.status?.succeeded, done.status?.completedIndexes]).toEqual([4, '0-3']);
    const logs = (await cluster.kubectl('logs', '-l', 'job-name=counts', '--tail=-1')).split('\n');
    expect(logs.toSorted()).toEqual(['index 0', 'index 1', 'index 2', 'index 3']);
    await cluster.kubectl('wait', 'job/fails', '--for=condition=Failed', '--timeout=90s');
    const failed = await cluster.json<Job>('get', 'job', 'fails');
    expect(failed.status?.conditions?.find((one) => one.type === 'Failed')).toMatchObject({ reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' });
    expect(failed.status?.failed).toBe(2);
  });
});
