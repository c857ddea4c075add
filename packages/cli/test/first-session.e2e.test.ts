import type { Deployment } from 'kubernetes-types/apps/v1';
import type { Pod, Service } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../src/edge/shell.ts';
import { Cluster, eventually, get, lineOf, oldKubectl } from './cluster.ts';

const cluster = new Cluster('/var/lib/coxswain-test');

beforeAll(async () => { await cluster.up(); });
afterAll(async () => { await cluster.down(); });

/** Each replica answers with its own name. */
const web = (replicas: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: web
        image: coxswain.local/busybox:1
        command: [sh, -c, 'mkdir -p /www && hostname > /www/index.html && echo serving && exec httpd -f -p 8080 -h /www']
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
        lifecycle: {preStop: {exec: {command: [sleep, '3']}}}
        ports: [{containerPort: 8080, name: http}]
`;

async function names(label: string): Promise<string[]> {
  const list = await cluster.json<{ items: Pod[] }>('get', 'pods', '-l', label);
  return list.items.filter((pod) => pod.metadata?.deletionTimestamp === undefined).map((pod) => pod.metadata?.name ?? '').toSorted();
}

async function nodePort(): Promise<number> {
  const service = await cluster.json<Service>('get', 'service', 'web');
  return service.spec?.ports?.[0]?.nodePort ?? 0;
}

test('the node is Ready and the system namespaces are there', async () => {
  expect(await cluster.kubectl('get', 'nodes')).toMatch(/node-1\s+Ready/);
  const namespaces = (await cluster.kubectl('get', 'namespaces', '-o', 'name')).split('\n');
  expect(namespaces).toEqual(['namespace/default', 'namespace/kube-node-lease', 'namespace/kube-public', 'namespace/kube-system']);
  expect(await cluster.kubectl('get', 'service', 'kubernetes')).toContain('10.96.0.1');
});

test('a deployment of three replicas runs', async () => {
  expect(await cluster.apply(web(3))).toBe('deployment.apps/web created');
  expect(await cluster.kubectl('expose', 'deployment', 'web', '--port=80', '--target-port=8080', '--type=NodePort')).toBe('service/web exposed');
  expect(await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=90s')).toContain('successfully rolled out');
  expect(await names('app=web')).toHaveLength(3);
  expect(await cluster.kubectl('get', 'deployment', 'web')).toMatch(/web\s+3\/3\s+3\s+3/);
});

test('a pod resolves the service and reaches all three replicas', async () => {
  await cluster.kubectl('run', 'client', '--image=coxswain.local/busybox:1', '--restart=Never', '--command', '--', 'sleep', '3600');
  await cluster.kubectl('wait', 'pod/client', '--for=condition=Ready', '--timeout=60s');
  const clusterIp = (await cluster.json<Service>('get', 'service', 'web')).spec?.clusterIP ?? '';
  await eventually('the name resolves', async () => (await cluster.kubectl('exec', 'client', '--', 'nslookup', 'web.default.svc.cluster.local')).includes(clusterIp));
  const replicas = await names('app=web');
  const loop = 'for i in $(seq 60); do timeout 5 wget -q -O - http://web || exit 1; done';
  const answers = new Set((await cluster.kubectl('exec', 'client', '--', 'sh', '-c', loop)).split('\n'));
  expect([...answers].toSorted()).toEqual(replicas);
});

test('the node port answers from the host', async () => {
  const replicas = await names('app=web');
  const port = await nodePort();
  expect(replicas).toContain(await get(`http://10.89.0.1:${port}/`));
  expect(replicas).toContain(await get(`http://127.0.0.1:${port}/`));
});

describe('looking at it', () => {
  test('logs, describe and events', async () => {
    const [first] = await names('app=web');
    expect(await cluster.kubectl('logs', first as string)).toBe('serving');
    expect(await cluster.kubectl('logs', 'deployment/web', '--tail=1')).toBe('serving');
    const described = await cluster.kubectl('describe', 'pod', first as string);
    expect(described).toMatch(/Status:\s+Running/);
    for (const reason of ['Scheduled', 'Pulled', 'Created', 'Started']) expect(described).toMatch(new RegExp(`Normal\\s+${reason}\\s`));
    expect(await cluster.kubectl('get', 'events')).toMatch(/Normal\s+ScalingReplicaSet\s+deployment\/web/);
  });

  test('exec passes input, output and exit code', async () => {
    const [first] = await names('app=web');
    const ran = await cluster.tryKubectl(['exec', '-i', first as string, '--', 'sh', '-c', 'cat; echo err >&2; exit 7'], 'from stdin\n');
    expect([ran.stdout, ran.code]).toEqual(['from stdin\n', 7]);
    expect(ran.stderr).toContain('err\n');
  });

  test('port-forward', async () => {
    const [first] = await names('app=web');
    const forward = cluster.spawnKubectl(['port-forward', `pod/${first}`, ':8080']);
    try {
      const line = await lineOf(forward, /Forwarding from 127\.0\.0\.1:\d+/);
      const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? '';
      expect(await get(`http://127.0.0.1:${port}/`)).toBe(first);
      expect(await get(`http://127.0.0.1:${port}/`)).toBe(first);
    } finally {
      forward.kill();
    }
  });
});

