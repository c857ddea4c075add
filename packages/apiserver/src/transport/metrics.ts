import type { CounterSeries, HistogramSeries, Metrics } from '@coxswain/service';
import type { RequestInfo } from '../types.ts';
import { isLongRunning } from './inflight.ts';

const secondsBuckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const accessBuckets = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384];
const sizeBuckets = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/** How long each stage took; undefined: it was not come to. */
export interface StageTimes {
  authenticationMs?: number;
  queueMs?: number;
  authorizationMs?: number;
  totalMs?: number;
}

export interface ObservedRequest {
  readonly info: RequestInfo;
  /** Of a resource or a path that exists: others have no labels of their own, or there would be as many as clients can think of. */
  readonly known: boolean;
  readonly status: number;
  readonly bytes: number | undefined;
  readonly userName: string | undefined;
  readonly times: StageTimes;
}

export interface RequestMetrics {
  /** A request begins; to be called when it has been answered. */
  begin(info: RequestInfo): () => void;
  observe(request: ObservedRequest): void;
}

const verbs: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', deletecollection: 'DELETECOLLECTION' };
const readVerbs = new Set(['get', 'list', 'watch', 'head', 'options']);

function scopeOf(info: RequestInfo): string {
  if (!info.isResourceRequest) return '';
  return info.name !== '' ? 'resource' : info.namespace !== '' ? 'namespace' : 'cluster';
}

function labelsOf({ info, known }: ObservedRequest): Readonly<Record<string, string>> {
  const verb = verbs[info.verb] ?? info.verb.toUpperCase();
  const none = { group: '', version: '', resource: '', subresource: '', scope: scopeOf(info), component: info.isResourceRequest ? 'apiserver' : '', verb: /^[A-Z]{1,16}$/.test(verb) ? verb : 'OTHER' };
  if (!known) return none;
  if (!info.isResourceRequest) return { ...none, subresource: info.path };
  const { group, version, resource, subresource } = info;
  return { ...none, group, version, resource, subresource };
}

function dryRunOf({ query }: RequestInfo): string {
  return query.has('dryRun') ? 'All' : '';
}

/** Found once, used by every request. */
function once<K, S>(make: (key: K) => S): (key: K) => S {
  const made = new Map<K, S>();
  return (key) => {
    let series = made.get(key);
    if (series === undefined) made.set(key, (series = make(key)));
    return series;
  };
}

function userLabel(name: string): string {
  if (name === 'admin') return name;
  // The names of all others would be as many as there are users.
  if (!name.startsWith('system:') || name.startsWith('system:serviceaccount:')) return 'other';
  return name.split(':', 2).join(':');
}

function accessMetrics(metrics: Metrics): (request: ObservedRequest) => void {
  const users = metrics.counter('authenticated_user_requests', 'Counter of authenticated requests broken out by username.', ['username']);
  const attempts = metrics.counter('authentication_attempts', 'Counter of authenticated attempts.', ['result']);
  const authentication = metrics.histogram('authentication_duration_seconds', 'Authentication duration in seconds broken out by result.', accessBuckets, ['result']);
  const decisions = metrics.counter('authorization_attempts_total', 'Counter of authorization attempts broken down by result. It can be either \'allowed\', \'denied\', \'no-opinion\' or \'error\'.', ['result']);
  const authorization = metrics.histogram('authorization_duration_seconds', 'Authorization duration in seconds broken out by result.', accessBuckets, ['result']);
  const attemptsOf = once((result: string) => attempts.of({ result }));
  const authenticationOf = once((result: string) => authentication.of({ result }));
  const usersOf = once((username: string) => users.of({ username }));
  const decisionsOf = once((result: string) => decisions.of({ result }));
  const authorizationOf = once((result: string) => authorization.of({ result }));
  return ({ status, times, userName }) => {
    const result = userName === undefined ? 'failure' : 'success';
    attemptsOf(result).inc();
    if (times.authenticationMs !== undefined) authenticationOf(result).observe(times.authenticationMs / 1000);
    if (userName !== undefined) usersOf(userLabel(userName)).inc();
    if (times.authorizationMs === undefined) return;
    const decided = status === 403 ? 'no-opinion' : 'allowed';
    decisionsOf(decided).inc();
    authorizationOf(decided).observe(times.authorizationMs / 1000);
  };
}

