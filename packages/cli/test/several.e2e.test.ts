import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resources } from '@coxswain/client';
import type { ConfigMap, Endpoints, Event, Pod, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../src/edge/shell.ts';
import { Cluster, eventually, get, lineOf, oldKubectl } from './cluster.ts';
import { Follower, Writer } from './load.ts';

const cluster = new Cluster('/var/lib/coxswain-test');
const image = 'coxswain.local/busybox:1';

/** `talker` answers lines, `crasher` ended once with code 3 and runs now, `web` serves; all of them pull their image. */
const manifests = `
apiVersion: v1
kind: Pod
metadata: {name: talker, labels: {app: talker}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: talker, image: '${image}', imagePullPolicy: Always, stdin: true, command: [sh, -c, 'echo ready; while read line; do echo "got $line"; done; sleep 3600']}
---
apiVersion: v1
kind: Pod
metadata: {name: crasher}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: kept, emptyDir: {}}]
  containers:
  - name: crasher
    image: ${image}
    volumeMounts: [{name: kept, mountPath: /kept}]
    command: [sh, -c, 'if [ -e /kept/once ]; then echo second life; exec sleep 3600; fi; touch /kept/once; echo first life; exit 3']
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: ${image}
        command: [sh, -c, 'mkdir -p /www && hostname > /www/index.html && exec httpd -f -p 8080 -h /www']
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
`;

let old: string | undefined;

beforeAll(async () => {
  await cluster.up('--apiservers=2', '--registry');
  old = await oldKubectl(`${cluster.data}/kubectl-1.20`);
  await cluster.apply(manifests);
  await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
  await cluster.kubectl('wait', 'pod/talker', 'pod/crasher', '--for=condition=Ready', '--timeout=60s');
});
afterAll(async () => { await cluster.down(); });

async function eventsOf(pod: string): Promise<readonly Event[]> {
  return (await cluster.json<{ items: Event[] }>('get', 'events', `--field-selector=involvedObject.name=${pod}`)).items;
}

describe('images come from the registry', () => {
  test('a pull says what it fetched and how long it took', async () => {
    const messages = (await eventsOf('talker')).filter((event) => event.reason === 'Pulled').map((event) => event.message);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatch(/^Successfully pulled image "coxswain\.local\/busybox:1" in \d+(\.\d+)?m?s \(\d+(\.\d+)?m?s including waiting\)\. Image size: \d{6,} bytes\.$/);
  });

  test('imagePullPolicy Always pulls again what is there, IfNotPresent does not', async () => {
    for (const [name, policy] of [['again', 'Always'], ['present', 'IfNotPresent']] as const) {
      await cluster.kubectl('run', name, `--image=${image}`, `--image-pull-policy=${policy}`, '--restart=Never', '--command', '--', 'true');
      await cluster.kubectl('wait', `pod/${name}`, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s');
    }
    expect((await eventsOf('again')).map((event) => event.reason)).toContain('Pulling');
    const present = await eventsOf('present');
    expect(present.map((event) => event.reason)).not.toContain('Pulling');
    expect(present.map((event) => event.message)).toContain(`Container image "${image}" already present on machine`);
  });

  test('an image that is not there: ErrImagePull, then ImagePullBackOff', async () => {
    const missing = 'coxswain.local/missing:9';
    const seen = new Set<string>();
    await cluster.kubectl('run', 'missing', `--image=${missing}`, '--restart=Never');
    const client = await cluster.client();
    const stop = AbortSignal.timeout(60_000);
    for await (const event of client.watch<Pod>(resources.pods, { namespace: 'default', fieldSelector: 'metadata.name=missing', signal: stop })) {
      if (event.type === 'ERROR') break;
      const waiting = event.object.status?.containerStatuses?.[0]?.state?.waiting;
      if (waiting?.reason === 'ErrImagePull' || waiting?.reason === 'ImagePullBackOff') seen.add(`${waiting.reason}: ${waiting.message}`);
      if (waiting?.reason === 'ImagePullBackOff') break;
    }
    const cause = `rpc error: code = NotFound desc = failed to pull and unpack image "${missing}": failed to resolve reference "${missing}": ${missing}: not found`;
    expect([...seen]).toEqual([`ErrImagePull: ${cause}`, `ImagePullBackOff: Back-off pulling image "${missing}": ErrImagePull: ${cause}`]);
    const messages = (await eventsOf('missing')).map((event) => `${event.type} ${event.reason}: ${event.message}`);
    for (const expected of [`Normal Pulling: Pulling image "${missing}"`, `Warning Failed: Failed to pull image "${missing}": ${cause}`, 'Warning Failed: Error: ErrImagePull', `Normal BackOff: Back-off pulling image "${missing}"`, 'Warning Failed: Error: ImagePullBackOff']) {
      expect(messages).toContain(expected);
    }
    await cluster.kubectl('delete', 'pod', 'missing', '--grace-period=0', '--force');
  });
});

/** WebSocket first, and SPDY only. */
describe.each(['of today', '1.20'] as const)('sessions with kubectl %s', (which) => {
  const session = (): Cluster | undefined => {
    if (which === 'of today') return cluster;
    if (old === undefined) process.stdout.write('kubectl 1.20 is not to be had from Debian here: skipped\n');
    return old === undefined ? undefined : cluster.with(old);
  };
  const suffix = which === '1.20' ? '-old' : '';

  test('run -it: a shell in a new pod, on a terminal', async () => {
    const terminal = session()?.terminal('run', '-it', `client${suffix}`, `--image=${image}`, '--restart=Never', '--', 'sh');
    if (terminal === undefined) return;
    try {
      await terminal.shows(/# /);
      terminal.type('nslookup web.default.svc.cluster.local\n');
      await terminal.shows(/Address: 10\.96\.\d+\.\d+/);
      terminal.type('wget -q -O - http://web\n');
      await terminal.shows(/web-[a-z0-9]+-[a-z0-9]{5}\r\n/);
      terminal.type('exit 4\n');
      expect(await terminal.ended).toBe(4);
    } finally {
      terminal.kill();
    }
    const pod = await cluster.json<Pod>('get', 'pod', `client${suffix}`);
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 4, reason: 'Error' });
  });

  test('exec -it: size, Ctrl-C and exit code of a terminal', async () => {
    const terminal = session()?.terminal('exec', '-it', 'talker', '--', 'sh');
    if (terminal === undefined) return;
    try {
      await terminal.shows(/# /);
      terminal.type('tty; stty size\n');
      await terminal.shows(/\/dev\/pts\/\d+\r\n41 103\r\n/);
      terminal.type('sleep 1000\n');
      await terminal.shows(/sleep 1000\r\n/);
      await eventually('sleep runs', async () => (await cluster.kubectl('exec', 'talker', '--', 'ps')).includes('sleep 1000'));
      terminal.type('\x03');
      await terminal.shows(/# /);
      terminal.type('exit 7\n');
      expect(await terminal.ended).toBe(7);
    } finally {
      terminal.kill();
    }
  });

  test('exec passes a megabyte through unchanged, and keeps output and errors apart', async () => {
    const text = randomBytes(700_000).toString('base64');
    const ran = await session()?.tryKubectl(['exec', '-i', 'talker', '--', 'sh', '-c', 'cat; echo aside >&2; exit 3'], text);
    if (ran === undefined) return;
    expect([ran.stdout === text, ran.code]).toEqual([true, 3]);
    expect(ran.stderr).toMatch(/^aside\n/);
  });

  test('attach: what is typed reaches the first process, and it outlives the session', async () => {
    const attached = session()?.spawnKubectl(['attach', '-i', 'talker'], 'pipe');
    if (attached === undefined) return;
    try {
      const answer = lineOf(attached, /got hello/);
      attached.stdin?.write(`hello${suffix}\n`);
      expect(await answer).toBe(`got hello${suffix}`);
    } finally {
      attached.kill();
    }
    expect(await cluster.kubectl('logs', 'talker')).toContain(`got hello${suffix}`);
    expect((await cluster.json<Pod>('get', 'pod', 'talker')).status?.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  test('cp both ways', async () => {
    const current = session();
    if (current === undefined) return;
    const folder = `${cluster.data}/cp${suffix}`;
    mkdirSync(`${folder}/sub`, { recursive: true });
    const data = randomBytes(3_000_000);
    writeFileSync(`${folder}/big`, data);
    writeFileSync(`${folder}/sub/small`, 'small\n');
    await current.kubectl('cp', folder, `talker:/tmp/in${suffix}`);
    const digest = createHash('sha256').update(data).digest('hex');
    expect(await cluster.kubectl('exec', 'talker', '--', 'sha256sum', `/tmp/in${suffix}/big`)).toContain(digest);
    await current.kubectl('cp', `default/talker:/tmp/in${suffix}`, `${folder}/back`);
    expect(createHash('sha256').update(readFileSync(`${folder}/back/big`)).digest('hex')).toBe(digest);
    expect(readFileSync(`${folder}/back/sub/small`, 'utf8')).toBe('small\n');
  });

  test('logs: following to the end, previous, since, timestamps', async () => {
    const current = session();
    if (current === undefined) return;
    const name = `counter${suffix}`;
    await current.kubectl('run', name, `--image=${image}`, '--restart=Never', '--command', '--', 'sh', '-c', 'echo one; sleep 3; echo two; sleep 1; echo three');
    await current.kubectl('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=60s');
    expect(await current.kubectl('logs', '-f', name)).toBe('one\ntwo\nthree');
    const stamped = (await current.kubectl('logs', '--timestamps', name)).split('\n').map((line) => /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6,9}Z) (.*)$/.exec(line));
    expect(stamped.map((match) => match?.[2])).toEqual(['one', 'two', 'three']);
    const times = stamped.map((match) => Date.parse(match?.[1] ?? ''));
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(2900);
    expect(await current.kubectl('logs', `--since-time=${stamped[1]?.[1]}`, name)).toBe('two\nthree');
    expect(await current.kubectl('logs', '--since=1h', '--tail=1', name)).toBe('three');
    expect(await current.kubectl('logs', '--since=1s', 'crasher')).toBe('');
    expect(await current.kubectl('logs', 'crasher')).toBe('second life');
    expect(await current.kubectl('logs', '--previous', 'crasher')).toBe('first life');
    const none = await current.tryKubectl(['logs', '--previous', 'talker']);
    expect(none.stderr).toContain('previous terminated container "talker" in pod "talker" not found');
    await current.kubectl('delete', 'pod', name, '--grace-period=0', '--force');
  });

  test('port-forward to a service', async () => {
    const forward = session()?.spawnKubectl(['port-forward', 'service/web', ':80']);
    if (forward === undefined) return;
    try {
      const line = await lineOf(forward, /Forwarding from 127\.0\.0\.1:\d+ -> 8080/);
      const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? '';
      const answers = await Promise.all(Array.from({ length: 8 }, () => get(`http://127.0.0.1:${port}/`)));
      for (const answer of answers) expect(answer).toMatch(/^web-/);
    } finally {
      forward.kill();
    }
  });

  test('proxy, and a service through the API server', async () => {
    const proxy = session()?.spawnKubectl(['proxy', '--port=0']);
    if (proxy === undefined) return;
    try {
      const address = /127\.0\.0\.1:\d+/.exec(await lineOf(proxy, /Starting to serve on/))?.[0] ?? '';
      expect(await get(`http://${address}/healthz`)).toBe('ok');
      expect(JSON.parse(await get(`http://${address}/api/v1/namespaces/default/pods/talker`))).toMatchObject({ kind: 'Pod', metadata: { name: 'talker' } });
      expect(await get(`http://${address}/api/v1/namespaces/default/services/web:http/proxy/`)).toMatch(/^web-/);
    } finally {
      proxy.kill();
    }
  });
});

describe('the rest of kubectl', () => {
  test('get --raw, api-resources, explain', async () => {
    expect(await cluster.kubectl('get', '--raw', '/readyz')).toBe('ok');
    const apis = await cluster.kubectl('api-resources');
    expect(apis).toMatch(/^deployments\s+deploy\s+apps\/v1\s+true\s+Deployment$/m);
    expect(apis).toMatch(/^nodes\s+no\s+v1\s+false\s+Node$/m);
    const explained = await cluster.kubectl('explain', 'deployment.spec');
    expect(explained).toMatch(/^FIELD: spec <DeploymentSpec>$/m);
    expect(explained).toMatch(/replicas\t<integer>\n\s+Number of desired pods\./);
    if (old !== undefined) expect(await cluster.with(old).kubectl('explain', 'deployment.spec', '--api-version=apps/v1')).toMatch(/replicas\t<integer>\n\s+Number of desired pods\./);
  });

  test('diff says what would change, and changes nothing', async () => {
    const before = await cluster.kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.metadata.resourceVersion} {.spec.replicas}');
    const ran = await cluster.tryKubectl(['diff', '-f', '-'], manifests.replace('replicas: 2', 'replicas: 3'));
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/^-\s+replicas: 2$/m);
    expect(ran.stdout).toMatch(/^\+\s+replicas: 3$/m);
    expect((await cluster.tryKubectl(['diff', '-f', '-'], manifests)).code).toBe(0);
    expect((await cluster.kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.metadata.resourceVersion} {.spec.replicas}')).split(' ')[1]).toBe(before.split(' ')[1]);
  });

  test('edit, and apply on the server\'s side', async () => {
    await cluster.kubectl('create', 'configmap', 'edited', '--from-literal=colour=red');
    const edited = await cluster.tryKubectl(['edit', 'configmap', 'edited'], '', { KUBE_EDITOR: 'sed -i s/red/blue/' });
    expect(edited.stdout.trim()).toBe('configmap/edited edited');
    expect(await cluster.kubectl('get', 'configmap', 'edited', '-o', 'jsonpath={.data.colour}')).toBe('blue');
    expect(await cluster.kubectl('apply', '--server-side', '--force-conflicts', '-f', writeManifest())).toBe('configmap/edited serverside-applied');
    const managers = await cluster.json<ConfigMap>('get', 'configmap', 'edited', '--show-managed-fields');
    expect(managers.metadata?.managedFields?.map((entry) => `${entry.manager} ${entry.operation}`)).toContain('kubectl Apply');
    expect(managers.data).toEqual({ colour: 'green' });
  });

  test('auth can-i, and a token that the server knows', async () => {
    expect(await cluster.kubectl('auth', 'can-i', '*', '*')).toBe('yes');
    const refused = await cluster.tryKubectl(['auth', 'can-i', 'create', 'pods', '--as=system:serviceaccount:default:default']);
    expect([refused.stdout.trim(), refused.code]).toEqual(['no', 1]);
    const token = await cluster.kubectl('create', 'token', 'default', '--duration=20m');
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { sub: string; exp: number; iat: number };
    expect([claims.sub, claims.exp - claims.iat]).toEqual(['system:serviceaccount:default:default', 1200]);
    const who = await asToken(token, 'auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}');
    expect(who.stdout).toBe('system:serviceaccount:default:default');
    expect((await asToken(token, 'get', 'pods')).stderr).toContain('pods is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods" in API group "" in the namespace "default"');
  });

  test('sessions of today\'s kubectl are WebSockets, without falling back', async () => {
    const exec = await cluster.tryKubectl(['exec', '-v=7', 'talker', '--', 'true']);
    expect(exec.code).toBe(0);
    expect(exec.stderr).toMatch(/GET https:\S+\/pods\/talker\/exec\?/);
    expect(exec.stderr).not.toMatch(/POST|fallback/);
  });

  test('top says that there are no metrics', async () => {
    expect((await cluster.tryKubectl(['top', 'nodes'])).stderr).toContain('Metrics API not available');
  });

  test('debug: an ephemeral container beside a running one', async () => {
    const terminal = cluster.terminal('debug', '-it', 'talker', `--image=${image}`, '--target=talker', '-c', 'debugger', '--', 'sh');
    try {
      await terminal.shows(/# /);
      terminal.type('echo $((40+2)); ps\n');
      await terminal.shows(/42\r\n[^]*while read line/);
      terminal.type('exit\n');
      await terminal.ended;
    } finally {
      terminal.kill();
    }
    await eventually('its end is told', async () => (await cluster.kubectl('get', 'pod', 'talker', '-o', 'jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}')) === '0');
  });

  test('drain evicts, a disruption budget holds it up; uncordon', async () => {
    await cluster.kubectl('create', 'poddisruptionbudget', 'web', '--selector=app=web', '--min-available=2');
    await eventually('the budget is counted', async () => (await cluster.kubectl('get', 'pdb', 'web', '-o', 'jsonpath={.status.currentHealthy} {.status.disruptionsAllowed}')) === '2 0');
    const held = await cluster.tryKubectl(['drain', 'node-1', '--pod-selector=app=web', '--timeout=3s']);
    expect(held.code).toBe(1);
    expect(held.stderr).toContain('Cannot evict pod as it would violate the pod\'s disruption budget.');
    await cluster.kubectl('patch', 'pdb', 'web', '--type=merge', '-p', '{"spec":{"minAvailable":0}}');
    const before = await cluster.kubectl('get', 'pods', '-l', 'app=web', '-o', 'name');
    expect(await cluster.kubectl('drain', 'node-1', '--pod-selector=app=web', '--timeout=60s')).toContain('node/node-1 drained');
    expect(await cluster.kubectl('get', 'nodes')).toContain('SchedulingDisabled');
    await cluster.kubectl('delete', 'pdb', 'web');
    await cluster.kubectl('uncordon', 'node-1');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
    const after = (await cluster.kubectl('get', 'pods', '-l', 'app=web', '--field-selector=status.phase=Running', '-o', 'name')).split('\n');
    expect(after.filter((name) => before.includes(name))).toEqual([]);
  });
});

function writeManifest(): string {
  const file = `${cluster.data}/applied.yaml`;
  writeFileSync(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: edited}\ndata: {colour: green}\n');
  return file;
}

/** kubectl with nothing but a token. */
function asToken(token: string, ...args: string[]): ReturnType<typeof run> {
  const server = /server: (.*)/.exec(readFileSync(cluster.kubeconfig, 'utf8'))?.[1] ?? '';
  return run('kubectl', [`--server=${server}`, `--certificate-authority=${cluster.data}/pki/ca.crt`, `--token=${token}`, ...args], { env: { ...process.env, KUBECONFIG: '/dev/null', HOME: cluster.data } });
}

/** The address of each API server, past the balancer. */
const servers = ['10.89.0.240', '10.89.0.241'];

describe('two API servers', () => {
  const addresses = async (): Promise<readonly string[]> => {
    const endpoints = await cluster.json<Endpoints>('get', 'endpoints', 'kubernetes');
    return (endpoints.subsets?.[0]?.addresses ?? []).map((one) => one.ip);
  };

  test('both are endpoints of the service kubernetes, then the one that lives', async () => {
    expect(await addresses()).toEqual(servers);
    await cluster.cox('stop', 'apiserver-0');
    try {
      await eventually('only the other one is there', async () => JSON.stringify(await addresses()) === JSON.stringify(servers.slice(1)));
      await eventually('the slice says so too', async () => {
        const slice = await cluster.json<EndpointSlice>('get', 'endpointslice', 'kubernetes');
        return JSON.stringify(slice.endpoints.flatMap((endpoint) => endpoint.addresses)) === JSON.stringify(servers.slice(1));
      });
      for (let time = 0; time < 5; time += 1) expect(await cluster.kubectl('--server=https://10.96.0.1', 'get', '--raw', '/readyz')).toBe('ok');
    } finally {
      await cluster.cox('start', 'apiserver-0');
    }
    await eventually('both are there again', async () => JSON.stringify(await addresses()) === JSON.stringify(servers));
  });

  test('services that are made through both at once have addresses and node ports of their own', async () => {
    const clients = await Promise.all(servers.map((server) => cluster.client(`https://${server}:6443`)));
    const service = (name: string): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default', labels: { test: 'many' } }, spec: { type: 'NodePort', selector: { app: 'none' }, ports: [{ port: 80 }] } });
    const startMs = performance.now();
    await Promise.all(clients.flatMap((client, at) => Array.from({ length: 40 }, (_, index) => client.create(resources.services, service(`many-${at}-${index}`)))));
    process.stdout.write(`80 services made in ${Math.round(performance.now() - startMs)} ms\n`);
    const made = (await cluster.json<{ items: Service[] }>('get', 'services', '-A')).items;
    const all = (values: readonly (string | number | undefined)[]): readonly (string | number)[] => values.filter((value): value is string | number => value !== undefined && value !== 'None');
    const clusterIps = all(made.map((one) => one.spec?.clusterIP));
    const nodePorts = all(made.flatMap((one) => one.spec?.ports?.map((port) => port.nodePort) ?? []));
    expect(nodePorts).toHaveLength(80);
    expect(new Set(nodePorts).size).toBe(nodePorts.length);
    expect(clusterIps.length).toBeGreaterThan(80);
    expect(new Set(clusterIps).size).toBe(clusterIps.length);
    await Promise.all(made.filter((one) => one.metadata?.labels?.['test'] === 'many').map(async ({ metadata }, at) => {
      await clients[at % 2]?.delete(resources.services, { namespace: 'default', name: metadata?.name ?? '' });
    }));
  });

  test('kill -9 of each in turn during writes and a watch: both go on, nothing acknowledged is lost', async () => {
    const client = await cluster.client();
    const follower = new Follower(client, { mayRelist: true });
    const writer = new Writer(client);
    for (const victim of ['apiserver-0', 'apiserver-1']) {
      const before = writer.acknowledged.length;
      await eventually('writes are acknowledged', async () => writer.acknowledged.length > before + 30);
      await cluster.killAndWait(victim);
      const after = writer.acknowledged.length;
      await eventually(`writes go on after ${victim} died`, async () => writer.acknowledged.length > after + 30);
    }
    await writer.stop();
    const stored = new Set((await client.list<ConfigMap>(resources.configmaps, { namespace: 'default', labelSelector: 'test=writer' })).items.map((item) => item.metadata?.name ?? ''));
    expect(writer.acknowledged.filter((name) => !stored.has(name))).toEqual([]);
    await eventually('the watch has caught up', async () => {
      const missing = [...stored].filter((name) => !follower.added.includes(name));
      if (missing.length > 0) throw new Error(`${missing.length} of ${stored.size} are missing, from ${missing[0]} to ${missing.at(-1)}, after ${follower.breaks} breaks; ${follower.problems.join('; ')}`);
      return true;
    });
    await follower.stop();
    expect(follower.problems).toEqual([]);
    expect(follower.added.toSorted()).toEqual([...stored].toSorted());
    process.stdout.write(`${writer.acknowledged.length} writes acknowledged, ${writer.unknown.length} refused or unknown, ${follower.breaks} watch breaks, ${follower.relists} lists anew\n`);
  });
});
