import { scanJson, scannedValue, type ScannedJson } from '../json/scan.ts';
import { QuantityError } from '../quantity/quantity.ts';
import type { JsonObject } from '../resource.ts';
import { DecodeContext, TypeMismatchError } from './context.ts';
import { structReader } from './read.ts';
import { ValueError } from './time.ts';

export interface DecodedObject {
  /** As Go would write it again: no nulls that mean nothing, fields in order, empty structs present, quantities and times canonical. */
  readonly object: JsonObject;
  /** Paths such as `spec.containers[0].foo`. */
  readonly unknownFields: readonly string[];
  readonly duplicateFields: readonly string[];
  /** Both of these as Kubernetes words them, in the order in which they were met. */
  readonly strictErrors: readonly string[];
}

/** The JSON does not fit the type. The message is Go's: `json: cannot unmarshal …`, `quantities must match …`, … */
export class DecodeError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DecodeError';
  }
}

function asDecodeError(error: unknown): unknown {
  const refusal = error instanceof TypeMismatchError || error instanceof ValueError || error instanceof QuantityError;
  return refusal ? new DecodeError(error.message, { cause: error }) : error;
}

/**
 * Decodes JSON into an object of a described type. Throws JsonSyntaxError or DecodeError. Unknown and duplicate fields are reported, not
 * refused: what to do with them is the caller's (`decodeBody` follows `fieldValidation`). `bounded`: a client's, which may not hold everything that fits.
 * `known`: an object of the type as decoding gives it; members that are the very same are copied rather than read.
 */
export function decodeObject(typeName: string, source: ScannedJson | string | Uint8Array, bounded = false, known?: JsonObject): DecodedObject {
  const scanned = typeof source === 'string' || source instanceof Uint8Array ? scanJson(source) : source;
  const context = new DecodeContext(scanned, bounded);
  try {
    const object = structReader(typeName)(scanned.value, context, known) as JsonObject;
    return { object, unknownFields: context.unknownFields, duplicateFields: context.duplicateFields, strictErrors: context.strictErrors };
  } catch (error) {
    throw asDecodeError(error);
  }
}

/** An object built in memory, in the form that decoding its JSON would give. Shares nothing with the argument but untyped parts. */
export function normalizeObject(typeName: string, object: JsonObject): JsonObject {
  return decodeObject(typeName, scannedValue(object)).object;
}
