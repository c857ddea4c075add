import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { KubeconfigError, parseKubeconfig } from '@coxswain/client';
import { UsageError, type FlagValues } from '@coxswain/service';
import type { AuditConfig, BackendTools } from '../audit/auditor.ts';
import { ignoringErrors, type AuditBackend } from '../audit/backend.ts';
import { BatchingBackend, type BatchOptions } from '../audit/batch.ts';
import { logBackend } from '../audit/log-backend.ts';
import { parseAuditPolicy } from '../audit/policy-file.ts';
import { RotatingFile, type LineWriter } from '../audit/rotating-file.ts';
import { truncating, type TruncateOptions } from '../audit/truncate.ts';
import { webhookBackend, type WebhookBackendOptions } from '../audit/webhook-backend.ts';

const megabyte = 1024 * 1024;
const dayMs = 24 * 3600 * 1000;
const webhookCallsAtOnce = 10;

type Make = (tools: BackendTools) => AuditBackend;

function positive(values: FlagValues, name: string): number {
  const value = values.int(name);
  if (value <= 0) throw new UsageError(`--${name}: must be a positive number`);
  return value;
}

function throttleOf(values: FlagValues, flag: string): BatchOptions['throttle'] {
  if (!values.bool(`${flag}-batch-throttle-enable`)) return undefined;
  const qps = Number(values.string(`${flag}-batch-throttle-qps`));
  if (!(qps > 0)) throw new UsageError(`--${flag}-batch-throttle-qps: must be a positive number`);
  return { qps, burst: positive(values, `${flag}-batch-throttle-burst`) };
}

function batchOptions(values: FlagValues, flag: string, parallel: number): BatchOptions {
  return {
    bufferSize: positive(values, `${flag}-batch-buffer-size`), maxBatchSize: positive(values, `${flag}-batch-max-size`),
    maxBatchWaitMs: values.durationMs(`${flag}-batch-max-wait`), throttle: throttleOf(values, flag), parallel,
  };
}

function truncateOptions(values: FlagValues, flag: string): TruncateOptions | undefined {
  if (!values.bool(`${flag}-truncate-enabled`)) return undefined;
  const options = { maxEventSizeBytes: positive(values, `${flag}-truncate-max-event-size`), maxBatchSizeBytes: positive(values, `${flag}-truncate-max-batch-size`) };
  if (options.maxBatchSizeBytes < options.maxEventSizeBytes) throw new UsageError(`--${flag}-truncate-max-batch-size: must not be below --${flag}-truncate-max-event-size`);
  return options;
}

/** The flags that both backends have, around one of them. Batches are split after they were gathered. */
function shaped(values: FlagValues, name: 'log' | 'webhook', parallel: number, make: Make): Make {
  const flag = `audit-${name}`;
  if (values.string(`${flag}-version`) !== 'audit.k8s.io/v1') throw new UsageError(`--${flag}-version: only audit.k8s.io/v1 is there`);
  const truncate = truncateOptions(values, flag);
  const modes: Readonly<Record<string, () => (inner: AuditBackend, tools: BackendTools) => AuditBackend>> = {
    batch: () => {
      const options = batchOptions(values, flag, parallel);
      return (inner, { host, failures }) => new BatchingBackend(inner, options, host, failures);
    },
    blocking: () => (inner) => ignoringErrors(inner),
    'blocking-strict': () => (inner) => inner,
  };
  const mode = values.string(`${flag}-mode`);
  const wrap = Object.hasOwn(modes, mode) ? modes[mode]?.() : undefined;
  if (wrap === undefined) throw new UsageError(`--${flag}-mode: invalid audit ${name} mode ${mode}, allowed modes are ${Object.keys(modes).join(',')}`);
  return (tools) => {
    const wrapped = wrap(make(tools), tools);
    return truncate === undefined ? wrapped : truncating(wrapped, truncate, tools.failures);
  };
}

/** Standard output belongs to the process, not to the log. */
const standardOutput: LineWriter = {
  write: (lines) => new Promise((done, failed) => {
    process.stdout.write(lines, (error) => { if (error === undefined || error === null) done(); else failed(error); });
  }),
  close: () => Promise.resolve(),
};

function notNegative(values: FlagValues, name: string): number {
  const value = values.int(name);
  if (value < 0) throw new UsageError(`--${name} ${value} can't be a negative number`);
  return value;
}

function logMaker(values: FlagValues): Make | undefined {
  const path = values.string('audit-log-path');
  if (path === '') return undefined;
  const format = values.string('audit-log-format');
  if (format !== 'json' && format !== 'legacy') throw new UsageError(`--audit-log-format: invalid audit log format ${format}, allowed formats are legacy,json`);
  const maxSize = notNegative(values, 'audit-log-maxsize');
  const options = {
    path: resolve(path), maxSizeBytes: (maxSize === 0 ? 100 : maxSize) * megabyte, maxBackups: notNegative(values, 'audit-log-maxbackup'),
    maxAgeMs: notNegative(values, 'audit-log-maxage') * dayMs, compress: values.bool('audit-log-compress') ? promisify(gzip) : undefined,
  };
  return shaped(values, 'log', 1, ({ host, failures }) => logBackend(path === '-' ? standardOutput : new RotatingFile(host.disk, host.clock, host.log, options), format, failures));
}

async function webhookTarget(path: string): Promise<Omit<WebhookBackendOptions, 'initialBackoffMs'>> {
  try {
    const config = await parseKubeconfig(readFileSync(path, 'utf8'), (file) => readFile(resolve(dirname(path), file)));
    return { url: config.server, tls: config.tls, bearerToken: config.bearerToken };
  } catch (error) {
    throw new UsageError(`--audit-webhook-config-file: ${path}: ${error instanceof KubeconfigError ? error.message.replace(/^kubeconfig: /, '') : (error as Error).message}`);
  }
}

async function webhookMaker(values: FlagValues): Promise<Make | undefined> {
  const path = values.string('audit-webhook-config-file');
  if (path === '') return undefined;
  const flag = values.isSet('audit-webhook-batch-initial-backoff') && !values.isSet('audit-webhook-initial-backoff') ? 'audit-webhook-batch-initial-backoff' : 'audit-webhook-initial-backoff';
  const options = { ...(await webhookTarget(path)), initialBackoffMs: values.durationMs(flag) };
  return shaped(values, 'webhook', webhookCallsAtOnce, ({ host, failures }) => webhookBackend(host, options, failures));
}

/** Without a policy nothing is recorded; backends are checked nevertheless. */
export async function auditConfig(values: FlagValues): Promise<AuditConfig | undefined> {
  const backends = [logMaker(values), await webhookMaker(values)].filter((make) => make !== undefined);
  const path = values.string('audit-policy-file');
  if (path === '') return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--audit-policy-file: cannot read ${path}: ${(error as Error).message}`);
  }
  const policy = parseAuditPolicy(path, text);
  return backends.length === 0 ? undefined : { policy, backends };
}
