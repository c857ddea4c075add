import type { FlagSet, FlagSpec } from '@coxswain/service';

const text = (help: string): FlagSpec => ({ kind: 'ignored', of: 'text', help });
const bool = (help: string): FlagSpec => ({ kind: 'ignored', of: 'bool', help });

/** Flags of etcd 3.4 to 3.6 that tune what is not here (bbolt, its batches, zap, the v2 store): leaving them out changes nothing. */
export const ignoredFlags: FlagSet = {
  'discovery-dial-timeout': text('There is no discovery.'), 'discovery-request-timeout': text('There is no discovery.'), 'discovery-keepalive-time': text('There is no discovery.'),
  'discovery-keepalive-timeout': text('There is no discovery.'), 'experimental-backend-bbolt-freelist-type': text('Of bbolt.'),
  'backend-batch-interval': text('Commit interval of bbolt.'), 'backend-batch-limit': text('Commit size of bbolt.'), 'backend-bbolt-freelist-type': text('Of bbolt.'),
  'bootstrap-defrag-threshold-megabytes': text('Of bbolt.'), 'experimental-bootstrap-defrag-threshold-megabytes': text('Of bbolt.'),
  'compaction-batch-limit': text('Size of a compaction step.'), 'experimental-compaction-batch-limit': text('Size of a compaction step.'),
  'compaction-sleep-interval': text('Pause between compaction steps.'), 'experimental-compaction-sleep-interval': text('Pause between compaction steps.'),
  'max-snapshots': text('Snapshot files to keep; what is not needed goes at once.'), 'max-wals': text('Log files to keep; what is not needed goes at once.'),
  'initial-election-tick-advance': bool('The first election is always early.'), 'raft-read-timeout': text('Of peer connections.'), 'raft-write-timeout': text('Of peer connections.'),
  'max-concurrent-streams': text('Streams of one client connection.'), 'grpc-keepalive-min-time': text('Pings of clients are never too many.'),
  'grpc-keepalive-interval': text('Time between pings to clients.'), 'grpc-keepalive-timeout': text('Time to wait for a ping.'),
  'enable-pprof': bool('Profiling is Node\'s own (--cpu-prof).'), logger: text('Kind of logger.'), 'log-format': text('JSON, and readable on a terminal.'), debug: bool('Use --log-level.'),
  'log-package-levels': text('Of the old logger.'), 'enable-v2': bool('There is no v2 store.'), 'v2-deprecation': text('There is no v2 store.'),
  'warning-apply-duration': text('When to warn of slow requests.'), 'experimental-warning-apply-duration': text('When to warn of slow requests.'),
  'warning-unary-request-duration': text('When to warn of slow requests.'), 'experimental-warning-unary-request-duration': text('When to warn of slow requests.'),
  'downgrade-check-time': text('The leader looks every five seconds.'), 'experimental-downgrade-check-time': text('The leader looks every five seconds.'),
  'stop-grpc-service-on-defrag': bool('Defragmentation stops nothing.'), 'experimental-stop-grpc-service-on-defrag': bool('Defragmentation stops nothing.'),
  'experimental-txn-mode-write-with-shared-buffer': bool('Of bbolt.'), 'discovery-fallback': text('There is no discovery.'), 'feature-gates': text('Of etcd.'),
  'proxy-failure-wait': text('There is no proxy.'), 'proxy-refresh-interval': text('There is no proxy.'), 'proxy-dial-timeout': text('There is no proxy.'),
  'proxy-write-timeout': text('There is no proxy.'), 'proxy-read-timeout': text('There is no proxy.'),
  'distributed-tracing-address': text('There is no tracing.'), 'distributed-tracing-service-name': text('There is no tracing.'),
  'distributed-tracing-instance-id': text('There is no tracing.'), 'distributed-tracing-sampling-rate': text('There is no tracing.'),
  'experimental-distributed-tracing-address': text('There is no tracing.'), 'experimental-distributed-tracing-service-name': text('There is no tracing.'),
  'experimental-distributed-tracing-instance-id': text('There is no tracing.'), 'experimental-distributed-tracing-sampling-rate': text('There is no tracing.'),
};
