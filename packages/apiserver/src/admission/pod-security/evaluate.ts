import * as baseline from './baseline.ts';
import type { LevelVersion } from './levels.ts';
import * as restricted from './restricted.ts';
import type { Check, Subject, Violation } from './subject.ts';

/** From that minor version on, until the next. */
type Versions = readonly (readonly [since: number, check: Check])[];

const seLinuxTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t'];
const sysctls0 = ['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start'];
const sysctls27 = [...sysctls0, 'net.ipv4.ip_local_reserved_ports'];
const sysctls29 = [...sysctls27, 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes'];
const sysctls32 = [...sysctls29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

/** In the order in which refusals name them. */
const baselineChecks = {
  appArmorProfile: [[0, baseline.appArmorProfile]],
  capabilities_baseline: [[0, baseline.capabilities]],
  hostNamespaces: [[0, baseline.hostNamespaces]],
  hostPathVolumes: [[0, baseline.hostPathVolumes]],
  hostPorts: [[0, baseline.hostPorts]],
  privileged: [[0, baseline.privileged]],
  procMount: [[0, baseline.procMount]],
  seLinuxOptions: [[0, baseline.seLinuxOptions(seLinuxTypes)], [31, baseline.seLinuxOptions([...seLinuxTypes, 'container_engine_t'])]],
  seccompProfile_baseline: [[0, baseline.seccompAnnotations], [19, baseline.seccompFields]],
  sysctls: [[0, baseline.sysctls(sysctls0)], [27, baseline.sysctls(sysctls27)], [29, baseline.sysctls(sysctls29)], [32, baseline.sysctls(sysctls32)]],
  windowsHostProcess: [[0, baseline.windowsHostProcess]],
} satisfies Record<string, Versions>;

interface RestrictedCheck {
  readonly versions: Versions;
  /** Says the same and more. */
  readonly insteadOf?: keyof typeof baselineChecks;
}

const restrictedChecks: readonly RestrictedCheck[] = [
  { versions: [[8, restricted.allowPrivilegeEscalation], [25, restricted.exceptOnWindows(restricted.allowPrivilegeEscalation)]] },
  { versions: [[22, restricted.capabilities], [25, restricted.exceptOnWindows(restricted.capabilities)]], insteadOf: 'capabilities_baseline' },
  { versions: [[0, restricted.volumeTypes]], insteadOf: 'hostPathVolumes' },
  { versions: [[0, restricted.runAsNonRoot]] },
  { versions: [[23, restricted.runAsUser]] },
  { versions: [[19, restricted.seccompProfile], [25, restricted.exceptOnWindows(restricted.seccompProfile)]], insteadOf: 'seccompProfile_baseline' },
];

function inForce(versions: Versions, minor: number): Check | undefined {
  return versions.findLast(([since]) => since <= minor)?.[1];
}

/** The newest version in which a check changed; later ones are the same. */
const lastChange = 32;
const known = new Map<string, readonly Check[]>();

function checksOf(policy: LevelVersion): readonly Check[] {
  const [level, minor] = [policy.level, Math.min(policy.minor, lastChange)];
  const key = `${level} ${minor}`;
  const checks = known.get(key) ?? findChecks({ level, minor });
  known.set(key, checks);
  return checks;
}

function findChecks({ level, minor }: LevelVersion): readonly Check[] {
  if (level === 'privileged') return [];
  const strict = level === 'restricted' ? restrictedChecks.flatMap(({ versions, insteadOf }) => {
    const check = inForce(versions, minor);
    return check === undefined ? [] : [{ check, insteadOf }];
  }) : [];
  const replaced = new Set<string | undefined>(strict.map(({ insteadOf }) => insteadOf));
  const base = Object.entries(baselineChecks).filter(([id]) => !replaced.has(id)).map(([, versions]) => inForce(versions, minor));
  return [...base, ...strict.map(({ check }) => check)].filter((check) => check !== undefined);
}

export function violations(policy: LevelVersion, subject: Subject): Violation[] {
  return checksOf(policy).map((check) => check(subject)).filter((violation) => violation !== undefined);
}

export function detailText(found: readonly Violation[]): string {
  return found.map(({ reason, detail }) => `${reason} (${detail})`).join(', ');
}

export function reasonText(found: readonly Violation[]): string {
  return found.map(({ reason }) => reason).join(', ');
}
