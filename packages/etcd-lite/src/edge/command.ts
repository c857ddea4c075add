import { DiskError, type ClientTls, type Host, type Logger, type ServeOptions, type ServerTls } from '@coxswain/host';
import { parseGoDuration, UsageError, type Command, type FlagValues } from '@coxswain/service';
import { createMetrics } from '@coxswain/service/edge';
import { defaults, type AutoCompaction, type EtcdConfig } from '../server/config.ts';
import { startEtcdServer } from '../server/start.ts';
import { authTokenOf } from './auth-token.ts';
import { etcdFlags } from './flags.ts';

export const command: Command = {
  name: 'etcd-lite',
  summary: 'a member of the replicated key-value store, spoken to with etcd\'s v3 API',
  flags: etcdFlags,
  start: async (flags, host) => {
    const config = await configOf(flags, host);
    return startEtcdServer(config, { ...host, log: atLeast(flags.string('log-level'), host.log) });
  },
};

async function configOf(flags: FlagValues, host: Host): Promise<EtcdConfig> {
  checkTimes(flags);
  const clientTls = await serverTls(flags, host, { cert: 'cert-file', key: 'key-file', ca: 'trusted-ca-file', auth: 'client-cert-auth' });
  const peerTls = await serverTls(flags, host, { cert: 'peer-cert-file', key: 'peer-key-file', ca: 'peer-trusted-ca-file', auth: 'peer-client-cert-auth' });
  const name = flags.string('name');
  const quota = flags.int('quota-backend-bytes');
  const autoCompaction = compactionOf(flags);
  const progress = flags.isSet('watch-progress-notify-interval') ? 'watch-progress-notify-interval' : 'experimental-watch-progress-notify-interval';
  return {
    name, dataDir: absolute(flags.string('data-dir') === '' ? `${name}.etcd` : flags.string('data-dir')),
    clientListeners: listeners(flags, 'listen-client-urls', clientTls, 'cert-file'), peerListeners: listeners(flags, 'listen-peer-urls', peerTls, 'peer-cert-file'),
    metricsListeners: listeners(flags, 'listen-metrics-urls', clientTls, 'cert-file'),
    advertiseClientUrls: flags.strings('advertise-client-urls').map((url) => checkUrl('advertise-client-urls', url)),
    initialCluster: initialClusterOf(flags), initialClusterToken: flags.string('initial-cluster-token'),
    heartbeatMs: flags.int('heartbeat-interval'), electionMs: flags.int('election-timeout'), snapshotCount: flags.int('snapshot-count'),
    snapshotCatchUpEntries: flags.int('snapshot-catchup-entries'), quotaBackendBytes: quota === 0 ? defaults.quotaBackendBytes : quota,
    maxRequestBytes: flags.int('max-request-bytes'), maxTxnOps: flags.int('max-txn-ops'), watchProgressNotifyMs: flags.durationMs(progress), metrics: createMetrics(),
    authToken: await authTokenOf(flags, { host, readFile: (path) => readFlagFile(host, 'auth-token', path) }), bcryptCost: flags.int('bcrypt-cost'), clientCertAuth: flags.bool('client-cert-auth'),
    ...(peerTls === undefined ? {} : { peerTls: clientTlsOf(peerTls) }), ...(autoCompaction === undefined ? {} : { autoCompaction }), compactUnderPressure: flags.bool('compact-under-pressure'),
  };
}

/** `--log-level` can only make the log quieter; `--v 4` is what makes it say more. */
function atLeast(level: string, log: Logger): Logger {
  const quiet = (): void => undefined;
  if (level === 'debug' || level === 'info') return log;
  const warn: Logger['warn'] = level === 'warn' ? (message, fields) => { log.warn(message, fields); } : quiet;
  return { debug: quiet, info: quiet, warn, error: (message, fields) => { log.error(message, fields); }, child: (fields) => atLeast(level, log.child(fields)) };
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `${process.cwd()}/${path}`;
}

function checkTimes(flags: FlagValues): void {
  const heartbeat = flags.int('heartbeat-interval');
  const election = flags.int('election-timeout');
  if (election < 5 * heartbeat) throw new UsageError(`--election-timeout (${election}ms) must be at least five times --heartbeat-interval (${heartbeat}ms)`);
  if (!flags.bool('pre-vote')) throw new UsageError('--pre-vote cannot be turned off');
  const state = flags.string('initial-cluster-state');
  if (state !== 'new' && state !== 'existing') throw new UsageError(`--initial-cluster-state must be new or existing, not ${JSON.stringify(state)}`);
  const level = flags.string('log-level');
  if (!['debug', 'info', 'warn', 'error', 'panic', 'fatal'].includes(level)) throw new UsageError(`--log-level must be debug, info, warn or error, not ${JSON.stringify(level)}`);
}

