import { UsageError } from '@coxswain/service';

type Stage = 'ga' | 'beta' | 'alpha';

function stageOf(version: string): Stage | undefined {
  if (/^v\d+$/.test(version)) return 'ga';
  return /^v\d+(alpha|beta)\d+$/.exec(version)?.[1] as Stage | undefined;
}

function parsed(key: string, text: string): boolean {
  // A key alone switches on.
  if (text === '' || text === 'true') return true;
  if (text === 'false') return false;
  throw new UsageError(`--runtime-config: invalid value ${key}=${text}`);
}

/** `a/v1=true,api/beta=false,a/v1`: values of a flag that may be given without one. */
export function runtimeConfigOf(items: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(items.map((item) => {
    const at = item.indexOf('=');
    return at < 0 ? [item, ''] : [item.slice(0, at), item.slice(at + 1)];
  }));
}

/** --runtime-config: which group versions are served. GA ones unless they are switched off, others only if they are switched on. */
export function servedVersions(given: Readonly<Record<string, string>>, known: readonly { readonly group: string; readonly version: string }[]): (group: string, version: string) => boolean {
  const switches = new Map(Object.entries(given).map(([key, text]) => [key, parsed(key, text)]));
  const built = new Set(known.map(({ group, version }) => (group === '' ? version : `${group}/${version}`)));
  const groups = new Set(known.map(({ group }) => group));
  for (const [key, on] of switches) {
    if (/^api\/(all|ga|beta|alpha)$/.test(key) || built.has(key) || key === 'api/v1') continue;
    const [group = '', version = ''] = key.split('/');
    if (stageOf(version) === undefined || !(groups.has(group) || group.endsWith('.k8s.io'))) throw new UsageError(`--runtime-config: unknown api groups ${group}`);
    if (on) throw new UsageError(`--runtime-config: ${key} is not built`);
  }
  return (group, version) => {
    const stage = stageOf(version) ?? 'ga';
    return switches.get(group === '' ? version : `${group}/${version}`) ?? (group === '' ? switches.get(`api/${version}`) : undefined) ?? switches.get(`api/${stage}`) ?? switches.get('api/all') ?? stage === 'ga';
  };
}
