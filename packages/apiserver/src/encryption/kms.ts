import { concatBytes, type Clock, type Timers } from '@coxswain/host';
import { AskedPlugin } from './asked-plugin.ts';
import { bytesField, mapField, numberField, readFields, textField, type BytesMap } from './wire.ts';
import { aesGcmTransformer, seededGcmTransformer, type CipherTools } from './ciphers.ts';
import type { MaybePromise, ReadValue, ValueTransformer } from './transformer.ts';

/** A key management plugin, version 2 of its API. Every call may reject. */
export interface KmsService {
  status(): Promise<{ readonly version: string; readonly healthz: string; readonly keyId: string }>;
  encrypt(uid: string, plaintext: Uint8Array): Promise<{ readonly ciphertext: Uint8Array; readonly keyId: string; readonly annotations: BytesMap }>;
  decrypt(uid: string, request: { readonly ciphertext: Uint8Array; readonly keyId: string; readonly annotations: BytesMap }): Promise<Uint8Array>;
  close(): void;
}

/** What upstream keeps in the store (proto EncryptedObject). */
export interface EncryptedObject {
  readonly encryptedData: Uint8Array;
  readonly keyId: string;
  readonly encryptedDekSource: Uint8Array;
  readonly annotations: BytesMap;
  /** 0: the source is the key of AES-GCM itself; 1: it is a seed from which a key a value is derived. */
  readonly sourceType: number;
}

const healthyEveryMs = 60_000;
const unhealthyEveryMs = 10_000;
/** How long may be written with a key whose plugin does not answer. */
const writableMs = 3 * 60_000;
const maxSmallBytes = 1024;
const maxAnnotationsBytes = 32 * 1024;
const maxKnownKeys = 1000;
const seedBytes = 32;
const seeded = 1;

function encodeEncryptedObject(object: EncryptedObject): Uint8Array {
  return concatBytes([
    bytesField(1, object.encryptedData), textField(2, object.keyId), bytesField(3, object.encryptedDekSource), mapField(4, object.annotations), numberField(5, object.sourceType),
  ]);
}

function validateKeyId(keyId: string): void {
  if (keyId === '') throw new Error('failed to validate key id: keyID is empty');
  if (keyId.length > maxSmallBytes) throw new Error(`failed to validate key id: keyID is ${keyId.length} bytes, which exceeds the max size of ${maxSmallBytes}`);
}

function validate(object: EncryptedObject): EncryptedObject {
  if (object.sourceType > seeded) throw new Error(`unknown encryptedDEKSourceType: ${object.sourceType}`);
  if (object.encryptedData.length === 0) throw new Error('encrypted data is empty');
  const source = object.encryptedDekSource.length;
  if (source === 0) throw new Error('failed to validate encrypted DEK source: encrypted DEK source is empty');
  if (source > maxSmallBytes) throw new Error(`failed to validate encrypted DEK source: encrypted DEK source is ${source} bytes, which exceeds the max size of ${maxSmallBytes}`);
  validateKeyId(object.keyId);
  let annotationsBytes = 0;
  for (const [key, value] of object.annotations) {
    if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/.test(key)) throw new Error(`failed to validate annotations: should be a domain with at least two segments separated by dots: ${JSON.stringify(key)}`);
    annotationsBytes += key.length + value.length;
  }
  if (annotationsBytes > maxAnnotationsBytes) throw new Error(`failed to validate annotations: total size of annotations is ${annotationsBytes} bytes, which exceeds the max size of ${maxAnnotationsBytes}`);
  return object;
}

function decodeEncryptedObject(data: Uint8Array): EncryptedObject {
  const fields = readFields(data);
  return validate({ encryptedData: fields.bytes(1), keyId: fields.text(2), encryptedDekSource: fields.bytes(3), annotations: fields.map(4), sourceType: fields.number(5) });
}

interface WriteState {
  readonly transformer: ValueTransformer;
  readonly object: EncryptedObject;
  readonly expiresMs: number;
}

export interface KmsTools extends CipherTools {
  readonly clock: Clock;
  readonly timers: Timers;
}

/**
 * Values under keys that a plugin wraps. It is asked for its present key once a minute (that is also its health); a new key gets a new
 * seed. While it is down everything that was read before stays readable, and writes go on for three minutes.
 */
export class KmsProvider implements ValueTransformer {
  readonly name: string;
  readonly #service: KmsService;
  readonly #tools: KmsTools;
  readonly #asked: AskedPlugin;
  readonly #known = new Map<string, ValueTransformer>();
  readonly #asking = new Map<string, Promise<ValueTransformer>>();
  #state: WriteState | undefined;

  constructor(name: string, service: KmsService, tools: KmsTools) {
    this.name = name;
    this.#service = service;
    this.#tools = tools;
    this.#asked = new AskedPlugin(tools.timers, (isHealthy) => (isHealthy ? healthyEveryMs : unhealthyEveryMs));
  }

