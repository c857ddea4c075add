import { createEtcdClient, type EtcdClient } from '@coxswain/etcd-lite/client';
import type { Host } from '@coxswain/host';
import { UsageError, type FlagValues } from '@coxswain/service';
import type { ApiServerConfig } from '../config.ts';
import { storeKeyOf, type StoresByResource } from '../storage/stores.ts';
import { clientTls } from './config-from-flags.ts';

const overridesForm = '--etcd-servers-overrides invalid, must be of format: group/resource#servers, where servers are URLs, semicolon separated';

/** `group/resource#url;url`; resources of the same servers share a client. */
function overrides(values: FlagValues, connect: (endpoints: readonly string[]) => EtcdClient): StoresByResource {
  const stores = new Map<string, EtcdClient>();
  const clients = new Map<string, EtcdClient>();
  for (const text of values.strings('etcd-servers-overrides')) {
    const [what = '', servers = '', ...more] = text.split('#');
    const [group = '', resource = '', ...deeper] = what.split('/');
    if (more.length > 0 || deeper.length > 0 || resource === '' || servers === '') throw new UsageError(overridesForm);
    const client = clients.get(servers) ?? connect(servers.split(';'));
    clients.set(servers, client);
    stores.set(storeKeyOf(group, resource), client);
  }
  return stores;
}

function checkFixed(values: FlagValues): void {
  const backend = values.string('storage-backend');
  if (backend !== '' && backend !== 'etcd3') throw new UsageError('--storage-backend invalid, allowed values: etcd3. If not specified, it will default to \'etcd3\'');
  const type = values.string('storage-media-type');
  const known = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml'];
  if (!known.includes(type)) throw new UsageError(`--storage-media-type ${JSON.stringify(type)} invalid, allowed values: ${known.join(', ')}`);
  if (type !== 'application/json') throw new UsageError(`--storage-media-type: ${type} is not built; objects are written as application/json, and those written as protobuf are read`);
  if (!values.bool('watch-cache')) throw new UsageError('--watch-cache=false is not built: reads stand on the watch cache');
  for (const size of values.strings('watch-cache-sizes')) {
    if (!/^[^#]+#\d+$/.test(size)) throw new UsageError(`--watch-cache-sizes: invalid value ${size}: expected resource[.group]#size`);
    // As in the original any other size is taken and has no effect: caches size themselves.
    if (size.endsWith('#0')) throw new UsageError(`--watch-cache-sizes: ${size}: a resource without a watch cache is not built`);
  }
}

/** Where objects are kept, and how that is looked after. */
export function storageConfig(values: FlagValues, host: Host): Pick<ApiServerConfig, 'store' | 'otherStores' | 'storageTimes' | 'keyRoot' | 'eventTtlSeconds' | 'compactionIntervalMs'> {
  checkFixed(values);
  const endpoints = values.strings('etcd-servers');
  if (endpoints.length === 0) throw new UsageError('--etcd-servers is required');
  const tls = clientTls(values, { ca: 'etcd-cafile', cert: 'etcd-certfile', key: 'etcd-keyfile' });
  const connect = (to: readonly string[]): EtcdClient => createEtcdClient(host, { endpoints: to, tls, preferLeader: true });
  return {
    otherStores: overrides(values, connect), store: connect(endpoints), keyRoot: values.string('etcd-prefix').replace(/\/+$/, ''),
    eventTtlSeconds: Math.ceil(values.durationMs('event-ttl') / 1000), compactionIntervalMs: values.durationMs('etcd-compaction-interval'),
    storageTimes: {
      healthTimeoutMs: values.durationMs('etcd-healthcheck-timeout'), readyTimeoutMs: values.durationMs('etcd-readycheck-timeout'),
      countEveryMs: values.durationMs('etcd-count-metric-poll-period'), sizeEveryMs: values.durationMs('etcd-db-metric-poll-interval'), leaseReuseSeconds: values.int('lease-reuse-duration-seconds'),
    },
  };
}
