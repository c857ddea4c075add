import { StatusError, type Json } from '@coxswain/api';
import { isObject } from './object.ts';

/** Go's `%+v` of a decoded patch. */
export function goMapText(value: Json): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goMapText).join(' ')}]`;
  if (!isObject(value)) return String(value);
  return `map[${Object.keys(value).sort().map((key) => `${key}:${goMapText(value[key] as Json)}`).join(' ')}]`;
}

/** What a patch made is no object of the kind: an error about no kind and no name, of a field that is the patch. */
export function invalidPatch(shown: string, why: string): StatusError {
  const message = `Invalid value: ${JSON.stringify(shown)}: ${why}`;
  return new StatusError('Invalid', ` "" is invalid: patch: ${message}`, { causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }] });
}

const wrapped = /^.* in version ".*?" cannot be handled as a \w+: (?:strict decoding error: )?|^the object provided is unrecognized \(must be of type \w+\): /;

/** What decoding said, without what a request's body would be told around it. */
export function innerReason(error: StatusError): string {
  return error.message.replace(wrapped, '').replace(/ \(<empty>\)$/, '');
}

const goKinds: Readonly<Record<string, string>> = { number: 'int64', array: 'slice', object: 'map', string: 'string', bool: 'bool' };
const mismatch = /^json: cannot unmarshal (\w+)(?: (-?[\d.eE+]+))? into Go (?:struct field \S+|value) of type (\S+)$/;

/** A strategic merge never becomes text again: what does not fit is told by the converter of maps, in its own words. */
export function converterReason(reason: string): string {
  const found = mismatch.exec(reason);
  if (found === null) return reason;
  const given = goKinds[found[1] as string] ?? (found[1] as string);
  const wanted = found[3] as string;
  if (found[2]?.includes('.') === true && /^int\d\d$/.test(wanted)) return `cannot convert float64 to ${wanted}`;
  if (wanted.startsWith('map[')) return `cannot restore map from ${given}`;
  if (wanted.startsWith('[]')) return `cannot restore slice from ${given}`;
  if (wanted.includes('.')) return `cannot restore struct from: ${given}`;
  return given === 'int64' && wanted === 'string' ? 'cannot convert int64 to string' : `unrecognized type: ${wanted}`;
}
