import type { KeyValue } from '@coxswain/etcd-lite/client';

export type MaybePromise<T> = T | Promise<T>;

export interface ReadValue {
  readonly data: Uint8Array;
  /** It was not written with what is written with now: the next write of the object rewrites it, changed or not. */
  readonly stale: boolean;
}

/** Between a value and its bytes in the store. `key` is where it lies, so that nobody puts it elsewhere. Throws (or rejects) with the original's words. */
export interface ValueTransformer {
  fromStorage(data: Uint8Array, key: Uint8Array): MaybePromise<ReadValue>;
  toStorage(data: Uint8Array, key: Uint8Array): MaybePromise<Uint8Array>;
}

export interface TransformedKeyValue extends KeyValue {
  readonly stale?: boolean;
}

export const tooShort = 'the stored data was shorter than the required size';
