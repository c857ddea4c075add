import { UsageError } from '@coxswain/service';

/** Sections of etcd's file whose keys are flags, some by another name. */
const sections: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'client-transport-security': {
    'cert-file': 'cert-file', 'key-file': 'key-file', 'client-cert-file': 'client-cert-file', 'client-key-file': 'client-key-file', 'client-cert-auth': 'client-cert-auth',
    'trusted-ca-file': 'trusted-ca-file', 'auto-tls': 'auto-tls', 'allowed-hostname': 'client-cert-allowed-hostname', 'client-crl-file': 'client-crl-file', 'crl-file': 'client-crl-file',
  },
  'peer-transport-security': {
    'cert-file': 'peer-cert-file', 'key-file': 'peer-key-file', 'client-cert-file': 'peer-client-cert-file', 'client-key-file': 'peer-client-key-file',
    'client-cert-auth': 'peer-client-cert-auth', 'trusted-ca-file': 'peer-trusted-ca-file', 'auto-tls': 'peer-auto-tls', 'allowed-cn': 'peer-cert-allowed-cn',
    'allowed-hostname': 'peer-cert-allowed-hostname', 'client-crl-file': 'peer-crl-file', 'crl-file': 'peer-crl-file', 'skip-client-san-verification': 'peer-skip-client-san-verification',
  },
  'socket-options': { 'reuse-port': 'socket-reuse-port', 'reuse-address': 'socket-reuse-address' },
  'discovery-config': { 'discovery-endpoints': 'discovery', 'discovery-token': 'discovery' },
};
/** Keys that are written otherwise than their flag. */
const otherNames: Readonly<Record<string, string>> = { 'experimental-snapshot-catch-up-entries': 'experimental-snapshot-catchup-entries' };
/** Durations may be numbers there: nanoseconds, as Go reads them. */
const isDuration = /-(interval|time|timeout|duration)$/;
const inMs: ReadonlySet<string> = new Set(['heartbeat-interval', 'election-timeout']);

/** The content of a file for `--config-file`, with etcd's keys, as flags. Empty keys count as absent. */
export function configFileFlags(content: unknown): Readonly<Record<string, unknown>> {
  const flags: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object('the file', content))) {
    const section = Object.hasOwn(sections, key) ? sections[key] : undefined;
    if (section === undefined) set(flags, otherNames[key] ?? key, value);
    else if (value !== null) inSection(flags, key, section, value);
  }
  return flags;
}

function inSection(flags: Record<string, unknown>, name: string, section: Readonly<Record<string, string>>, content: unknown): void {
  for (const [key, value] of Object.entries(object(name, content))) {
    const flag = section[key];
    if (flag === undefined) throw new UsageError(`--config-file: ${name} has no key ${JSON.stringify(key)}`);
    set(flags, flag, value);
  }
}

function set(flags: Record<string, unknown>, flag: string, value: unknown): void {
  if (value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return;
  flags[flag] = typeof value === 'number' && isDuration.test(flag) && !inMs.has(flag) ? `${value}ns` : value;
}

function object(name: string, content: unknown): Readonly<Record<string, unknown>> {
  if (content === null || content === undefined) return {};
  if (typeof content !== 'object' || Array.isArray(content)) throw new UsageError(`--config-file: ${name} must be keys and values`);
  return content as Readonly<Record<string, unknown>>;
}
