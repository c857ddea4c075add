export * from './config.ts';
export * from './controllers.ts';
export * from './manager.ts';
export * from './service-account-client.ts';
export type * from './certificates/signer.ts';
export type * from './types.ts';
