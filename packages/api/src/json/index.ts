export { stringifyAny } from './any.ts';
export { encodeJson, stringifyObject } from './encode.ts';
export { quoteJson } from './quote.ts';
export { scanJson, type DuplicateKey, type ScannedJson } from './scan.ts';
export { JsonSyntaxError } from './syntax-error.ts';
