export * from './fake-api-server.ts';
export * from './fake-server-world.ts';
export * from './fake-store.ts';
export * from './merge-patch.ts';
