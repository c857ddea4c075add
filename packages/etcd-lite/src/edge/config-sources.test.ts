import { UsageError, valuesFrom, type FlagValues } from '@coxswain/service';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { command } from './command.ts';

function values(args: readonly string[], variables: Record<string, string> = {}, yaml = ''): FlagValues {
  if (command.sources === undefined) throw new Error('no sources');
  return valuesFrom(command.flags, command.sources, args, { variables, readYaml: () => parse(yaml) as unknown });
}

/** All that the helps of etcd 3.4.30, 3.5.35 and 3.6.16 name. */
const etcdNames = `
advertise-client-urls auth-token auth-token-ttl auto-compaction-mode auto-compaction-retention auto-tls backend-batch-interval backend-batch-limit
backend-bbolt-freelist-type bcrypt-cost bootstrap-defrag-threshold-megabytes cert-file cipher-suites client-cert-allowed-hostname client-cert-auth
client-cert-file client-crl-file client-key-file compact-hash-check-time compaction-batch-limit compaction-sleep-interval corrupt-check-time cors
data-dir debug discovery discovery-cacert discovery-cert discovery-dial-timeout discovery-endpoints discovery-fallback
discovery-insecure-skip-tls-verify discovery-insecure-transport discovery-keepalive-time discovery-keepalive-timeout discovery-key discovery-password
discovery-proxy discovery-request-timeout discovery-srv discovery-srv-name discovery-token discovery-user distributed-tracing-address
distributed-tracing-instance-id distributed-tracing-sampling-rate distributed-tracing-service-name downgrade-check-time election-timeout
enable-distributed-tracing enable-grpc-gateway enable-log-rotation enable-pprof enable-v2 experimental-backend-bbolt-freelist-type
experimental-bootstrap-defrag-threshold-megabytes experimental-compact-hash-check-enabled experimental-compact-hash-check-time
experimental-compaction-batch-limit experimental-compaction-sleep-interval experimental-corrupt-check-time experimental-distributed-tracing-address
experimental-distributed-tracing-instance-id experimental-distributed-tracing-sampling-rate experimental-distributed-tracing-service-name
experimental-downgrade-check-time experimental-enable-distributed-tracing experimental-enable-lease-checkpoint
experimental-enable-lease-checkpoint-persist experimental-enable-v2v3 experimental-initial-corrupt-check experimental-memory-mlock
experimental-peer-skip-client-san-verification experimental-snapshot-catchup-entries experimental-stop-grpc-service-on-defrag
experimental-txn-mode-write-with-shared-buffer experimental-warning-apply-duration experimental-warning-unary-request-duration
experimental-watch-progress-notify-interval feature-gates force-new-cluster grpc-keepalive-interval grpc-keepalive-min-time grpc-keepalive-timeout
heartbeat-interval host-whitelist initial-advertise-peer-urls initial-cluster initial-cluster-state initial-cluster-token
initial-election-tick-advance key-file listen-client-http-urls listen-client-urls listen-metrics-urls listen-peer-urls log-format log-level
log-outputs log-package-levels log-rotation-config-json logger max-concurrent-streams max-learners max-request-bytes max-snapshots max-txn-ops
max-wals memory-mlock metrics name peer-auto-tls peer-cert-allowed-cn peer-cert-allowed-hostname peer-cert-file peer-client-cert-auth
peer-client-cert-file peer-client-key-file peer-crl-file peer-key-file peer-skip-client-san-verification peer-trusted-ca-file pre-vote proxy
proxy-dial-timeout proxy-failure-wait proxy-read-timeout proxy-refresh-interval proxy-write-timeout quota-backend-bytes raft-read-timeout
raft-write-timeout self-signed-cert-validity snapshot-catchup-entries snapshot-count socket-reuse-address socket-reuse-port strict-reconfig-check
tls-max-version tls-min-version trusted-ca-file unsafe-no-fsync v2-deprecation wal-dir warning-apply-duration warning-unary-request-duration
watch-progress-notify-interval
`;

it('every flag of etcd is known: built, ignored with a line, or refused by name', () => {
  expect(etcdNames.trim().split(/\s+/).filter((name) => !Object.hasOwn(command.flags, name))).toEqual([]);
});

