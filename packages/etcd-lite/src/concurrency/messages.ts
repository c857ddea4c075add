/** The messages of the Lock and Election services as `Codec` gives them. */
import type { KeyValue, ResponseHeader } from '../wire/messages.ts';

export interface LockRequest {
  readonly name: Uint8Array;
  /** 0: a lease of 60 s is made, which nobody renews. */
  readonly lease: bigint;
}

export interface LockResponse {
  header?: ResponseHeader | undefined;
  /** Exists as long as the lock is held; to be given to Unlock, and compared in transactions. */
  readonly key: Uint8Array;
}

export interface UnlockRequest { readonly key: Uint8Array }

export interface CampaignRequest {
  readonly name: Uint8Array;
  readonly lease: bigint;
  readonly value: Uint8Array;
}

export interface LeaderKey {
  readonly name: Uint8Array;
  readonly key: Uint8Array;
  readonly rev: number;
  readonly lease: bigint;
}

export interface CampaignResponse { header?: ResponseHeader | undefined; readonly leader: LeaderKey }
export interface ProclaimRequest { readonly leader?: LeaderKey | undefined; readonly value: Uint8Array }
export interface LeaderRequest { readonly name: Uint8Array }
export interface LeaderResponse { header?: ResponseHeader | undefined; readonly kv: KeyValue }
export interface ResignRequest { readonly leader?: LeaderKey | undefined }
