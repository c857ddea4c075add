export * from './admission.ts';
export * from './decl-types.ts';
export * from './device.ts';
export { authorizerValue, celEnvironment, requestResourceValue } from './environment.ts';
export * from './limits.ts';
export { escapeName, unescapeName } from './names.ts';
export { lazyFields, resultBinding } from './program.ts';
export { compilePattern } from './lib/regex.ts';
export type * from './types.ts';
