import { UsageError, valuesFrom, type FlagValues } from '@coxswain/service';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { command } from './command.ts';

function values(args: readonly string[], variables: Record<string, string> = {}, yaml = ''): FlagValues {
  if (command.sources === undefined) throw new Error('no sources');
  return valuesFrom(command.flags, command.sources, args, { variables, readYaml: () => parse(yaml) as unknown });
}

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