describe('environment', () => {
  it('gives what the command line does not', () => {
    const flags = values(['--name=a'], { ETCD_DATA_DIR: '/d', ETCD_LISTEN_CLIENT_URLS: 'http://1.2.3.4:1,http://1.2.3.4:2', ETCD_CLIENT_CERT_AUTH: 'true', ETCD_HEARTBEAT_INTERVAL: '', ETCDCTL_API: '3' });
    expect([flags.string('name'), flags.string('data-dir'), flags.strings('listen-client-urls'), flags.bool('client-cert-auth'), flags.int('heartbeat-interval')])
      .toEqual(['a', '/d', ['http://1.2.3.4:1', 'http://1.2.3.4:2'], true, 100]);
  });

  it('must not contradict it', () => {
    expect(() => values(['--name', 'a'], { ETCD_NAME: 'b' })).toThrow(new UsageError('conflicting environment variable ETCD_NAME is shadowed by --name (either unset environment variable or disable flag)'));
  });

  it('may name the file', () => {
    expect(values([], { ETCD_CONFIG_FILE: '/f' }, 'name: f').string('name')).toBe('f');
  });
});

/** etcd.conf.yml.sample of etcd 3.5, without its comments. */
const sample = `
name: 'default'
data-dir:
wal-dir:
snapshot-count: 10000
heartbeat-interval: 100
election-timeout: 1000
quota-backend-bytes: 0
listen-peer-urls: http://localhost:2380
listen-client-urls: http://localhost:2379
max-snapshots: 5
max-wals: 5
cors:
initial-advertise-peer-urls: http://localhost:2380
advertise-client-urls: http://localhost:2379
discovery:
discovery-fallback: 'proxy'
discovery-proxy:
discovery-srv:
initial-cluster:
initial-cluster-token: 'etcd-cluster'
initial-cluster-state: 'new'
strict-reconfig-check: false
enable-pprof: true
proxy: 'off'
proxy-failure-wait: 5000
proxy-refresh-interval: 30000
proxy-dial-timeout: 1000
proxy-write-timeout: 5000
proxy-read-timeout: 0
client-transport-security:
  cert-file:
  key-file:
  client-cert-auth: false
  trusted-ca-file:
  auto-tls: false
peer-transport-security:
  cert-file:
  key-file:
  client-cert-auth: false
  trusted-ca-file:
  auto-tls: false
  allowed-cn:
  allowed-hostname:
self-signed-cert-validity: 1
log-level: debug
logger: zap
log-outputs: [stderr]
force-new-cluster: false
auto-compaction-mode: periodic
auto-compaction-retention: "1"
cipher-suites: [
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
]
tls-min-version: 'TLS1.2'
tls-max-version: 'TLS1.3'
`;

describe('--config-file', () => {
  it('takes etcd\'s own sample', () => {
    const flags = values(['--config-file=/f'], {}, sample);
    expect([flags.string('name'), flags.string('log-level'), flags.string('auto-compaction-retention'), flags.strings('cipher-suites').length, flags.strings('log-outputs')])
      .toEqual(['default', 'debug', '1', 2, ['stderr']]);
    expect(flags.ignored()).toContain('max-wals');
  });

  it('is the only source when it is given', () => {
    const flags = values(['--config-file', '/f', '--name=a', '--data-dir=/x'], { ETCD_MAX_TXN_OPS: '7' }, 'name: f');
    expect([flags.string('name'), flags.string('data-dir'), flags.int('max-txn-ops')]).toEqual(['f', '', 128]);
  });

  it('has sections for TLS, and durations as Go counts them', () => {
    const flags = values(['--config-file=/f'], {}, `
client-transport-security: {cert-file: c.crt, key-file: c.key, client-cert-auth: true, trusted-ca-file: ca.crt, allowed-hostname: [a, b]}
peer-transport-security: {cert-file: p.crt, key-file: p.key, allowed-cn: [x], auto-tls: false}
watch-progress-notify-interval: 5000000000
experimental-snapshot-catch-up-entries: null
`);
    expect([flags.string('cert-file'), flags.bool('client-cert-auth'), flags.strings('client-cert-allowed-hostname'), flags.string('peer-key-file'), flags.strings('peer-cert-allowed-cn')])
      .toEqual(['c.crt', true, ['a', 'b'], 'p.key', ['x']]);
    expect(flags.durationMs('watch-progress-notify-interval')).toBe(5000);
  });

  it.each([
    ['nmae: x', 'config file: unknown flag --nmae; did you mean --name?'],
    ['peer-transport-security: {cert: x}', '--config-file: peer-transport-security has no key "cert"'],
    ['socket-reuse-port: true', '--socket-reuse-port is a flag of the original that is not built yet'],
    ['- a', '--config-file: the file must be keys and values'],
  ])('refuses %j with one line', (yaml, message) => {
    expect(() => values(['--config-file=/f'], {}, yaml)).toThrow(message);
  });
});
