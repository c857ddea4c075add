import type { FlagSet } from '@coxswain/service';

/** What the two backends share; `batch` as they differ by default. */
function backendFlags(name: 'log' | 'webhook', mode: string, batch: { readonly maxSize: number; readonly throttle: boolean; readonly waitMs: number }): FlagSet {
  const flag = `audit-${name}`;
  return {
    [`${flag}-mode`]: { kind: 'string', default: mode, help: 'How events are handed on: batch (buffered, sent later), blocking (the request waits for them), blocking-strict (the request fails if its beginning is not recorded).' },
    [`${flag}-batch-buffer-size`]: { kind: 'int', default: 10_000, help: 'Events that wait before others are dropped. Only in batch mode.' },
    [`${flag}-batch-max-size`]: { kind: 'int', default: batch.maxSize, help: 'Most events in a batch. Only in batch mode.' },
    [`${flag}-batch-max-wait`]: { kind: 'duration', default: batch.waitMs, help: 'Longest time before a batch that is not full is sent. Only in batch mode.' },
    [`${flag}-batch-throttle-enable`]: { kind: 'bool', default: batch.throttle, help: 'Whether batches are throttled. Only in batch mode.' },
    [`${flag}-batch-throttle-qps`]: { kind: 'string', default: batch.throttle ? '10' : '0', help: 'Most batches a second on average. Only in batch mode.' },
    [`${flag}-batch-throttle-burst`]: { kind: 'int', default: batch.throttle ? 15 : 0, help: 'Most batches at one moment after a time without. Only in batch mode.' },
    [`${flag}-truncate-enabled`]: { kind: 'bool', default: false, help: 'Whether events and batches that are too large are made smaller.' },
    [`${flag}-truncate-max-event-size`]: { kind: 'int', default: 100 * 1024, help: 'Largest event in bytes: above it request and response are left out, and if that is not enough the event is dropped.' },
    [`${flag}-truncate-max-batch-size`]: { kind: 'int', default: 10 * 1024 * 1024, help: 'Largest batch in bytes; a larger one is sent in several.' },
    [`${flag}-version`]: { kind: 'string', default: 'audit.k8s.io/v1', help: 'API group and version in which events are written.' },
  };
}

export const auditFlags: FlagSet = {
  'audit-policy-file': { kind: 'string', default: '', help: 'File with the audit policy (audit.k8s.io/v1): which requests are recorded, and how much of them.' },
  'audit-log-path': { kind: 'string', default: '', help: 'File to which events are written; - is standard output.' },
  'audit-log-format': { kind: 'string', default: 'json', help: 'json (an object a line) or legacy (a line of text an event).' },
  'audit-log-maxsize': { kind: 'int', default: 0, help: 'Megabytes at which the file is set aside; 0: 100.' },
  'audit-log-maxage': { kind: 'int', default: 0, help: 'Days that files set aside are kept; 0: for ever.' },
  'audit-log-maxbackup': { kind: 'int', default: 0, help: 'How many files set aside are kept; 0: all.' },
  'audit-log-compress': { kind: 'bool', default: false, help: 'Whether files set aside are compressed with gzip.' },
  'audit-webhook-config-file': { kind: 'string', default: '', help: 'File in kubeconfig format that says where events are sent.' },
  'audit-webhook-initial-backoff': { kind: 'duration', default: 10_000, help: 'Time to wait before the first failed request is tried again.' },
  'audit-webhook-batch-initial-backoff': { kind: 'duration', default: 10_000, help: 'Former name of --audit-webhook-initial-backoff.' },
  ...backendFlags('log', 'blocking', { maxSize: 1, throttle: false, waitMs: 0 }),
  ...backendFlags('webhook', 'batch', { maxSize: 400, throttle: true, waitMs: 30_000 }),
};