interface TlsFlagNames { readonly cert: string; readonly key: string; readonly ca: string; readonly auth: string }

async function serverTls(flags: FlagValues, host: Host, names: TlsFlagNames): Promise<ServerTls | undefined> {
  const [cert, key, ca] = [flags.string(names.cert), flags.string(names.key), flags.string(names.ca)];
  const authenticate = flags.bool(names.auth);
  if (cert === '' && key === '' && ca === '' && !authenticate) return undefined;
  if (cert === '' || key === '') throw new UsageError(`--${names.cert} and --${names.key} must be given together`);
  if (authenticate && ca === '') throw new UsageError(`--${names.auth} needs --${names.ca}`);
  const pair = { certPem: await readPem(host, names.cert, cert), keyPem: await readPem(host, names.key, key) };
  if (ca === '') return pair;
  return { ...pair, clientCaPem: await readPem(host, names.ca, ca), clientCertificate: authenticate ? 'require' : 'none' };
}

async function readPem(host: Host, flag: string, path: string): Promise<string> {
  return new TextDecoder().decode(await readFlagFile(host, flag, path));
}

async function readFlagFile(host: Host, flag: string, path: string): Promise<Uint8Array> {
  try {
    return await host.disk.readFile(absolute(path));
  } catch (error) {
    if (error instanceof DiskError) throw new UsageError(`--${flag}: ${error.message}`);
    throw error;
  }
}

function clientTlsOf(tls: ServerTls): ClientTls {
  return { certPem: tls.certPem, keyPem: tls.keyPem, ...(tls.clientCaPem === undefined ? {} : { caPem: tls.clientCaPem }) };
}

function checkUrl(flag: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.port === '') {
    throw new UsageError(`--${flag}: ${JSON.stringify(text)} is not a URL such as https://10.0.0.1:2379`);
  }
  return text;
}

function listeners(flags: FlagValues, flag: string, tls: ServerTls | undefined, certFlag: string): ServeOptions[] {
  return flags.strings(flag).map((text) => {
    const url = new URL(checkUrl(flag, text));
    const at = { address: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) };
    if (url.protocol === 'http:') return at;
    if (tls === undefined) throw new UsageError(`--${flag} has an https URL, which needs --${certFlag}`);
    return { ...at, tls };
  });
}

function initialClusterOf(flags: FlagValues): Readonly<Record<string, readonly string[]>> {
  const name = flags.string('name');
  const own = flags.strings('initial-advertise-peer-urls').map((url) => checkUrl('initial-advertise-peer-urls', url));
  const text = flags.string('initial-cluster');
  if (text === '') return { [name]: own };
  const members: Record<string, string[]> = {};
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    if (at < 1) throw new UsageError(`--initial-cluster: ${JSON.stringify(part)} is not NAME=URL`);
    (members[part.slice(0, at)] ??= []).push(checkUrl('initial-cluster', part.slice(at + 1)));
  }
  const listed = members[name];
  if (listed === undefined) throw new UsageError(`--initial-cluster has no member ${JSON.stringify(name)}: couldn't find local name`);
  if (listed.toSorted().join() !== own.toSorted().join()) {
    throw new UsageError(`--initial-cluster has ${name}=${listed.join()} but --initial-advertise-peer-urls is ${own.join()}`);
  }
  return members;
}

function compactionOf(flags: FlagValues): AutoCompaction | undefined {
  const mode = flags.string('auto-compaction-mode');
  const text = flags.string('auto-compaction-retention');
  if (mode !== 'periodic' && mode !== 'revision') throw new UsageError(`--auto-compaction-mode must be periodic or revision, not ${JSON.stringify(mode)}`);
  const count = /^\d+$/.test(text) ? Number(text) : undefined;
  if (count === 0) return undefined;
  if (mode === 'revision') {
    if (count === undefined) throw new UsageError(`--auto-compaction-retention: ${JSON.stringify(text)} is no number of revisions`);
    return { mode, retention: count };
  }
  const retentionMs = count === undefined ? parseGoDuration(text) : count * 3_600_000;
  if (retentionMs === undefined || retentionMs <= 0) throw new UsageError(`--auto-compaction-retention: ${JSON.stringify(text)} is no duration such as 30m`);
  return { mode, retentionMs };
}
