export * from './field-error.ts';
export * from './resource.ts';
export * from './status-error.ts';
export * from './strategy.ts';
export type * from './description.ts';
export { apiDescription } from './description/builtin.ts';
export { builtinResources, findKind, findResource, typeOfKind } from './description/resources.ts';
export * from './patch/index.ts';
