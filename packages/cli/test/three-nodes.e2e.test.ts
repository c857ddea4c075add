import type { Node, Pod, Service } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, eventually } from './cluster.ts';

const cluster = new Cluster('/var/lib/coxswain-test');

// Upstream's flags for shorter times: a node is unreachable after 16 s (leases are renewed every 10 s), its pods go 2 s later.
beforeAll(async () => {
  await cluster.up('--nodes=3', '--controller-manager-arg=--node-monitor-grace-period=16s,--node-monitor-period=1s',
    '--apiserver-arg=--default-not-ready-toleration-seconds=2,--default-unreachable-toleration-seconds=2');
});
afterAll(async () => { await cluster.down(); });

const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: spread}
spec:
  replicas: 6
  selector: {matchLabels: {app: spread}}
  template:
    metadata: {labels: {app: spread}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: coxswain.local/busybox:1
        command: [sh, -c, 'mkdir -p /www && hostname > /www/index.html && exec httpd -f -p 8080 -h /www']
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: spread}
spec: {selector: {app: spread}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: agent, image: 'coxswain.local/busybox:1', command: [sleep, '36000']}]
`;

async function pods(label: string): Promise<readonly Pod[]> {
  const list = await cluster.json<{ items: Pod[] }>('get', 'pods', '-l', label);
  return list.items.filter((pod) => pod.metadata?.deletionTimestamp === undefined);
}

function nodesOf(list: readonly Pod[]): readonly string[] {
  return [...new Set(list.map((pod) => pod.spec?.nodeName ?? ''))].toSorted();
}

const allNodes = ['node-1', 'node-2', 'node-3'];

test('pods spread over the nodes, a DaemonSet has one on each', async () => {
  await cluster.apply(manifests);
  await cluster.kubectl('rollout', 'status', 'deployment/spread', '--timeout=120s');
  await cluster.kubectl('rollout', 'status', 'daemonset/agent', '--timeout=120s');
  expect(nodesOf(await pods('app=spread'))).toEqual(allNodes);
  const agents = await pods('app=agent');
  expect(agents).toHaveLength(3);
  expect(nodesOf(agents)).toEqual(allNodes);
});

test('every node joined by a signing request of its own', async () => {
  const requests = await cluster.json<{ items: { spec: { username: string; signerName: string }; status?: { conditions?: { type: string }[]; certificate?: string } }[] }>('get', 'csr');
  const client = requests.items.filter((request) => request.spec.signerName === 'kubernetes.io/kube-apiserver-client-kubelet');
  expect(client.length).toBeGreaterThanOrEqual(3);
  for (const request of client) {
    expect(request.spec.username).toMatch(/^system:bootstrap:/);
    expect(request.status?.conditions?.map((condition) => condition.type)).toContain('Approved');
    expect(request.status?.certificate).toBeDefined();
  }
});

test('traffic crosses nodes by pod address and by service address', async () => {
  const agents = await pods('app=agent');
  const targets = await pods('app=spread');
  const clusterIp = (await cluster.json<Service>('get', 'service', 'spread')).spec?.clusterIP ?? '';
  for (const agent of agents) {
    const exec = (script: string): Promise<string> => cluster.kubectl('exec', agent.metadata?.name ?? '', '--', 'sh', '-c', script);
    for (const target of targets) expect(await exec(`timeout 5 wget -q -O - http://${target.status?.podIP}:8080`)).toBe(target.metadata?.name);
    const seen = new Set((await exec(`for i in $(seq 40); do timeout 5 wget -q -O - http://${clusterIp} || exit 1; done`)).split('\n'));
    expect(seen.size).toBeGreaterThanOrEqual(targets.length - 1);
    expect((await exec('timeout 5 wget -q -O - http://spread.default.svc.cluster.local')).length).toBeGreaterThan(0);
  }
});

test('a node whose kubelet is gone becomes NotReady and its pods are replaced elsewhere', async () => {
  const victim = 'node-2';
  await cluster.cox('stop', `kubelet-${victim}`);
  await eventually('the node is not Ready', async () => {
    const node = await cluster.json<Node>('get', 'node', victim);
    return node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status === 'Unknown';
  }, 90_000);
  await eventually('six replicas are Ready elsewhere', async () => {
    const list = await pods('app=spread');
    const ready = list.filter((pod) => pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'));
    return ready.length === 6 && !nodesOf(list).includes(victim);
  }, 120_000);
  await cluster.cox('start', `kubelet-${victim}`);
  await eventually('the node is Ready again', async () => {
    const node = await cluster.json<Node>('get', 'node', victim);
    return node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status === 'True' && (node.spec?.taints ?? []).length === 0;
  });
  await eventually('the DaemonSet has a pod there again', async () => nodesOf(await pods('app=agent')).includes(victim));
});
