export * from './definition.ts';
export * from './embedded.ts';
export * from './prune.ts';
export * from './defaults.ts';
export * from './structural.ts';
export * from './description.ts';
export * from './conditions.ts';
export * from './validate-object.ts';
export { compilePattern } from './validate-value.ts';
