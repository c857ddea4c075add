import { concatBytes, utf8 } from '@coxswain/host';
import type { MaybePromise, ReadValue, ValueTransformer } from './transformer.ts';

export interface Prefixed {
  /** `''`: stands before what is not encrypted. */
  readonly prefix: string;
  readonly transformer: ValueTransformer;
}

export interface TransformationCount {
  (type: 'from_storage' | 'to_storage', prefix: string, ok: boolean): void;
}

function startsWith(data: Uint8Array, prefix: Uint8Array): boolean {
  if (data.length < prefix.length) return false;
  for (let at = 0; at < prefix.length; at += 1) if (data[at] !== prefix[at]) return false;
  return true;
}

function reduced(errors: readonly Error[]): Error {
  const texts = [...new Set(errors.map((error) => error.message))];
  return texts.length === 1 ? (errors[0] as Error) : new Error(`[${texts.join(', ')}]`);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('a transformer threw what is no Error', { cause: error });
}

/** The first writes; whichever wrote a value reads it. Prefixes may occur twice: what one cannot read the next may. */
export class PrefixTransformers implements ValueTransformer {
  readonly #parts: readonly (Prefixed & { readonly bytes: Uint8Array })[];
  readonly #unknown: string;
  readonly #count: TransformationCount | undefined;

  constructor(parts: readonly Prefixed[], unknown: string, count?: TransformationCount) {
    this.#parts = parts.map((part) => ({ ...part, bytes: utf8(part.prefix) }));
    this.#unknown = unknown;
    this.#count = count;
  }

  fromStorage(data: Uint8Array, key: Uint8Array): MaybePromise<ReadValue> {
    return this.#from(0, [], data, key);
  }

  #from(start: number, errors: readonly Error[], data: Uint8Array, key: Uint8Array): MaybePromise<ReadValue> {
    for (let index = start; index < this.#parts.length; index += 1) {
      const part = this.#parts[index] as Prefixed & { readonly bytes: Uint8Array };
      if (!startsWith(data, part.bytes)) continue;
      const label = part.prefix === '' ? 'identity' : part.prefix;
      const read = (value: ReadValue): ReadValue => {
        this.#count?.('from_storage', label, true);
        return index === 0 ? value : { data: value.data, stale: true };
      };
      const next = (error: unknown): MaybePromise<ReadValue> => {
        // What is not encrypted stands for itself: that this is not such a value is no failure.
        if (part.prefix === '') return this.#from(index + 1, errors, data, key);
        this.#count?.('from_storage', label, false);
        return this.#from(index + 1, [...errors, asError(error)], data, key);
      };
      let value: MaybePromise<ReadValue>;
      try {
        value = part.transformer.fromStorage(data.subarray(part.bytes.length), key);
      } catch (error) {
        return next(error);
      }
      return value instanceof Promise ? value.then(read, next) : read(value);
    }
    if (errors.length > 0) throw reduced(errors);
    this.#count?.('from_storage', 'unknown', false);
    throw new Error(this.#unknown);
  }

  toStorage(data: Uint8Array, key: Uint8Array): MaybePromise<Uint8Array> {
    const [first] = this.#parts;
    if (first === undefined) throw new Error(this.#unknown);
    const written = (value: Uint8Array): Uint8Array => {
      this.#count?.('to_storage', first.prefix, true);
      return concatBytes([first.bytes, value]);
    };
    const value = first.transformer.toStorage(data, key);
    if (!(value instanceof Promise)) return written(value);
    return value.then(written, (error: unknown) => {
      this.#count?.('to_storage', first.prefix, false);
      throw error;
    });
  }
}

const encryptedMark = utf8('k8s:enc:');

/** What is stored as it is. Refuses what it would otherwise take for an object. */
export const identity: ValueTransformer = {
  fromStorage(data) {
    if (startsWith(data, encryptedMark)) throw new Error('identity transformer tried to read encrypted data');
    return { data, stale: false };
  },
  toStorage: (data) => data,
};

