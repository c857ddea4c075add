import { etcdError } from '../client/errors.ts';
import { etcdClusterVersion } from '../version.ts';
import type { ClusterVersionsMessage } from '../wire/messages.ts';

interface MinorVersion {
  readonly major: number;
  readonly minor: number;
}

function parse(text: string): MinorVersion | undefined {
  const match = /^(0|[1-9]\d*)\.(0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)?$/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

function order(a: MinorVersion, b: MinorVersion): number {
  return a.major - b.major || a.minor - b.minor;
}

/** One minor version lower is the only way down. */
function isOneDown(from: MinorVersion, to: MinorVersion): boolean {
  return from.major === to.major && from.minor - 1 === to.minor;
}

function text({ major, minor }: MinorVersion): string {
  return `${major}.${minor}.0`;
}

/** `3.6.16` or `3.6` as a cluster's version, `3.6.0`. Throws etcd's error for anything else. */
export function clusterVersionOf(version: string): string {
  const parsed = parse(version);
  if (parsed === undefined) throw etcdError('wrongDowngradeVersionFormat');
  return text(parsed);
}

/** How etcd writes a cluster's version in answers: `3.6`. */
export function shortVersion(clusterVersion: string): string {
  return clusterVersion.split('.').slice(0, 2).join('.');
}

/** Throws unless a downgrade from what the cluster has agreed on to `target` may begin. */
export function checkDowngrade(agreed: ClusterVersionsMessage, target: string): void {
  const from = parse(agreed.clusterVersion);
  if (from === undefined) throw etcdError('clusterVersionUnavailable');
  if (!isOneDown(from, parse(target) as MinorVersion)) throw etcdError('invalidDowngradeTargetVersion');
  if (agreed.downgrade.enabled) throw etcdError('downgradeInProcess');
}

/**
 * What a leader would have the cluster agree on; undefined: what it has. All members of one cluster are of one release, so the
 * lowest version among them is this member's own.
 */
export function decideClusterVersion(agreed: ClusterVersionsMessage, own = etcdClusterVersion): string | undefined {
  const current = parse(agreed.clusterVersion);
  const lowest = parse(own) as MinorVersion;
  if (current === undefined) return text(lowest);
  if (agreed.downgrade.enabled) {
    const target = parse(agreed.downgrade.targetVersion);
    return target !== undefined && isOneDown(current, target) && isOneDown(lowest, target) ? text(target) : undefined;
  }
  return order(current, lowest) < 0 && current.major === lowest.major ? text(lowest) : undefined;
}
