import { concatBytes, utf8, type Clock, type Timers } from '@coxswain/host';
import { AskedPlugin } from './asked-plugin.ts';
import { aesCbcTransformer, aesGcmTransformer, type CipherTools } from './ciphers.ts';
import type { ReadValue, ValueTransformer } from './transformer.ts';

/** A key management plugin, version 1 (v1beta1) of its API. Every call may reject. */
export interface KmsV1Service {
  encrypt(plain: Uint8Array): Promise<Uint8Array>;
  decrypt(cipher: Uint8Array): Promise<Uint8Array>;
  close(): void;
}

const checkEveryMs = 20_000;
const keyBytes = 32;
const lengthBytes = 2;
const ping = utf8('ping');

interface Tools extends CipherTools {
  readonly clock: Clock;
  readonly timers: Timers;
}

/** A key for each value, wrapped by the plugin and kept before it. The plugin is asked at each write, and at each read of a key that is not remembered. Deprecated in the original. */
export class KmsV1Provider implements ValueTransformer {
  readonly #name: string;
  readonly #service: KmsV1Service;
  readonly #cacheSize: number;
  readonly #tools: Tools;
  readonly #asked: AskedPlugin;
  readonly #known = new Map<string, Uint8Array>();

  /** `cacheSize`: how many keys are remembered; less than 0: none. */
  constructor(name: string, service: KmsV1Service, cacheSize: number, tools: Tools) {
    this.#name = name;
    this.#service = service;
    this.#cacheSize = cacheSize;
    this.#tools = tools;
    this.#asked = new AskedPlugin(tools.timers, () => checkEveryMs);
  }

  /** undefined: healthy. */
  get unhealthy(): string | undefined {
    return this.#asked.unhealthy;
  }

  start(): Promise<void> {
    return this.#asked.start(() => this.#check());
  }

  stop(): void {
    this.#asked.stop();
    this.#service.close();
  }

  async #check(): Promise<string | undefined> {
    try {
      const back = await this.#service.decrypt(await this.#service.encrypt(ping));
      return back.length === ping.length && back.every((byte, at) => byte === ping[at]) ? undefined : `KMS provider ${this.#name} does not decrypt what it has encrypted`;
    } catch (error) {
      return `failed to perform encrypt section of the healthz check for KMS Provider ${this.#name}, error: ${(error as Error).message}`;
    }
  }

  #remember(wrapped: string, key: Uint8Array): void {
    if (this.#cacheSize < 0) return;
    this.#known.delete(wrapped);
    this.#known.set(wrapped, key);
    if (this.#known.size > this.#cacheSize) for (const oldest of this.#known.keys()) { this.#known.delete(oldest); break; }
  }

  async #unwrapped(wrapped: Uint8Array): Promise<Uint8Array> {
    const name = wrapped.toBase64();
    const key = this.#known.get(name) ?? await this.#service.decrypt(wrapped).catch((error: unknown) => { throw new Error(`failed to decrypt DEK, error: ${(error as Error).message}`, { cause: error }); });
    this.#remember(name, key);
    return key;
  }

  async fromStorage(data: Uint8Array, at: Uint8Array): Promise<ReadValue> {
    const [high = 0, low = 0] = data;
    const end = lengthBytes + high * 256 + low;
    if (data.length < lengthBytes || end > data.length) throw new Error('invalid data encountered by envelope transformer, length longer than available bytes');
    const key = await this.#unwrapped(data.subarray(lengthBytes, end));
    const value = data.subarray(end);
    try {
      return await aesGcmTransformer(this.#tools, key).fromStorage(value, at);
    } catch (error) {
      // Written before 1.25. Whether it can be read so is the last word.
      try {
        return { ...await aesCbcTransformer(this.#tools, key).fromStorage(value, at), stale: true };
      } catch {
        throw error;
      }
    }
  }

  async toStorage(data: Uint8Array, at: Uint8Array): Promise<Uint8Array> {
    const key = this.#tools.random.bytes(keyBytes);
    const wrapped = await this.#service.encrypt(key).catch((error: unknown) => { throw new Error(`failed to encrypt DEK, error: ${(error as Error).message}`, { cause: error }); });
    this.#remember(wrapped.toBase64(), key);
    return concatBytes([new Uint8Array([wrapped.length >> 8, wrapped.length & 0xff]), wrapped, await aesGcmTransformer(this.#tools, key).toStorage(data, at)]);
  }
}
