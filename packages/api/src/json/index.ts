export { stringifyAny, stringifySorted } from './any.ts';
export { encodeJson, stringifyExactly, stringifyObject } from './encode.ts';
export { quoteJson } from './quote.ts';
export { JsonTooWideError, maxWideMembers, parseStoredJson, scanJson, scannedValue, SlicedScan, type DuplicateKey, type ScannedJson } from './scan.ts';
export { JsonSyntaxError, YamlSyntaxError } from './syntax-error.ts';