describe('changing it', () => {
  test('scale', async () => {
    await cluster.kubectl('scale', 'deployment', 'web', '--replicas=5');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
    expect(await names('app=web')).toHaveLength(5);
    await cluster.kubectl('scale', 'deployment', 'web', '--replicas=3');
    await eventually('two are gone', async () => (await names('app=web')).length === 3);
  });

  test('a rolling update under load loses no request', async () => {
    const port = await nodePort();
    const before = await names('app=web');
    await run('ctr', ['--address', '/run/coxswain/node-1/containerd.sock', '-n', 'k8s.io', 'images', 'tag', 'coxswain.local/busybox:1', 'coxswain.local/busybox:2']);
    let loading = true;
    let answered = 0;
    const failures: string[] = [];
    const load = Promise.all(Array.from({ length: 4 }, async () => {
      while (loading) await get(`http://10.89.0.1:${port}/`).then(() => { answered += 1; }, (error: Error) => { failures.push(error.message); });
    }));
    await cluster.kubectl('set', 'image', 'deployment/web', 'web=coxswain.local/busybox:2');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    await eventually('the old pods are gone', async () => !(await cluster.json<{ items: Pod[] }>('get', 'pods', '-l', 'app=web')).items.some((pod) => before.includes(pod.metadata?.name ?? '')));
    loading = false;
    await load;
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(20);
    expect((await names('app=web')).filter((name) => before.includes(name))).toEqual([]);
  });

  test('history and undo', async () => {
    expect(await cluster.kubectl('rollout', 'history', 'deployment/web')).toMatch(/^1 .*\n2 /m);
    await cluster.kubectl('rollout', 'undo', 'deployment/web');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    const deployment = await cluster.json<Deployment>('get', 'deployment', 'web');
    expect(deployment.spec?.template.spec?.containers[0]?.image).toBe('coxswain.local/busybox:1');
    expect(deployment.metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
  });

  test('apply again, edit by patch, server-side apply', async () => {
    expect(await cluster.apply(web(3))).toMatch(/deployment.apps\/web (unchanged|configured)/);
    await cluster.kubectl('patch', 'deployment', 'web', '-p', '{"spec":{"template":{"metadata":{"annotations":{"edited":"yes"}}}}}');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    for (const name of await names('app=web')) expect(await cluster.kubectl('get', 'pod', name, '-o', 'jsonpath={.metadata.annotations.edited}')).toBe('yes');
    const config = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {a: b}\n';
    const ran = await cluster.tryKubectl(['apply', '--server-side', '-f', '-'], config);
    expect(ran.stdout.trim()).toBe('configmap/applied serverside-applied');
    const conflict = await cluster.tryKubectl(['apply', '--server-side', '--field-manager=other', '-f', '-'], config.replace('a: b', 'a: c'));
    expect(conflict.code).toBe(1);
    expect(conflict.stderr).toContain('conflict with "kubectl": .data.a');
  });
});

test('what users first reach for works with Debian\'s kubectl 1.20 too', async () => {
  const old = await oldKubectl(`${cluster.data}/kubectl-1.20`);
  if (old === undefined) { process.stdout.write('kubectl 1.20 is not to be had from Debian here: skipped\n'); return; }
  const session = cluster.with(old);
  expect(await session.kubectl('version', '--client', '--short')).toContain('v1.20');
  await session.kubectl('create', 'deployment', 'old', '--image=coxswain.local/busybox:1', '--replicas=2', '--', 'sh', '-c', 'echo hello; exec httpd -f -p 8080');
  await session.kubectl('expose', 'deployment', 'old', '--port=80', '--target-port=8080', '--type=NodePort');
  await session.kubectl('rollout', 'status', 'deployment/old', '--timeout=60s');
  expect(await session.kubectl('get', 'pods', '-l', 'app=old', '-o', 'wide')).toMatch(/old-\S+\s+1\/1\s+Running\s+0\s+\S+\s+10\.244\.0\.\d+\s+node-1/);
  expect(await session.kubectl('logs', 'deployment/old')).toBe('hello');
  expect(await session.kubectl('exec', 'deployment/old', '--', 'echo', 'from', 'exec')).toBe('from exec');
  expect(await session.kubectl('describe', 'service', 'old')).toMatch(/Endpoints:\s+10\.244\.0\.\d+:8080,10\.244\.0\.\d+:8080/);
  await session.kubectl('delete', 'service,deployment', 'old');
  await session.kubectl('delete', 'pods', '-l', 'app=old', '--grace-period=1', '--wait=false');
});

test('deleting leaves nothing', async () => {
  await cluster.kubectl('delete', 'deployment,service', 'web', '--cascade=foreground', '--timeout=60s');
  await cluster.kubectl('delete', 'pod', 'client', '--grace-period=1');
  await eventually('all is gone', async () => (await cluster.kubectl('get', 'pods,replicasets,deployments,endpoints,endpointslices', '-o', 'name')).split('\n').filter((name) => /web|client|old/.test(name)).length === 0);
  const rules = (await run('iptables-save', [])).stdout;
  expect(rules).not.toContain('default/web');
});