/** Those of requests that are the same but for the object's name. Each is there from its first use. */
interface SameRequests {
  readonly total: CounterSeries;
  readonly duration: () => HistogramSeries;
  readonly sli: () => HistogramSeries;
  readonly sizes: () => HistogramSeries;
}

function later<S>(make: () => S): () => S {
  let made: S | undefined;
  return () => (made ??= make());
}

/** What there is of them is bounded: only resources that exist, and verbs that they have. */
function keyOf({ info, known, status }: ObservedRequest, dryRun: string): string | undefined {
  if (!known || !info.isResourceRequest) return undefined;
  return `${info.verb}/${info.group}/${info.version}/${info.resource}/${info.subresource}/${scopeOf(info)}/${dryRun}/${status}`;
}

function sameRequests(metrics: Metrics): (request: ObservedRequest) => SameRequests {
  const labels = ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'component'];
  const total = metrics.counter('apiserver_request_total', 'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.', [...labels, 'dry_run', 'code']);
  const duration = metrics.histogram('apiserver_request_duration_seconds', 'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.', secondsBuckets, [...labels, 'dry_run']);
  const sli = metrics.histogram('apiserver_request_sli_duration_seconds', 'Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds for each verb, group, version, resource, subresource, scope and component.', secondsBuckets.slice(2), labels);
  const sizes = metrics.histogram('apiserver_response_sizes', 'Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.', sizeBuckets, labels);
  const known = new Map<string, SameRequests>();
  const make = (request: ObservedRequest, dry_run: string): SameRequests => {
    const own = labelsOf(request);
    return {
      total: total.of({ ...own, dry_run, code: String(request.status) }),
      duration: later(() => duration.of({ ...own, dry_run })), sli: later(() => sli.of(own)), sizes: later(() => sizes.of(own)),
    };
  };
  return (request) => {
    const dryRun = dryRunOf(request.info);
    const key = keyOf(request, dryRun);
    if (key === undefined) return make(request, dryRun);
    let same = known.get(key);
    if (same === undefined) known.set(key, (same = make(request, dryRun)));
    return same;
  };
}

export function requestMetrics(metrics: Metrics): RequestMetrics {
  const same = sameRequests(metrics);
  const inflight = metrics.gauge('apiserver_current_inflight_requests', 'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.', ['request_kind']);
  const longRunning = metrics.gauge('apiserver_longrunning_requests', 'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.', ['verb', 'component']);
  const inflightOf = once((request_kind: string) => inflight.of({ request_kind }));
  const longRunningOf = once((verb: string) => longRunning.of({ verb, component: 'apiserver' }));
  const access = accessMetrics(metrics);
  return {
    begin(info) {
      const gauge = isLongRunning(info) ? longRunningOf(info.verb === 'watch' ? 'WATCH' : 'CONNECT') : inflightOf(readVerbs.has(info.verb) ? 'readOnly' : 'mutating');
      gauge.inc(1);
      return () => gauge.inc(-1);
    },
    observe(request) {
      const { info, bytes, times } = request;
      const { total, duration, sli, sizes } = same(request);
      total.inc();
      access(request);
      if (isLongRunning(info) || times.totalMs === undefined) return;
      duration().observe(times.totalMs / 1000);
      sli().observe(Math.max(0, times.totalMs - (times.queueMs ?? 0)) / 1000);
      if (bytes !== undefined && (info.verb === 'get' || info.verb === 'list')) sizes().observe(bytes);
    },
  };
}
