import type { Host } from '@coxswain/host';
import type { HealthCheck, Metrics } from '@coxswain/service';
import { Auditor, type AuditConfig } from './audit/auditor.ts';
import { Encryption, type EncryptionConfig } from './encryption/encryption.ts';
import type { ValueTransformer } from './encryption/transformer.ts';

export interface ProtectionConfig {
  /** Absent: nothing is recorded. */
  readonly audit?: AuditConfig | undefined;
  /** Absent: values are stored in the clear. */
  readonly encryption?: EncryptionConfig | undefined;
}

/** What stands around the requests of one server and is switched on by its configuration. */
export class Protection {
  readonly audit: Auditor | undefined;
  readonly #encryption: Encryption | undefined;

  constructor(config: ProtectionConfig, host: Host, metrics: Metrics) {
    this.audit = config.audit === undefined ? undefined : new Auditor(config.audit, host, metrics);
    this.#encryption = config.encryption === undefined ? undefined : new Encryption(config.encryption, host, metrics);
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
    await this.#encryption?.start();
  }

  /** Resolves when what was recorded is through. */
  async stop(): Promise<void> {
    this.#encryption?.stop();
    await this.audit?.stop();
  }
}
