export * from './int-or-string.ts';
export * from './quantity.ts';
