import type { EtcdClient, RangeOptions, TxnOptions } from '@coxswain/etcd-lite/client';
import type { Clock } from '@coxswain/host';
import type { CounterSeries, HistogramSeries, Metrics } from '@coxswain/service';

const secondsBuckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

export type MeasuredStore = (client: EtcdClient, group: string, resource: string) => EtcdClient;

function operationOf({ compare, success }: TxnOptions): string {
  const [op] = success;
  if (op?.type === 'delete-range') return 'delete';
  const [first] = compare;
  return first?.target === 'mod' && first.value === 0 ? 'create' : 'update';
}

/** How long the store takes for the objects of one resource, under the original's names. */
export function measuredStores(metrics: Metrics, clock: Clock): MeasuredStore {
  const durations = metrics.histogram('etcd_request_duration_seconds', 'Etcd request latency in seconds for each operation and object type.', secondsBuckets, ['operation', 'type']);
  const totals = metrics.counter('etcd_requests_total', 'Etcd request counts for each operation and object type.', ['operation', 'type']);
  const errors = metrics.counter('etcd_request_errors_total', 'Etcd failed request counts for each operation and object type.', ['operation', 'type']);
  return (client, group, resource) => {
    const type = group === '' ? resource : `${resource}.${group}`;
    const series = new Map<string, { readonly total: CounterSeries; readonly duration: HistogramSeries }>();
    const seriesOf = (operation: string): { readonly total: CounterSeries; readonly duration: HistogramSeries } => {
      let known = series.get(operation);
      if (known === undefined) series.set(operation, (known = { total: totals.of({ operation, type }), duration: durations.of({ operation, type }) }));
      return known;
    };
    const measured = async <T>(operation: string, run: () => Promise<T>): Promise<T> => {
      const startedMs = clock.monotonicMs();
      try {
        return await run();
      } catch (error) {
        errors.inc({ operation, type });
        throw error;
      } finally {
        const { total, duration } = seriesOf(operation);
        total.inc();
        duration.observe((clock.monotonicMs() - startedMs) / 1000);
      }
    };
    return {
      range: (options: RangeOptions) => measured(options.rangeEnd === undefined ? 'get' : 'list', () => client.range(options)),
      txn: (options: TxnOptions) => measured(operationOf(options), () => client.txn(options)),
      put: (options) => client.put(options), deleteRange: (options) => client.deleteRange(options), compact: (revision) => client.compact(revision),
      watch: (options) => client.watch(options), requestProgress: () => client.requestProgress(), leaseGrant: (options) => client.leaseGrant(options),
      leaseRevoke: (id) => client.leaseRevoke(id), leaseKeepAlive: (id) => client.leaseKeepAlive(id), leaseTimeToLive: (id) => client.leaseTimeToLive(id),
      status: () => client.status(), memberList: () => client.memberList(), close: () => client.close(),
    };
  };
}
