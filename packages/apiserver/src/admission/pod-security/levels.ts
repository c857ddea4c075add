import type { FieldError } from '@coxswain/api';

/** In order of strictness. */
export const levels = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof levels)[number];

export const modes = ['enforce', 'audit', 'warn'] as const;
export type Mode = (typeof modes)[number];

export interface LevelVersion {
  readonly level: Level;
  /** Of 1.x; infinite is `latest`. */
  readonly minor: number;
}

export type Policy = Readonly<Record<Mode, LevelVersion>>;
export type Labels = Readonly<Record<string, string>>;

export const latest = Infinity;
export const levelLabel = (mode: Mode): string => `pod-security.kubernetes.io/${mode}`;
export const versionLabel = (mode: Mode): string => `pod-security.kubernetes.io/${mode}-version`;

export function levelVersionText({ level, minor }: LevelVersion): string {
  return `${level}:${minor === latest ? 'latest' : `v1.${minor}`}`;
}

export function parseLevel(text: string): Level | undefined {
  return levels.find((level) => level === text);
}

/** `latest` or `v1.N`. */
export function parseVersion(text: string): number | undefined {
  if (text === 'latest') return latest;
  const [, minor] = /^v1\.(0|[1-9][0-9]*)$/.exec(text) ?? [];
  return minor === undefined || Number(minor) > Number.MAX_SAFE_INTEGER ? undefined : Number(minor);
}

export const levelProblem = `must be one of ${levels.join(', ')}`;
export const versionProblem = 'must be "latest" or "v1.x"';

export function stricter(a: Level, b: Level): boolean {
  return levels.indexOf(a) > levels.indexOf(b);
}

export function samePolicy(a: LevelVersion, b: LevelVersion): boolean {
  return (a.level === 'privileged' && b.level === 'privileged') || (a.level === b.level && a.minor === b.minor);
}

export function isFullyPrivileged(policy: Policy): boolean {
  return modes.every((mode) => policy[mode].level === 'privileged');
}

/** What is enforced in doubt is strict; what is only told is silent. */
const levelInDoubt: Readonly<Record<Mode, Level>> = { enforce: 'restricted', audit: 'privileged', warn: 'privileged' };

/** The policy that a namespace's labels ask for; also when they are wrong. */
export function policyOf(labels: Labels, defaults: Policy): { readonly policy: Policy; readonly errors: readonly FieldError[] } {
  const errors: FieldError[] = [];
  const wrong = (label: string, problem: string): void => {
    errors.push({ type: 'Invalid', field: `metadata.labels[${label}]`, message: `Invalid value: ${JSON.stringify(labels[label])}: ${problem}` });
  };
  const read = (mode: Mode): LevelVersion => {
    const [level, version] = [labels[levelLabel(mode)], labels[versionLabel(mode)]];
    const parsedLevel = level === undefined ? defaults[mode].level : parseLevel(level);
    if (parsedLevel === undefined) wrong(levelLabel(mode), levelProblem);
    const parsedVersion = version === undefined ? defaults[mode].minor : parseVersion(version);
    if (parsedVersion === undefined) wrong(versionLabel(mode), versionProblem);
    return { level: parsedLevel ?? levelInDoubt[mode], minor: parsedVersion ?? latest };
  };
  const [enforce, audit, asked] = [read('enforce'), read('audit'), read('warn')];
  return { policy: { enforce, audit, warn: warnAtLeast(labels, enforce, asked) }, errors };
}

/** Who asks for enforcement and not for warnings is warned of what is enforced. */
function warnAtLeast(labels: Labels, enforce: LevelVersion, warn: LevelVersion): LevelVersion {
  const enforced = labels[levelLabel('enforce')];
  const asks = enforced !== undefined && parseLevel(enforced) !== undefined && labels[levelLabel('warn')] === undefined;
  if (!asks || !stricter(enforce.level, warn.level)) return warn;
  return { level: enforce.level, minor: labels[versionLabel('warn')] === undefined ? enforce.minor : warn.minor };
}
