import { typeOfKind } from '../description/resources.ts';
import { scanJson, type ScannedJson } from '../json/scan.ts';
import { JsonSyntaxError, YamlSyntaxError } from '../json/syntax-error.ts';
import type { ApiResource, Json, JsonObject } from '../resource.ts';
import { badRequest, type StatusError } from '../status-error.ts';
import { jsonKind } from './context.ts';
import { DecodeError, decodeObject } from './decode-object.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** What a body is expected to be; any ApiResource, or the kind of a subresource. */
export type ExpectedKind = Pick<ApiResource, 'group' | 'version' | 'kind'> & Partial<Pick<ApiResource, 'typeName'>>;

export interface DecodedBody {
  readonly object: JsonObject;
  /** Texts for Warning headers. */
  readonly warnings: readonly string[];
}

interface Kind { readonly group: string; readonly version: string; readonly kind: string }

/** Kubernetes prints this place in its own source for every scheme. */
const scheme = 'in scheme "pkg/runtime/scheme.go:100"';

export function apiVersionOf(what: { readonly group: string; readonly version: string }): string {
  return what.group === '' ? what.version : `${what.group}/${what.version}`;
}

/** `apps/v1` → group and version; undefined if there is more than one slash. */
export function parseApiVersion(text: string): { readonly group: string; readonly version: string } | undefined {
  const parts = text.split('/');
  if (parts.length > 2) return undefined;
  return parts.length === 1 ? { group: '', version: parts[0] as string } : { group: parts[0] as string, version: parts[1] as string };
}

const summaryLength = 30;

function summarize(body: Uint8Array): string {
  if (body.length === 0) return '<empty>';
  const start = body.subarray(0, summaryLength);
  const text = body[0] === 123 ? new TextDecoder().decode(start) : start.toHex();
  return body.length > summaryLength ? `${text} ...` : text;
}

/** Kubernetes' answer to a body whose kind it could not even find. */
export function unrecognized(expectedKind: string, why: string, body: Uint8Array): StatusError {
  return badRequest(`the object provided is unrecognized (must be of type ${expectedKind}): ${why} (${summarize(body)})`);
}

/** Kubernetes' answer to a body of a known kind that could not be decoded. */
export function cannotBeHandled(actual: Pick<Kind, 'kind' | 'version'>, expectedKind: string, why: string): StatusError {
  return badRequest(`${actual.kind} in version ${JSON.stringify(actual.version)} cannot be handled as a ${expectedKind}: ${why}`);
}

/** A string member of the envelope; '' if absent. Throws DecodeError if it is something else. */
function envelopeText(value: Json, name: string): string {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    if (value === null) return '';
    throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`);
  }
  const member = value[name];
  if (member === undefined || member === null) return '';
  if (typeof member !== 'string') throw new DecodeError(`json: cannot unmarshal ${jsonKind(member)} into Go struct field .${name} of type string`);
  return member;
}

class VersionError extends Error {}

function kindOf(value: Json, expected: ExpectedKind): Kind {
  const apiVersion = envelopeText(value, 'apiVersion');
  const kind = envelopeText(value, 'kind') || expected.kind;
  if (apiVersion === '') return { group: expected.group, version: expected.version, kind };
  const parsed = parseApiVersion(apiVersion);
  if (parsed === undefined) throw new VersionError(`unexpected GroupVersion string: ${apiVersion}`);
  return { ...parsed, kind };
}

function readEnvelope(scan: () => ScannedJson, expected: ExpectedKind, body: Uint8Array): { readonly scanned: ScannedJson; readonly actual: Kind } {
  try {
    const scanned = scan();
    return { scanned, actual: kindOf(scanned.value, expected) };
  } catch (error) {
    if (error instanceof YamlSyntaxError) throw unrecognized(expected.kind, error.message, body);
    if (error instanceof VersionError) throw unrecognized(expected.kind, error.message, body);
    if (error instanceof JsonSyntaxError || error instanceof DecodeError) throw unrecognized(expected.kind, `couldn't get version/kind; json parse error: ${error.message}`, body);
    throw error;
  }
}

/** Versions that are still taken for what they became, where nothing else has changed. */
const formerVersions: Readonly<Record<string, string>> = { 'policy/Eviction': 'v1beta1' };

function checkKind(actual: Kind, expected: ExpectedKind): void {
  if (actual.kind === expected.kind && actual.group === expected.group && (actual.version === expected.version || formerVersions[`${actual.group}/${actual.kind}`] === actual.version)) return;
  if (typeOfKind(actual.group, actual.version, actual.kind) === undefined) {
    throw cannotBeHandled(actual, expected.kind, `no kind ${JSON.stringify(actual.kind)} is registered for version ${JSON.stringify(apiVersionOf(actual))} ${scheme}`);
  }
  if (actual.kind === expected.kind) {
    throw badRequest(`the API version in the data (${apiVersionOf(actual)}) does not match the expected API version (${apiVersionOf(expected)})`);
  }
  const internal = (expected.group.split('.')[0] || 'core');
  throw cannotBeHandled(actual, expected.kind, `converting (${actual.version}.${actual.kind}) to (${internal}.${expected.kind}): unknown conversion`);
}

/** What strict decoding says, or the warnings it gives. Throws in mode Strict. */
export function applyFieldValidation(strictErrors: readonly string[], mode: FieldValidation, actual: Pick<Kind, 'kind' | 'version'>, expectedKind: string): readonly string[] {
  if (strictErrors.length === 0 || mode === 'Ignore') return [];
  if (mode === 'Strict') throw cannotBeHandled(actual, expectedKind, `strict decoding error: ${strictErrors.join(', ')}`);
  return strictErrors.flatMap(warningsOf);
}

/** As warnings the YAML library's lines stand alone. */
function warningsOf(error: string): readonly string[] {
  const lines = /^yaml: unmarshal errors:\n(.*)$/s.exec(error)?.[1];
  return lines === undefined ? [error] : lines.split('\n').map((line) => line.trim());
}

/**
 * Decodes a request's JSON body of a built-in kind as a Kubernetes server does: apiVersion and kind may be absent, everything wrong is a
 * StatusError 400 with Kubernetes' words. `scan` reads something else than JSON text: `scanYaml` of `@coxswain/api/yaml`, or `scannedValue`.
 * `known`: as for `decodeObject`.
 */
export function decodeBody(expected: ExpectedKind, body: Uint8Array, fieldValidation: FieldValidation, scan: () => ScannedJson = () => scanJson(body), known?: JsonObject): DecodedBody {
  const { scanned, actual } = readEnvelope(scan, expected, body);
  checkKind(actual, expected);
  const typeName = expected.typeName ?? typeOfKind(expected.group, expected.version, expected.kind);
  if (typeName === undefined) throw cannotBeHandled(actual, expected.kind, `no kind ${JSON.stringify(actual.kind)} is registered for version ${JSON.stringify(apiVersionOf(actual))} ${scheme}`);
  try {
    // Nothing at all is an object without fields.
    const decoded = decodeObject(typeName, scanned.value === null ? { ...scanned, value: {} } : scanned, true, known);
    const warnings = applyFieldValidation(decoded.strictErrors, fieldValidation, actual, expected.kind);
    decoded.object['kind'] = actual.kind;
    decoded.object['apiVersion'] = apiVersionOf(actual);
    return { object: decoded.object, warnings };
  } catch (error) {
    if (error instanceof DecodeError) throw cannotBeHandled(actual, expected.kind, error.message);
    throw error;
  }
}
