import { assert, type Host } from '@coxswain/host';
import type { Counter, HealthCheck, Metrics } from '@coxswain/service';
import type { ServerIdentity } from '../bootstrap/identity-lease.ts';
import { followConfig, type LiveFile } from '../config-file/followed.ts';
import { aesCbcTransformer, aesGcmTransformer, secretboxTransformer, type CipherTools } from './ciphers.ts';
import type { NamedKey, ProviderConfig, ResourceEncryption } from './config-file.ts';
import { KmsProvider, type KmsService } from './kms.ts';
import { KmsV1Provider, type KmsV1Service } from './kms-v1.ts';
import { identity, PrefixTransformers, type Prefixed, type TransformationCount } from './prefix.ts';
import type { ValueTransformer } from './transformer.ts';

export interface EncryptionConfig {
  readonly resources: readonly ResourceEncryption[];
  connectKms(endpoint: string, timeoutMs: number): KmsService;
  connectKmsV1?(endpoint: string, timeoutMs: number): KmsV1Service;
  /** Absent: the configuration stays as it is. */
  readonly reload?: LiveFile<readonly ResourceEncryption[]> | undefined;
}

const cipherOf: Readonly<Record<'aescbc' | 'aesgcm' | 'secretbox', { readonly make: (tools: CipherTools, key: Uint8Array) => ValueTransformer; readonly unknown: string }>> = {
  aescbc: { make: aesCbcTransformer, unknown: 'no matching key was found for the provided AES transformer' },
  aesgcm: { make: aesGcmTransformer, unknown: 'no matching key was found for the provided AES transformer' },
  secretbox: { make: secretboxTransformer, unknown: 'no matching key was found for the provided Secretbox transformer' },
};

type Plugin = KmsProvider | KmsV1Provider;

interface Generation {
  /** By resource as the file writes it. */
  readonly transformers: ReadonlyMap<string, ValueTransformer>;
  readonly providers: readonly Plugin[];
}

/** How long what was read with a former configuration may still be on its way. */
const closeGraceMs = 10_000;

function qualified(group: string, resource: string): string {
  return group === '' ? resource : `${resource}.${group}`;
}

/** Which transformer a resource's values pass, now. */
export class Encryption {
  readonly #config: EncryptionConfig;
  readonly #host: Host;
  readonly #operations: Counter;
  readonly #metrics: Metrics;
  readonly #identity: ServerIdentity;
  readonly #stop = new AbortController();
  #generation: Generation;

  constructor(config: EncryptionConfig, host: Host, metrics: Metrics, identity: ServerIdentity) {
    this.#config = config;
    this.#host = host;
    this.#operations = metrics.counter('apiserver_storage_transformation_operations_total', 'Total number of transformations. Successful transformation will have a status \'OK\' and a varied status string when the transformation fails. The status, resource, and transformation_type fields can be used for alerting purposes. For encryption/decryption monitoring, the transformation_type can be used to distinguish them.', ['resource', 'status', 'transformation_type', 'transformer_prefix']);
    this.#metrics = metrics;
    this.#identity = identity;
    this.#generation = this.#build(config.resources);
  }

  /** Asks the plugins for their keys once before anything is read. */
  async start(): Promise<void> {
    await Promise.all(this.#generation.providers.map((provider) => provider.start()));
    const { clock, crypto, log } = this.#host;
    const { reload } = this.#config;
    if (reload !== undefined) followConfig('encryption', reload, (next) => this.#replace(next), { clock, crypto, log, metrics: this.#metrics, identity: this.#identity }, this.#stop.signal);
  }

  stop(): void {
    this.#stop.abort();
    for (const provider of this.#generation.providers) provider.stop();
  }

  /** A plugin that does not answer leaves the former configuration in place. */
  async #replace(resources: readonly ResourceEncryption[]): Promise<void> {
    const next = this.#build(resources);
    await Promise.all(next.providers.map((provider) => provider.start()));
    const sick = next.providers.find((provider) => provider.unhealthy !== undefined);
    if (sick !== undefined) {
      for (const provider of next.providers) provider.stop();
      throw new Error(sick.unhealthy);
    }
    const former = this.#generation;
    this.#generation = next;
    this.#host.timers.after(closeGraceMs, () => former.providers.forEach((provider) => provider.stop()));
  }

  #build(resources: readonly ResourceEncryption[]): Generation {
    const prefixed = new Map<string, Prefixed[]>();
    const providers: Plugin[] = [];
    for (const entry of resources) {
      const parts = entry.providers.map((provider) => this.#part(provider, providers));
      for (const resource of entry.resources) prefixed.set(resource, [...(prefixed.get(resource) ?? []), ...parts]);
    }
    return { providers, transformers: new Map([...prefixed].map(([resource, parts]) => [resource, new PrefixTransformers(parts, 'no matching prefix found', this.#counting(resource))])) };
  }

  #counting(resource: string): TransformationCount {
    return (type, prefix, ok) => this.#operations.inc({ resource, status: ok ? 'OK' : 'Internal', transformation_type: type, transformer_prefix: prefix });
  }

  #part(config: ProviderConfig, providers: Plugin[]): Prefixed {
    if (config.kind === 'identity') return { prefix: '', transformer: identity };
    if (config.kind === 'kms-v1') return this.#kmsV1(config, providers);
    if (config.kind !== 'kms') return { prefix: `k8s:enc:${config.kind}:v1:`, transformer: this.#keyed(config.kind, config.keys) };
    const { crypto, random, clock, timers } = this.#host;
    const provider = new KmsProvider(config.name, this.#config.connectKms(config.endpoint, config.timeoutMs), { crypto, random, clock, timers });
    providers.push(provider);
    return { prefix: `k8s:enc:kms:v2:${config.name}:`, transformer: provider };
  }

  #kmsV1({ name, endpoint, timeoutMs, cacheSize }: ProviderConfig & { readonly kind: 'kms-v1' }, providers: Plugin[]): Prefixed {
    const service = this.#config.connectKmsV1?.(endpoint, timeoutMs);
    assert(service !== undefined, 'nobody connects to plugins of version 1', { name });
    const provider = new KmsV1Provider(name, service, cacheSize, this.#host);
    providers.push(provider);
    return { prefix: `k8s:enc:kms:v1:${name}:`, transformer: provider };
  }

  #keyed(kind: 'aescbc' | 'aesgcm' | 'secretbox', keys: readonly NamedKey[]): ValueTransformer {
    const { make, unknown } = cipherOf[kind];
    return new PrefixTransformers(keys.map((key) => ({ prefix: `${key.name}:`, transformer: make(this.#host, key.secret) })), unknown);
  }

  transformerFor(group: string, resource: string): ValueTransformer {
    const { transformers } = this.#generation;
    return transformers.get(qualified(group, resource)) ?? transformers.get(`*.${group}`) ?? transformers.get('*.*') ?? identity;
  }

  /** `kms-providers` where there are any, or where a reload may bring some. */
  healthChecks(): Readonly<Record<string, HealthCheck>> {
    if (this.#config.reload === undefined && this.#generation.providers.length === 0) return {};
    return { 'kms-providers': () => Promise.resolve(this.#generation.providers.find((provider) => provider.unhealthy !== undefined)?.unhealthy) };
  }
}
