export * from './scan.ts';
export * from './wal.ts';
