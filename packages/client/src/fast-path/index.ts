export * from './binder.ts';
export * from './messages.ts';
