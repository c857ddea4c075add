export * from './binder.ts';
export * from './pod-deletions.ts';
export * from './pod-status-patches.ts';
export * from './write-items.ts';
export * from './event-writer.ts';
export * from './item-writer.ts';
export * from './messages.ts';
export * from './rest-request.ts';
