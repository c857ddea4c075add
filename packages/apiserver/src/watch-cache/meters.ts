import type { CounterSeries, HistogramSeries, Metrics } from '@coxswain/service';

/** What is counted of one resource's reads, under the original's names. */
export interface CacheMeters {
  /** All has been read, once more. */
  initialized(historyEvents: number): void;
  /** An event of the store, which watchers are told. */
  received(): void;
  reached(revision: number): void;
  listedFromCache(fetched: number, returned: number): void;
  listedFromStore(fetched: number, evaluated: number, returned: number): void;
  /** For what watchers of this version are sent. */
  told(version: string, kind: string): (sizeBytes: number) => void;
}

export const noCacheMeters: CacheMeters = {
  initialized() {}, received() {}, reached() {}, listedFromCache() {}, listedFromStore() {}, told: () => () => undefined,
};

export type MetersOf = (group: string, resource: string, prefix: string) => CacheMeters;

const eventBuckets = [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072];

type Listed = (fetched: number, evaluated: number, returned: number) => void;

/** Each list is one, of so many objects. There is no series before the first. */
function listMeters(metrics: Metrics, prefix: string, from: string, labelNames: readonly string[], counts: readonly ('fetched' | 'evaluated' | 'returned')[]): (labels: Readonly<Record<string, string>>) => Listed {
  const what = { fetched: `Number of objects read from ${from} in the course of serving a LIST request`, evaluated: `Number of objects tested in the course of serving a LIST request from ${from}`, returned: `Number of objects returned for a LIST request from ${from}` };
  const total = metrics.counter(`${prefix}_total`, `Number of LIST requests served from ${from}`, labelNames);
  const counters = counts.map((name) => ({ name, counter: metrics.counter(`${prefix}_${name}_objects_total`, what[name], labelNames) }));
  return (labels) => {
    let series: { readonly total: CounterSeries; readonly rest: readonly { readonly name: 'fetched' | 'evaluated' | 'returned'; readonly series: CounterSeries }[] } | undefined;
    return (fetched, evaluated, returned) => {
      series ??= { total: total.of(labels), rest: counters.map(({ name, counter }) => ({ name, series: counter.of(labels) })) };
      series.total.inc();
      const by = { fetched, evaluated, returned };
      for (const one of series.rest) one.series.inc(by[one.name]);
    };
  };
}

export function cacheMeters(metrics: Metrics, keyRoot: string): MetersOf {
  const byResource = ['resource'];
  const initializations = metrics.counter('apiserver_watch_cache_initializations_total', 'Counter of watch cache initializations broken by resource type.', byResource);
  const received = metrics.counter('apiserver_watch_cache_events_received_total', 'Counter of events received in watch cache broken by resource type.', byResource);
  const stored = metrics.counter('apiserver_storage_events_received_total', 'Number of etcd events received split by kind.', byResource);
  const dispatched = metrics.counter('apiserver_watch_cache_events_dispatched_total', 'Counter of events dispatched in watch cache broken by resource type.', byResource);
  const revisions = metrics.gauge('apiserver_watch_cache_resource_version', 'Current resource version of watch cache broken by resource type.', byResource);
  const capacity = metrics.gauge('watch_cache_capacity', 'Total capacity of watch cache broken by resource type.', byResource);
  const kindLabels = ['group', 'version', 'kind'];
  const events = metrics.counter('apiserver_watch_events_total', 'Number of events sent in watch clients', kindLabels);
  const sizes = metrics.histogram('apiserver_watch_events_sizes', 'Watch event size distribution in bytes', eventBuckets, kindLabels);
  const fromCache = listMeters(metrics, 'apiserver_cache_list', 'watch cache', ['resource_prefix', 'index'], ['fetched', 'returned']);
  const fromStore = listMeters(metrics, 'apiserver_storage_list', 'storage', byResource, ['fetched', 'evaluated', 'returned']);
  return (group, resource, prefix) => {
    const labels = { resource: group === '' ? resource : `${resource}.${group}` };
    const [received1, stored1, dispatched1, revision1] = [received.of(labels), stored.of(labels), dispatched.of(labels), revisions.of(labels)];
    const inCache = fromCache({ resource_prefix: prefix.slice(keyRoot.length).replace(/\/$/, ''), index: '' });
    const inStore = fromStore(labels);
    const known = new Map<string, (sizeBytes: number) => void>();
    return {
      initialized: (historyEvents) => {
        initializations.inc(labels);
        capacity.set(historyEvents, labels);
      },
      received: () => {
        received1.inc();
        stored1.inc();
        dispatched1.inc();
      },
      reached: (revision) => { revision1.set(revision); },
      listedFromCache: (fetched, returned) => { inCache(fetched, fetched, returned); },
      listedFromStore: inStore,
      told: (version, kind) => {
        const key = `${version}/${kind}`;
        let meter = known.get(key);
        if (meter === undefined) {
          const [total, size]: [CounterSeries, HistogramSeries] = [events.of({ group, version, kind }), sizes.of({ group, version, kind })];
          known.set(key, (meter = (sizeBytes) => {
            total.inc();
            size.observe(sizeBytes);
          }));
        }
        return meter;
      },
    };
  };
}
