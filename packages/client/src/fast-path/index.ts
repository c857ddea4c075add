export * from './binder.ts';
export * from './event-writer.ts';
export * from './messages.ts';
