export * from './scan.ts';
export * from './snapshot-store.ts';
export * from './wal.ts';
