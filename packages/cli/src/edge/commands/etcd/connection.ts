import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { createEtcdAdmin, createEtcdClient, type EtcdAdmin, type EtcdClient } from '@coxswain/etcd-lite/client';
import { silentLogger, type ClientTls, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { UsageError, type FlagSet, type FlagValues } from '@coxswain/service';
import { dataPaths } from '../../../paths.ts';
import { etcdPorts } from '../../../ports.ts';
import { etcdMembers } from '../../up/components.ts';
import { loadSettings } from '../up.ts';

/** How to reach a store: etcdctl's flags; without them the store of the cluster in --data. */
export const connectionFlags: FlagSet = {
  endpoints: { kind: 'strings', default: [], help: 'client URLs of the members; without it the store of the cluster in --data' },
  cacert: { kind: 'string', default: '', help: 'CA bundle that signed the members\' certificates' },
  cert: { kind: 'string', default: '', help: 'client certificate' },
  key: { kind: 'string', default: '', help: 'its key' },
  data: { kind: 'string', default: '/var/lib/coxswain', help: 'directory of the cluster' },
  'command-timeout': { kind: 'duration', default: 10_000, help: 'how long one call may take' },
};

export interface Connection {
  readonly host: Host;
  readonly endpoints: readonly string[];
  readonly tls: ClientTls | undefined;
  /** Days until the client certificate ends; undefined: there is none. */
  readonly certificateDays: number | undefined;
  client(): EtcdClient;
  admin(endpoint: string): EtcdAdmin;
}

export interface ConnectionFiles {
  readonly endpoints: readonly string[];
  readonly cacert: string;
  readonly cert: string;
  readonly key: string;
}

function filesOf(flags: FlagValues): ConnectionFiles {
  const given = { endpoints: flags.strings('endpoints'), cacert: flags.string('cacert'), cert: flags.string('cert'), key: flags.string('key') };
  if (given.endpoints.length > 0) return given;
  const data = flags.string('data');
  if (loadSettings(data) === undefined) throw new UsageError(`no --endpoints, and no cluster in ${data}: say which store, e.g. --endpoints=http://127.0.0.1:2379`);
  const { pki } = dataPaths(data);
  return {
    endpoints: etcdMembers.map((index) => `https://127.0.0.1:${etcdPorts(index).client}`),
    cacert: `${pki}/etcd-ca.crt`, cert: `${pki}/apiserver-etcd-client.crt`, key: `${pki}/apiserver-etcd-client.key`,
  };
}

export function connect(flags: FlagValues): Connection {
  return connectTo(filesOf(flags), flags.durationMs('command-timeout'));
}

export function connectTo(files: ConnectionFiles, requestTimeoutMs: number): Connection {
  const host = createRealHost(silentLogger);
  const endpoints = files.endpoints.map(checkEndpoint);
  const tls = tlsOf(files);
  const secured = tls === undefined ? {} : { tls };
  return {
    host, endpoints, tls, certificateDays: tls?.certPem === undefined ? undefined : (new X509Certificate(tls.certPem).validToDate.getTime() - Date.now()) / 86_400_000,
    client: () => createEtcdClient(host, { endpoints, requestTimeoutMs, ...secured }),
    admin: (endpoint) => createEtcdAdmin(host, { endpoint, requestTimeoutMs, ...secured }),
  };
}

function checkEndpoint(text: string): string {
  const url = text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new UsageError(`--endpoints: ${JSON.stringify(text)} is not a URL such as https://10.0.0.1:2379`);
  return url;
}

function tlsOf(files: ConnectionFiles): ClientTls | undefined {
  if (files.cacert === '' && files.cert === '' && files.key === '') return undefined;
  if ((files.cert === '') !== (files.key === '')) throw new UsageError('--cert and --key must be given together');
  return {
    ...(files.cacert === '' ? {} : { caPem: read('cacert', files.cacert) }),
    ...(files.cert === '' ? {} : { certPem: read('cert', files.cert), keyPem: read('key', files.key) }),
  };
}

function read(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--${flag}=${path}: ${(error as Error).message}`);
  }
}
