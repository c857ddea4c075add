export * from './errors.ts';
export { createEtcdClient, type EtcdClientOptions } from './etcd-client.ts';
export * from './types.ts';
export * from './admin-client.ts';
