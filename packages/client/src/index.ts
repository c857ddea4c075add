export type * from './types.ts';
export * from './api-error.ts';
export * from './create-client.ts';
export * from './json-lines.ts';
export * from './key.ts';
export * from './resource.ts';
export * from './resources.ts';
export * from './rest-client.ts';
export * from './transport.ts';
