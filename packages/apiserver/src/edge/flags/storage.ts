import type { FlagSet } from '@coxswain/service';

const text = (help: string, given = ''): FlagSet[string] => ({ kind: 'string', default: given, help });
const [twoSeconds, halfAMinute, minute, fiveMinutes, hour] = [2000, 30_000, 60_000, 300_000, 3_600_000] as const;

export const storageFlags: FlagSet = {
  'etcd-servers': { kind: 'strings', help: 'Servers of the store (scheme://ip:port), comma separated.' },
  'etcd-servers-overrides': { kind: 'strings', help: 'GROUP/RESOURCE#URL;URL: built-in resources that are kept in another store.' },
  'etcd-prefix': text('Prefix of all keys in the store.', '/registry'),
  'etcd-cafile': text('File with the certificate authority of the store.'),
  'etcd-certfile': text('File with the client certificate for the store.'),
  'etcd-keyfile': text('File with the key of --etcd-certfile.'),
  'event-ttl': { kind: 'duration', default: hour, help: 'How long events are kept.' },
  'lease-reuse-duration-seconds': { kind: 'int', default: 60, min: 0, help: 'How long objects that expire share a lease of the store.' },
  'etcd-compaction-interval': { kind: 'duration', default: fiveMinutes, help: 'How often history in the store is forgotten; 0: never by this server.' },
  'etcd-count-metric-poll-period': { kind: 'duration', default: minute, help: 'How often objects in the store are counted for metrics; 0: never.' },
  'etcd-db-metric-poll-interval': { kind: 'duration', default: halfAMinute, help: 'How often the size of the store is asked for; 0: never.' },
  'etcd-healthcheck-timeout': { kind: 'duration', default: twoSeconds, help: 'Longest time for the check /livez/etcd.' },
  'etcd-readycheck-timeout': { kind: 'duration', default: twoSeconds, help: 'Longest time for the check /readyz/etcd-readiness.' },
  'storage-backend': text('Kind of store: etcd3.', 'etcd3'),
  'storage-media-type': text('As what objects are written: application/json.', 'application/json'),
  'storage-initialization-timeout': { kind: 'ignored', of: 'text', help: 'The server is ready when its caches are, however long that takes.' },
  'watch-cache': { kind: 'bool', default: true, help: 'Reads and watches are served from a cache of the store; always.' },
  'watch-cache-sizes': { kind: 'strings', help: 'RESOURCE[.GROUP]#SIZE; has no effect: caches size themselves.' },
  'default-watch-cache-size': { kind: 'ignored', of: 'text', help: 'Caches size themselves.' },
};
