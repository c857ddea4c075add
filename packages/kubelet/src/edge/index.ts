export * from './cri-client.ts';
export * from './linux-system.ts';
