import type { Host } from '@coxswain/host';
import type { HealthCheck, Metrics } from '@coxswain/service';
import { Auditor, type AuditConfig } from './audit/auditor.ts';
import type { ServerIdentity } from './bootstrap/identity-lease.ts';
import { Encryption, type EncryptionConfig } from './encryption/encryption.ts';
import type { ValueTransformer } from './encryption/transformer.ts';
import { dumps } from './flow-control/dump.ts';
import type { Counts } from './flow-control/estimate.ts';
import { FlowControl } from './flow-control/flow-control.ts';
import { InflightLimit } from './transport/inflight.ts';
import { readOnly, type PathTable } from './transport/paths.ts';
import { Tracer, type TracingConfig } from './tracing/tracer.ts';
import { ChangeHistory } from './why/history.ts';

const longestWaitMs = 60_000;

export interface ProtectionConfig {
  /** Absent: nothing is recorded. */
  readonly audit?: AuditConfig | undefined;
  /** Absent: values are stored in the clear. */
  readonly encryption?: EncryptionConfig | undefined;
  /** Default true: requests wait in fair queues rather than being refused at two plain limits. */
  readonly enablePriorityAndFairness?: boolean;
  readonly maxRequestsInflight?: number;
  readonly maxMutatingRequestsInflight?: number;
  readonly requestTimeoutMs?: number;
  /** Absent: no spans. */
  readonly tracing?: TracingConfig | undefined;
  /** How much is remembered of who changed what; default 32 MiB. */
  readonly changeHistoryBytes?: number;
  /** What an administrator may look into: `/debug/…`. Default false. */
  readonly debugPaths?: boolean;
}

/** What stands around the requests of one server and is switched on by its configuration. */
export class Protection {
  readonly audit: Auditor | undefined;
  readonly history: ChangeHistory;
  readonly tracer: Tracer | undefined;
  readonly #config: ProtectionConfig;
  readonly #host: Host;
  readonly #metrics: Metrics;
  readonly #encryption: Encryption | undefined;

  constructor(config: ProtectionConfig, host: Host, metrics: Metrics, identity: ServerIdentity) {
    this.#config = config;
    this.history = new ChangeHistory(config.changeHistoryBytes);
    this.tracer = config.tracing === undefined ? undefined : new Tracer(config.tracing, host);
    this.#host = host;
    this.#metrics = metrics;
    this.audit = config.audit === undefined ? undefined : new Auditor(config.audit, host, metrics);
    this.#encryption = config.encryption === undefined ? undefined : new Encryption(config.encryption, host, metrics, identity);
  }

  /** `objects`: how many there are of a resource, where that is known. */
  admittance(objects: Counts['objects']): FlowControl | InflightLimit {
    const { maxRequestsInflight: reads = 400, maxMutatingRequestsInflight: writes = 200, requestTimeoutMs = 60_000 } = this.#config;
    if (this.#config.enablePriorityAndFairness === false) return new InflightLimit(reads, writes);
    return new FlowControl({ totalSeats: reads + writes, waitMs: Math.min(requestTimeoutMs / 4, longestWaitMs) }, this.#host, this.#metrics, objects);
  }

  /** What may be looked into, if it may. */
  addDebugPaths(paths: PathTable, admittance: FlowControl | InflightLimit): void {
    if (this.#config.debugPaths !== true || !(admittance instanceof FlowControl)) return;
    for (const [name, dump] of Object.entries(dumps)) paths.exact(`/debug/api_priority_and_fairness/${name}`, readOnly(() => Promise.resolve(dump(admittance))), { listed: false });
  }

  get transformerFor(): ((group: string, resource: string) => ValueTransformer) | undefined {
    const encryption = this.#encryption;
    return encryption === undefined ? undefined : (group, resource) => encryption.transformerFor(group, resource);
  }

  get checks(): Readonly<Record<string, HealthCheck>> {
    return this.#encryption?.healthChecks() ?? {};
  }

  /** Before anything is read from the store. */
  async start(): Promise<void> {
    this.tracer?.start();
    await this.#encryption?.start();
  }

  /** Resolves when what was recorded is through. */
  async stop(): Promise<void> {
    this.#encryption?.stop();
    this.tracer?.stop();
    await this.audit?.stop();
  }
}