  /** undefined: healthy. */
  get unhealthy(): string | undefined {
    return this.#asked.unhealthy;
  }

  /** Resolves after the plugin was asked for the first time, whatever it said. */
  start(): Promise<void> {
    return this.#asked.start(() => this.#check());
  }

  stop(): void {
    this.#asked.stop();
    this.#service.close();
  }

  async #check(): Promise<string | undefined> {
    try {
      const status = await this.#service.status();
      if (status.healthz !== 'ok') throw new Error(`got unexpected healthz status: ${status.healthz}`);
      if (status.version !== 'v2' && status.version !== 'v2beta1') throw new Error(`expected KMSv2 API version "v2", got ${status.version}`);
      validateKeyId(status.keyId);
      await this.#follow(status.keyId);
      return undefined;
    } catch (error) {
      return `kmsv2 Provider ${this.name} is not healthy, error: ${(error as Error).message}`;
    }
  }

  async #follow(keyId: string): Promise<void> {
    const expiresMs = this.#tools.clock.monotonicMs() + writableMs;
    if (this.#state !== undefined && this.#state.object.keyId === keyId) {
      this.#state = { ...this.#state, expiresMs };
      return;
    }
    const seed = this.#tools.random.bytes(seedBytes);
    const wrapped = await this.#service.encrypt(this.#tools.random.uuid(), seed);
    if (wrapped.keyId !== keyId) throw new Error('failed to rotate DEK: the plugin encrypts with another key than it says');
    const object = { encryptedData: new Uint8Array([0]), keyId: wrapped.keyId, encryptedDekSource: wrapped.ciphertext, annotations: wrapped.annotations, sourceType: seeded };
    const transformer = seededGcmTransformer(this.#tools, seed);
    this.#remember(keyOf(validate(object)), transformer);
    this.#state = { transformer, object, expiresMs };
  }

  #remember(key: string, transformer: ValueTransformer): void {
    const oldest = this.#known.keys().next();
    if (this.#known.size >= maxKnownKeys && oldest.done !== true) this.#known.delete(oldest.value);
    this.#known.set(key, transformer);
  }

  #unwrap(object: EncryptedObject): MaybePromise<ValueTransformer> {
    const key = keyOf(object);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const asked = this.#asking.get(key) ?? this.#ask(key, object).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  async #ask(key: string, { encryptedDekSource, keyId, annotations, sourceType }: EncryptedObject): Promise<ValueTransformer> {
    const source = await this.#service.decrypt(this.#tools.random.uuid(), { ciphertext: encryptedDekSource, keyId, annotations }).catch((error: unknown) => {
      throw new Error(`failed to decrypt DEK, error: ${(error as Error).message}`, { cause: error });
    });
    const transformer = sourceType === seeded ? seededGcmTransformer(this.#tools, source) : aesGcmTransformer(this.#tools, source);
    this.#remember(key, transformer);
    return transformer;
  }

  fromStorage(data: Uint8Array, at: Uint8Array): MaybePromise<ReadValue> {
    const object = decodeEncryptedObject(data);
    const state = this.#state;
    if (state === undefined) throw new Error('got unexpected nil transformer');
    const read = (transformer: ValueTransformer): MaybePromise<ReadValue> => {
      const value = transformer.fromStorage(object.encryptedData, at);
      const stale = object.keyId !== state.object.keyId || object.sourceType !== state.object.sourceType;
      return value instanceof Promise ? value.then((later) => ({ data: later.data, stale })) : { data: value.data, stale };
    };
    const transformer = this.#unwrap(object);
    return transformer instanceof Promise ? transformer.then(read) : read(transformer);
  }

  toStorage(data: Uint8Array, at: Uint8Array): MaybePromise<Uint8Array> {
    const state = this.#state;
    if (state === undefined) throw new Error('got unexpected nil transformer');
    if (this.#tools.clock.monotonicMs() > state.expiresMs) throw new Error(`encryptedDEKSource of KMS provider ${this.name} expired: its plugin has not been healthy for three minutes`);
    const wrap = (encryptedData: Uint8Array): Uint8Array => encodeEncryptedObject({ ...state.object, encryptedData });
    const encrypted = state.transformer.toStorage(data, at);
    return encrypted instanceof Promise ? encrypted.then(wrap) : wrap(encrypted);
  }
}

/** The same for equal sources, whatever is encrypted with them. */
function keyOf({ sourceType, encryptedDekSource, keyId, annotations }: EncryptedObject): string {
  const notes = annotations.size === 0 ? '' : JSON.stringify([...annotations].map(([name, value]) => [name, ...value]));
  return `${sourceType} ${String.fromCharCode(...encryptedDekSource)} ${keyId} ${notes}`;
}
