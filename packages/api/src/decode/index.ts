export * from './body.ts';
export { jsonKind } from './context.ts';
export { canonicalBase64 } from './base64.ts';
export { DecodeError, decodeObject, normalizeObject, type DecodedObject } from './decode-object.ts';
export { formatDuration, parseDuration } from './duration.ts';
export { canonicalMicroTime, canonicalTime } from './time.ts';
