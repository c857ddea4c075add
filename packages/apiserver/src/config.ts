import type { FieldTexts } from '@coxswain/api';
import type { EtcdClient } from '@coxswain/etcd-lite/client';
import type { ProxyIdentity } from './aggregation/upstream.ts';
import type { PartsConfig } from './parts.ts';
import type { Gzip } from './serving/compression.ts';
import type { HttpPolicy } from './serving/http-policy.ts';
import type { StorageTimes, StoresByResource } from './storage/stores.ts';
import type { ProtectionConfig } from './protection.ts';

/** What the server is told from outside; the command reads it from flags and files. */
export interface ApiServerConfig extends ProtectionConfig {
  /** The store. Closed by whoever made it. */
  readonly store: EtcdClient;
  /** What is kept elsewhere. Closed by whoever made them. */
  readonly otherStores?: StoresByResource | undefined;
  readonly storageTimes?: StorageTimes | undefined;
  readonly parts: PartsConfig;
  /** `/registry` */
  readonly keyRoot?: string;
  readonly version?: VersionInfo;
  /** What `kubectl explain` says about types and fields; without it they have no text. */
  readonly fieldTexts?: FieldTexts;
  readonly maxRequestBodyBytes?: number;
  readonly eventTtlSeconds?: number;
  /** Privileged containers; default true. */
  readonly allowPrivileged?: boolean;
  /** Services are reached at an endpoint rather than at their cluster address. */
  readonly enableAggregatorRouting?: boolean;
  /** Who this server is to aggregated ones; absent: nobody. */
  readonly proxyClient?: () => ProxyIdentity | undefined;
  /** Default true. */
  readonly rejectForwardingRedirects?: boolean;
  /** A log line for each request. */
  readonly logRequests?: boolean;
  /** Of watches that name no end. Default 1800. */
  readonly minRequestTimeoutSeconds?: number;
  /** Default: what a default server serves. */
  readonly isServed?: ((group: string, version: string) => boolean) | undefined;
  /** How long unfinished hooks do not make the server seem dead. Default 0. */
  readonly livezGraceMs?: number;
  /** Default 1. */
  readonly deleteCollectionWorkers?: number;
  readonly httpPolicy?: HttpPolicy | undefined;
  /** Of large answers, for clients that take it. Absent: nothing is compressed. */
  readonly gzip?: Gzip | undefined;
  /** 0: the store is left alone. */
  readonly compactionIntervalMs?: number;
  /** How many events of each resource are remembered for watches that go on from an old version; default 10,000. */
  readonly historyEvents?: number;
}

export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

/** The API that is served is Kubernetes 1.32's; clients compare these numbers. */
export const defaultVersion: VersionInfo = {
  major: '1', minor: '32', gitVersion: 'v1.32.5+coxswain', gitCommit: '', gitTreeState: 'clean', buildDate: '1970-01-01T00:00:00Z', goVersion: 'none', compiler: 'none', platform: 'linux/amd64',
};
