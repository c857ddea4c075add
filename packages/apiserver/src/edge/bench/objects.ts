/** What is written: pods as a deployment makes them, and the nodes that they are on. */
export const namespace = 'cox-bench';

export function nodeName(at: number): string {
  return `bench-node-${at}`;
}

export function podName(at: number): string {
  return `web-${at}`;
}

export function nodeBody(at: number): Uint8Array {
  return Buffer.from(JSON.stringify({
    apiVersion: 'v1', kind: 'Node',
    metadata: { name: nodeName(at), labels: { 'kubernetes.io/hostname': nodeName(at), 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', 'topology.kubernetes.io/zone': `zone-${at % 3}` } },
    spec: { podCIDR: `10.${at >> 8}.${at & 255}.0/24` },
    status: { capacity: { cpu: '16', memory: '64Gi', pods: '110' }, allocatable: { cpu: '16', memory: '64Gi', pods: '110' } },
  }));
}

export function unboundPodBody(name: string): Uint8Array {
  return Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: { containers: [{ name: 'web', image: 'registry.example.com/team/web:1.2.3' }] } }));
}

export function podBody(at: number, nodes: number): Uint8Array {
  return Buffer.from(JSON.stringify({
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: podName(at), namespace, labels: { app: `web-${at % 100}`, 'pod-template-hash': '5d8f7c9b6d' }, annotations: { 'example.com/revision': '1' } },
    spec: {
      nodeName: nodeName(at % nodes), restartPolicy: 'Always', terminationGracePeriodSeconds: 30,
      containers: [{
        name: 'web', image: 'registry.example.com/team/web:1.2.3', ports: [{ containerPort: 8080, protocol: 'TCP', name: 'http' }],
        env: [{ name: 'MODE', value: 'production' }, { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } }, readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 10 },
      }],
    },
  }));
}

export const podsPath = `/api/v1/namespaces/${namespace}/pods`;

export function podPath(at: number): string {
  return `${podsPath}/${podName(at)}`;
}

export function mergePatch(value: number): Uint8Array {
  return Buffer.from(JSON.stringify({ metadata: { annotations: { 'example.com/revision': String(value) } } }));
}

export function applyBody(at: number, value: number): Uint8Array {
  return Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: podName(at), namespace, annotations: { 'example.com/applied': String(value) } } }));
}
