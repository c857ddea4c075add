import { fileURLToPath } from 'node:url';
import { auditPolicyFile } from '@coxswain/apiserver/audit-policy';
import { nodeArguments as forApiserver } from '@coxswain/apiserver/node-arguments';
import { v8Threads } from '@coxswain/host/v8-threads';
import { nodeArguments as forScheduler } from '@coxswain/scheduler/node-arguments';
import type { ComponentSpec } from '../../component.ts';
import type { DataPaths } from '../../paths.ts';
import { apiAddress, apiserverAddresses, nodeHosts, type ClusterSettings, type NodeHost } from '../../settings.ts';
import { balancerHealthPort, dnsPort, etcdPorts } from '../../ports.ts';
import { onNode } from './network.ts';
import { cniBinDir } from './packages.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
export const etcdMembers = [0, 1, 2] as const;

function cox(name: string, flags: Readonly<Record<string, string | number | boolean>>, extra: readonly string[] = [], node: readonly string[] = [v8Threads()]): readonly string[] {
  return [process.execPath, ...node, main, name, ...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`), ...extra];
}

function etcdSpec(paths: DataPaths, index: number): ComponentSpec {
  const { client, peer } = etcdPorts(index);
  const cluster = etcdMembers.map((member) => `etcd-${member}=https://127.0.0.1:${etcdPorts(member).peer}`).join(',');
  return {
    name: `etcd-${index}`,
    argv: cox('etcd-lite', {
      name: `etcd-${index}`, 'data-dir': paths.etcd(index),
      'listen-client-urls': `https://127.0.0.1:${client}`, 'advertise-client-urls': `https://127.0.0.1:${client}`,
      'listen-peer-urls': `https://127.0.0.1:${peer}`, 'initial-advertise-peer-urls': `https://127.0.0.1:${peer}`,
      'initial-cluster': cluster, 'initial-cluster-state': 'new', 'initial-cluster-token': 'coxswain',
      // API servers learn from it how fresh a quiet watch is.
      'experimental-watch-progress-notify-interval': '5s',
      'client-cert-auth': true, 'trusted-ca-file': `${paths.pki}/etcd-ca.crt`, 'cert-file': `${paths.pki}/etcd-server.crt`, 'key-file': `${paths.pki}/etcd-server.key`,
      'peer-client-cert-auth': true, 'peer-trusted-ca-file': `${paths.pki}/etcd-ca.crt`, 'peer-cert-file': `${paths.pki}/etcd-peer.crt`, 'peer-key-file': `${paths.pki}/etcd-peer.key`,
    }),
  };
}

/** Days, files and megabytes as CIS wants them at least. */
function auditFlags(paths: DataPaths, name: string): Readonly<Record<string, string | number>> {
  return {
    'audit-policy-file': auditPolicyFile, 'audit-log-path': `${paths.logs}/${name}-audit.log`, 'audit-log-mode': 'batch',
    'audit-log-maxage': 30, 'audit-log-maxbackup': 10, 'audit-log-maxsize': 100,
  };
}

function apiserverSpec(settings: ClusterSettings, paths: DataPaths, address: string, index: number): ComponentSpec {
  const pki = paths.pki;
  const name = settings.apiservers === 1 ? 'apiserver' : `apiserver-${index}`;
  return {
    name,
    argv: cox('apiserver', {
      'etcd-servers': etcdMembers.map((member) => `https://127.0.0.1:${etcdPorts(member).client}`).join(','),
      'etcd-cafile': `${pki}/etcd-ca.crt`, 'etcd-certfile': `${pki}/apiserver-etcd-client.crt`, 'etcd-keyfile': `${pki}/apiserver-etcd-client.key`,
      'bind-address': address, 'advertise-address': address, 'secure-port': settings.port,
      'tls-cert-file': `${pki}/apiserver.crt`, 'tls-private-key-file': `${pki}/apiserver.key`, 'client-ca-file': `${pki}/ca.crt`,
      'authorization-mode': 'Node,RBAC', 'enable-admission-plugins': 'NodeRestriction', 'allow-privileged': true, 'enable-bootstrap-token-auth': true,
      'service-cluster-ip-range': settings.serviceCidr,
      'service-account-key-file': `${pki}/sa.pub`, 'service-account-signing-key-file': `${pki}/sa.key`, 'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
      'service-account-extend-token-expiration': false,
      'kubelet-client-certificate': `${pki}/apiserver-kubelet-client.crt`, 'kubelet-client-key': `${pki}/apiserver-kubelet-client.key`, 'kubelet-certificate-authority': `${pki}/ca.crt`, 'kubelet-preferred-address-types': 'InternalIP,Hostname',
      'proxy-client-cert-file': `${pki}/front-proxy-client.crt`, 'proxy-client-key-file': `${pki}/front-proxy-client.key`,
      'requestheader-client-ca-file': `${pki}/front-proxy-ca.crt`, 'requestheader-allowed-names': 'front-proxy-client',
      ...auditFlags(paths, name),
      'requestheader-extra-headers-prefix': 'X-Remote-Extra-', 'requestheader-group-headers': 'X-Remote-Group', 'requestheader-username-headers': 'X-Remote-User',
    }, settings.apiserverArgs, forApiserver),
  };
}

function balancerSpec(settings: ClusterSettings): ComponentSpec {
  const backends = apiserverAddresses(settings).map((address) => `${address}:${settings.port}`).join(',');
  return { name: 'balancer', argv: cox('balancer', { address: apiAddress(settings), port: settings.port, backends, 'healthz-port': balancerHealthPort }) };
}

function schedulerSpec(paths: DataPaths): ComponentSpec {
  const { pki } = paths;
  return {
    name: 'scheduler',
    argv: cox('scheduler', {
      kubeconfig: `${pki}/scheduler.kubeconfig`, 'bind-address': '127.0.0.1', 'leader-elect': true,
      'tls-cert-file': `${pki}/scheduler-server.crt`, 'tls-private-key-file': `${pki}/scheduler-server.key`, 'client-ca-file': `${pki}/ca.crt`,
    }, [], forScheduler),
  };
}

function controllerManagerSpec(settings: ClusterSettings, paths: DataPaths): ComponentSpec {
  return {
    name: 'controller-manager',
    argv: cox('controller-manager', {
      kubeconfig: `${paths.pki}/controller-manager.kubeconfig`, 'bind-address': '127.0.0.1', 'leader-elect': true,
      'use-service-account-credentials': true, 'allocate-node-cidrs': true, 'cluster-cidr': settings.podCidr, 'service-cluster-ip-range': settings.serviceCidr,
      'cluster-signing-cert-file': `${paths.pki}/ca.crt`, 'cluster-signing-key-file': `${paths.pki}/ca.key`, 'root-ca-file': `${paths.pki}/ca.crt`,
    }, settings.controllerManagerArgs),
  };
}

function dnsSpec(settings: ClusterSettings, paths: DataPaths): ComponentSpec {
  return { name: 'dns', argv: cox('dns', { kubeconfig: `${paths.pki}/dns.kubeconfig`, 'bind-address': apiAddress(settings), port: dnsPort, 'cluster-domain': 'cluster.local' }) };
}

function controlPlaneSpecs(settings: ClusterSettings, paths: DataPaths): readonly ComponentSpec[] {
  return [
    ...etcdMembers.map((index) => etcdSpec(paths, index)),
    ...apiserverAddresses(settings).map((address, index) => apiserverSpec(settings, paths, address, index)),
    ...(settings.apiservers > 1 ? [balancerSpec(settings)] : []),
    controllerManagerSpec(settings, paths), schedulerSpec(paths), dnsSpec(settings, paths),
  ];
}

/** Everything that runs on one node, on that node. */
export function nodeSpecs(settings: ClusterSettings, paths: DataPaths, node: NodeHost): readonly ComponentSpec[] {
  const files = paths.node(node.name);
  const kubelet = cox('kubelet', {
    kubeconfig: files.kubeletKubeconfig, 'bootstrap-kubeconfig': files.bootstrapKubeconfig, 'cert-dir': `${files.kubelet}/pki`, config: files.kubeletConfig,
    'hostname-override': node.name, 'node-ip': node.address, 'root-dir': files.kubelet,
    'network-plugin': 'kubenet', 'cni-conf-dir': files.cniConf, 'cni-bin-dir': cniBinDir(), 'non-masquerade-cidr': `${settings.podCidr},${settings.nodeCidr},${settings.serviceCidr}`,
  });
  return [
    { name: `containerd-${node.name}`, argv: onNode(node, ['containerd', '--config', files.containerdConfig]) },
    { name: `kubelet-${node.name}`, argv: onNode(node, kubelet), startAfterFiles: [files.containerdSocket] },
    { name: `kube-proxy-${node.name}`, argv: onNode(node, cox('kube-proxy', { config: files.proxyConfig })), startAfterFiles: [files.kubeletKubeconfig] },
  ];
}

/** All of them speak as the administrator: a node's own identity may speak for that node only. */
function hollowSpec(settings: ClusterSettings, paths: DataPaths): ComponentSpec {
  return { name: 'kubelet-hollow', argv: cox('kubelet', { hollow: settings.hollow, 'hollow-zones': 3, kubeconfig: paths.adminKubeconfig }) };
}

export function registrySpec(configFile: string): ComponentSpec {
  return { name: 'registry', argv: ['docker-registry', 'serve', configFile] };
}

export function allSpecs(settings: ClusterSettings, paths: DataPaths): readonly ComponentSpec[] {
  return [...controlPlaneSpecs(settings, paths), ...nodeHosts(settings).flatMap((node) => nodeSpecs(settings, paths, node)), ...(settings.hollow > 0 ? [hollowSpec(settings, paths)] : [])];
}
