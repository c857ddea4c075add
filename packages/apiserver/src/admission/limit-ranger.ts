import { compareQuantity, canonicalQuantity, podTogether, quantityMilliValue } from '@coxswain/api';
import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { readyList } from '../ready-list.ts';
import { typed, typedOrNone } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin, CacheReader } from '../types.ts';
import { isResource, refuse } from './attributes.ts';

type Amounts = Readonly<Record<string, string>>;

/** What is asked for, of a container, of all containers of a pod, or of a claim. */
interface Usage {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

const annotation = 'kubernetes.io/limit-ranger';

async function rangesOf(cache: CacheReader, namespace: string): Promise<LimitRange[]> {
  return (await readyList(cache, '', 'limitranges', namespace)).map((object) => typed<LimitRange>(object));
}

/** Adds what is missing; answers the names added, sorted. */
function fill(amounts: Record<string, string>, defaults: Amounts): string[] {
  const added = Object.keys(defaults).filter((name) => !Object.hasOwn(amounts, name));
  for (const name of added) amounts[name] = defaults[name] as string;
  return added.toSorted();
}

function fillContainer(container: Container, defaults: Usage, called: string): string[] {
  const [requests, limits] = [{ ...container.resources?.requests }, { ...container.resources?.limits }];
  const addedLimits = fill(limits, defaults.limits);
  const addedRequests = fill(requests, defaults.requests);
  if (addedLimits.length + addedRequests.length === 0) return [];
  container.resources = { ...container.resources, ...(Object.keys(limits).length === 0 ? {} : { limits }), ...(Object.keys(requests).length === 0 ? {} : { requests }) };
  return [
    ...(addedRequests.length === 0 ? [] : [`${addedRequests.join(', ')} request for ${called} ${container.name}`]),
    ...(addedLimits.length === 0 ? [] : [`${addedLimits.join(', ')} limit for ${called} ${container.name}`]),
  ];
}

function defaultsOf(items: readonly LimitRangeItem[]): Usage {
  const forContainers = items.filter((item) => item.type === 'Container');
  return { requests: Object.assign({}, ...forContainers.map((item) => item.defaultRequest)) as Amounts, limits: Object.assign({}, ...forContainers.map((item) => item.default)) as Amounts };
}

function fillPod(pod: Pod, range: LimitRange): void {
  const defaults = defaultsOf(range.spec?.limits ?? []);
  const done = [
    ...(pod.spec?.containers ?? []).flatMap((container) => fillContainer(container, defaults, 'container')),
    ...(pod.spec?.initContainers ?? []).flatMap((container) => fillContainer(container, defaults, 'init container')),
  ];
  if (done.length === 0 || pod.metadata === undefined) return;
  pod.metadata.annotations = { ...pod.metadata.annotations, [annotation]: `LimitRanger plugin set: ${done.join('; ')}` };
}

function* tooLittle(item: LimitRangeItem, { requests, limits }: Usage): Generator<string> {
  for (const [name, least] of Object.entries(item.min ?? {})) {
    const rule = `minimum ${name} usage per ${item.type} is ${canonicalQuantity(least)}`;
    const [request, limit] = [requests[name], limits[name]];
    if (request === undefined) yield `${rule}.  No request is specified`;
    else if (compareQuantity(request, least) < 0) yield `${rule}, but request is ${canonicalQuantity(request)}`;
    else if (limit !== undefined && compareQuantity(limit, least) < 0) yield `${rule}, but limit is ${canonicalQuantity(limit)}`;
  }
}

function* tooMuch(item: LimitRangeItem, { requests, limits }: Usage): Generator<string> {
  for (const [name, most] of Object.entries(item.max ?? {})) {
    const rule = `maximum ${name} usage per ${item.type} is ${canonicalQuantity(most)}`;
    const [request, limit] = [requests[name], limits[name]];
    // A claim has no limits: what it requests is what it gets.
    const bound = item.type === 'PersistentVolumeClaim' ? request : limit;
    if (bound === undefined) yield `${rule}.  No limit is specified`;
    else if (compareQuantity(bound, most) > 0) yield `${rule}, but ${item.type === 'PersistentVolumeClaim' ? 'request' : 'limit'} is ${canonicalQuantity(bound)}`;
    else if (request !== undefined && compareQuantity(request, most) > 0) yield `${rule}, but request is ${canonicalQuantity(request)}`;
  }
}

function* tooBursty(item: LimitRangeItem, { requests, limits }: Usage): Generator<string> {
  for (const [name, most] of Object.entries(item.maxLimitRequestRatio ?? {})) {
    const rule = `${name} max limit to request ratio per ${item.type} is ${canonicalQuantity(most)}`;
    const [request, limit] = [quantityMilliValue(requests[name] ?? 0), quantityMilliValue(limits[name] ?? 0)];
    if (request === 0) yield `${rule}, but no request is specified or request is 0`;
    else if (limit === 0) yield `${rule}, but no limit is specified or limit is 0`;
    else if (limit / request > quantityMilliValue(most) / 1000) yield `${rule}, but provided ratio is ${(limit / request).toFixed(6)}`;
  }
}

function problems(item: LimitRangeItem, usage: Usage): string[] {
  return [...tooLittle(item, usage), ...tooMuch(item, usage), ...tooBursty(item, usage)];
}

function usageOf(container: Container): Usage {
  return { requests: container.resources?.requests ?? {}, limits: container.resources?.limits ?? {} };
}

function podProblems(pod: Pod, items: readonly LimitRangeItem[]): string[] {
  const containers = pod.spec?.containers ?? [];
  const together = { requests: podTogether(pod, (one) => usageOf(one).requests), limits: podTogether(pod, (one) => usageOf(one).limits) };
  return items.flatMap((item) => {
    if (item.type === 'Container') return [...containers, ...(pod.spec?.initContainers ?? [])].flatMap((container) => problems(item, usageOf(container)));
    return item.type === 'Pod' ? problems(item, together) : [];
  });
}

function claimProblems(claim: PersistentVolumeClaim, items: readonly LimitRangeItem[]): string[] {
  const usage = { requests: claim.spec?.resources?.requests ?? {}, limits: {} };
  return items.filter((item) => item.type === 'PersistentVolumeClaim').flatMap((item) => problems({ ...item, maxLimitRequestRatio: {} }, usage));
}

function refuseProblems(a: AdmissionAttributes, found: readonly string[]): void {
  const all = [...new Set(found)];
  if (all.length > 0) throw refuse(a, all.length === 1 ? (all[0] as string) : `[${all.join(', ')}]`);
}

/** A new pod, or one whose containers change size. */
function sizedPod(a: AdmissionAttributes): Pod | undefined {
  const sized = isResource(a, '', 'pods') ? a.operation === 'CREATE' : isResource(a, '', 'pods', 'resize') && a.operation === 'UPDATE';
  return sized ? typedOrNone<Pod>(a.object) : undefined;
}

/** What is going is not to be held up. */
function isGoing(a: AdmissionAttributes): boolean {
  return typedOrNone<Pod>(a.oldObject)?.metadata?.deletionTimestamp !== undefined;
}

/** Defaults and bounds of what pods and claims of a namespace may ask for. */
export function limitRanger(cache: CacheReader): AdmissionPlugin {
  return {
    name: 'LimitRanger',
    operations: ['CREATE', 'UPDATE'],
    resources: new Set(['pods', 'pods/resize', 'persistentvolumeclaims']),
    async admit(a) {
      const pod = isGoing(a) ? undefined : sizedPod(a);
      if (pod !== undefined) for (const range of await rangesOf(cache, a.namespace)) fillPod(pod, range);
    },
    async validate(a) {
      if (isGoing(a)) return;
      const pod = sizedPod(a);
      const claim = isResource(a, '', 'persistentvolumeclaims') ? typedOrNone<PersistentVolumeClaim>(a.object) : undefined;
      if (pod === undefined && claim === undefined) return;
      for (const { spec } of await rangesOf(cache, a.namespace)) {
        if (pod !== undefined) refuseProblems(a, podProblems(pod, spec?.limits ?? []));
        if (claim !== undefined) refuseProblems(a, claimProblems(claim, spec?.limits ?? []));
      }
    },
  };
}
