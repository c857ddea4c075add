import type { Host, Logger, ServeOptions, ServerTls } from '@coxswain/host';
import { parseGoDuration, UsageError, type Command, type FlagValues } from '@coxswain/service';
import { createLogger, createMetrics, limitHeapGrowth } from '@coxswain/service/edge';
import { defaults, type AutoCompaction, type EtcdConfig, type TlsIdentity } from '../server/config.ts';
import { startEtcdServer } from '../server/start.ts';
import { authTokenOf } from './auth-token.ts';
import { etcdVersion } from '../version.ts';
import { configFileFlags } from './config-file.ts';
import { etcdFlags } from './flags.ts';
import { absolute, readFlagFile, TlsFiles } from './tls-files.ts';

export const command: Command = {
  name: 'etcd-lite',
  summary: 'a member of the replicated key-value store, spoken to with etcd\'s v3 API',
  flags: etcdFlags,
  sources: { environmentPrefix: 'ETCD', configFile: { flag: 'config-file', toFlags: configFileFlags } },
  start: async (flags, realHost) => {
    if (flags.bool('version')) printVersion();
    limitHeapGrowth({ leastPercent: 20, leastBytes: 48 * 1024 * 1024 });
    const host = { ...realHost, log: atLeast(flags.string('log-level'), logOf(flags, realHost.log)) };
    checkTimes(flags);
    const tls = await TlsFiles.open(flags, host, dataDirOf(flags));
    const running = await startEtcdServer(await configOf(flags, tls.identity, host), host);
    tls.watch((identity) => { running.updateTls(identity); });
    return {
      failed: running.failed,
      stop: async () => {
        tls.stop();
        await running.stop();
      },
    };
  },
};

function printVersion(): never {
  process.stdout.write(`etcd Version: ${etcdVersion}\nCoxswain etcd-lite, Node ${process.version}, ${process.platform}/${process.arch}\n`);
  process.exit(0);
}

function dataDirOf(flags: FlagValues): string {
  const given = flags.string('data-dir');
  return absolute(given === '' ? `${flags.string('name')}.etcd` : given);
}

/** `--log-outputs`: standard error is where the log goes anyway. */
function logOf(flags: FlagValues, log: Logger): Logger {
  const outputs = flags.strings('log-outputs').filter((output) => !['default', 'stderr', 'systemd/journal'].includes(output));
  if (outputs.length === 0) return log;
  if (outputs.length < flags.strings('log-outputs').length || outputs.length > 1) throw new UsageError('--log-outputs: one place only (default, stderr, stdout or a file)');
  const output = outputs[0] as string;
  return createLogger('etcd-lite', flags.string('log-level') === 'debug' ? 4 : 2, output === 'stdout' ? 1 : absolute(output));
}

/** As etcd: less would be noise. */
const minProgressNotifyMs = 100;

async function configOf(flags: FlagValues, tls: TlsIdentity, host: Host): Promise<EtcdConfig> {
  const name = flags.string('name');
  const quota = flags.int('quota-backend-bytes');
  const autoCompaction = compactionOf(flags);
  const progress = flags.isSet('watch-progress-notify-interval') ? 'watch-progress-notify-interval' : 'experimental-watch-progress-notify-interval';
  return {
    name, dataDir: dataDirOf(flags), ...(flags.string('wal-dir') === '' ? {} : { walDir: absolute(flags.string('wal-dir')) }),
    clientListeners: listeners(flags, 'listen-client-urls', tls.client, 'cert-file'), peerListeners: listeners(flags, 'listen-peer-urls', tls.peer, 'peer-cert-file'),
    clientHttpListeners: listeners(flags, 'listen-client-http-urls', tls.client, 'cert-file'), metricsListeners: listeners(flags, 'listen-metrics-urls', tls.client, 'cert-file'),
    advertiseClientUrls: flags.strings('advertise-client-urls').map((url) => checkUrl('advertise-client-urls', url)),
    initialCluster: initialClusterOf(flags), initialClusterToken: flags.string('initial-cluster-token'),
    initialClusterState: flags.string('initial-cluster-state') === 'existing' ? 'existing' : 'new', forceNewCluster: flags.bool('force-new-cluster'),
    strictReconfigCheck: flags.bool('strict-reconfig-check'), maxLearners: flags.int(flags.isSet('max-learners') ? 'max-learners' : 'experimental-max-learners'),
    heartbeatMs: flags.int('heartbeat-interval'), electionMs: flags.int('election-timeout'), snapshotCount: flags.int('snapshot-count'),
    snapshotCatchUpEntries: flags.int(flags.isSet('experimental-snapshot-catchup-entries') ? 'experimental-snapshot-catchup-entries' : 'snapshot-catchup-entries'), quotaBackendBytes: quota === 0 ? defaults.quotaBackendBytes : quota,
    maxRequestBytes: flags.int('max-request-bytes'), maxTxnOps: flags.int('max-txn-ops'), watchProgressNotifyMs: Math.max(flags.durationMs(progress), minProgressNotifyMs), metrics: createMetrics(),
    extensiveMetrics: flags.string('metrics') === 'extensive', enableGrpcGateway: flags.bool('enable-grpc-gateway'), cors: flags.strings('cors'), hostWhitelist: flags.strings('host-whitelist'),
    authToken: await authTokenOf(flags, { host, readFile: (path) => readFlagFile(host, 'auth-token', path) }), bcryptCost: flags.int('bcrypt-cost'), clientCertAuth: flags.bool('client-cert-auth'),
    ...(tls.peerClient === undefined ? {} : { peerTls: tls.peerClient }), ...(tls.clientPolicy === undefined ? {} : { clientPolicy: tls.clientPolicy }),
    ...(tls.peerPolicy === undefined ? {} : { peerPolicy: tls.peerPolicy }), ...(autoCompaction === undefined ? {} : { autoCompaction }), compactUnderPressure: flags.bool('compact-under-pressure'), ...corruptionOf(flags),
  };
}

/** `--log-level` can only make the log quieter; `--v 4` is what makes it say more. */
function atLeast(level: string, log: Logger): Logger {
  const quiet = (): void => undefined;
  if (level === 'debug' || level === 'info') return log;
  const warn: Logger['warn'] = level === 'warn' ? (message, fields) => { log.warn(message, fields); } : quiet;
  return { debug: quiet, info: quiet, warn, error: (message, fields) => { log.error(message, fields); }, child: (fields) => atLeast(level, log.child(fields)) };
}

function checkTimes(flags: FlagValues): void {
  const metrics = flags.string('metrics');
  if (metrics !== 'basic' && metrics !== 'extensive') throw new UsageError(`--metrics must be basic or extensive, not ${JSON.stringify(metrics)}`);
  const heartbeat = flags.int('heartbeat-interval');
  const election = flags.int('election-timeout');
  if (election < 5 * heartbeat) throw new UsageError(`--election-timeout (${election}ms) must be at least five times --heartbeat-interval (${heartbeat}ms)`);
  if (!flags.bool('pre-vote')) throw new UsageError('--pre-vote cannot be turned off');
  const state = flags.string('initial-cluster-state');
  if (state !== 'new' && state !== 'existing') throw new UsageError(`--initial-cluster-state must be new or existing, not ${JSON.stringify(state)}`);
  const level = flags.string('log-level');
  if (!['debug', 'info', 'warn', 'error', 'panic', 'fatal'].includes(level)) throw new UsageError(`--log-level must be debug, info, warn or error, not ${JSON.stringify(level)}`);
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

function corruptionOf(flags: FlagValues): Partial<EtcdConfig> {
  for (const name of ['experimental-enable-lease-checkpoint', 'experimental-enable-lease-checkpoint-persist']) {
    if (!flags.bool(name)) throw new UsageError(`--${name} cannot be turned off`);
  }
  return {
    corruptCheckMs: flags.durationMs(flags.isSet('corrupt-check-time') ? 'corrupt-check-time' : 'experimental-corrupt-check-time'),
    compactHashCheck: flags.bool('experimental-compact-hash-check-enabled'), compactHashCheckMs: flags.durationMs(flags.isSet('compact-hash-check-time') ? 'compact-hash-check-time' : 'experimental-compact-hash-check-time'),
    initialCorruptCheck: flags.bool('experimental-initial-corrupt-check'),
  };
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
