import type { Json, JsonObject } from '@coxswain/api';
import type { AdmissionAttributes, GroupVersionKind, UserInfo } from '../../types.ts';
import { CalloutError } from '../../callouts/types.ts';
import type { Invocation } from './invocation.ts';

export type ReviewVersion = 'v1' | 'v1beta1';

/** The first that we speak, too. */
export function reviewVersion(accepted: readonly string[]): ReviewVersion | undefined {
  return accepted.find((version): version is ReviewVersion => version === 'v1' || version === 'v1beta1');
}

function gvk({ group, version, kind }: GroupVersionKind): JsonObject {
  return { group, version, kind };
}

function gvr({ group, version, resource }: { readonly group: string; readonly version: string; readonly resource: string }): JsonObject {
  return { group, version, resource };
}

export function userInfoJson(user: UserInfo): JsonObject {
  return {
    ...(user.name === '' ? {} : { username: user.name }), ...(user.uid === '' ? {} : { uid: user.uid }), ...(user.groups.length === 0 ? {} : { groups: [...user.groups] }),
    ...(Object.keys(user.extra).length === 0 ? {} : { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) }),
  };
}

export interface ReviewObjects {
  /** In the version that the webhook wants. */
  readonly object: JsonObject | undefined;
  readonly oldObject: JsonObject | undefined;
}

export function reviewRequest(uid: string, version: ReviewVersion, { version: wanted }: Pick<Invocation, 'version'>, a: AdmissionAttributes, { object, oldObject }: ReviewObjects): JsonObject {
  return {
    kind: 'AdmissionReview', apiVersion: `admission.k8s.io/${version}`,
    request: {
      uid, kind: gvk(wanted.kind), resource: gvr(wanted), ...(a.subresource === '' ? {} : { subResource: a.subresource }),
      requestKind: gvk(a.objectKind ?? a.resource), requestResource: gvr(a.resource), ...(a.subresource === '' ? {} : { requestSubResource: a.subresource }),
      ...(a.name === '' ? {} : { name: a.name }), ...(a.namespace === '' ? {} : { namespace: a.namespace }),
      operation: a.operation, userInfo: userInfoJson(a.user), object: object ?? null, oldObject: oldObject ?? null, dryRun: a.dryRun,
      options: Object.keys(a.options).length === 0 ? null : { ...a.options },
    },
  };
}

export interface ReviewAnswer {
  readonly allowed: boolean;
  readonly result: JsonObject | undefined;
  /** Text of the JSON patch; undefined: none. */
  readonly patch: string | undefined;
  readonly patchType: string;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

/** An answer that breaks the protocol, in upstream's words. */
export class InvalidAnswer extends Error {}

const goKinds: Readonly<Record<string, string>> = { string: 'string', number: 'number', boolean: 'bool' };

function goKind(value: Json): string {
  return Array.isArray(value) ? 'array' : goKinds[typeof value] ?? 'object';
}

type Shape = 'string' | 'bool' | 'struct' | 'strings' | 'map';

const goTypes: Readonly<Record<Shape, string>> = { string: 'string', bool: 'bool', struct: 'v1.Status', strings: '[]string', map: 'map[string]string' };

const fits: Readonly<Record<Shape, (value: Json) => boolean>> = {
  string: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  struct: (value) => typeof value === 'object' && !Array.isArray(value),
  strings: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  map: (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((item) => typeof item === 'string'),
};

function read<T extends Json>(response: JsonObject, field: string, shape: Shape): T | undefined {
  const value = response[field];
  if (value === undefined || value === null) return undefined;
  if (!fits[shape](value)) throw new CalloutError('decode', `json: cannot unmarshal ${goKind(value)} into Go struct field AdmissionResponse.response.${field} of type ${goTypes[shape]}`);
  return value as T;
}

function decodePatch(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(text));
  } catch {
    const at = text.search(/[^A-Za-z0-9+/=]/);
    throw new CalloutError('decode', `illegal base64 data at input byte ${at === -1 ? text.length : at}`);
  }
}

/** A Status; of its fields only those are checked that are used. */
function statusOf(response: JsonObject): JsonObject | undefined {
  const status = read<JsonObject>(response, 'status', 'struct');
  for (const [field, type] of [['message', 'string'], ['reason', 'string'], ['code', 'number']] as const) {
    const value = status?.[field] ?? undefined;
    if (value !== undefined && typeof value !== type) throw new CalloutError('decode', `json: cannot unmarshal ${goKind(value)} into Go struct field Status.response.status.${field} of type ${type === 'number' ? 'int32' : 'string'}`);
  }
  return status;
}

/** Checks what came back. Throws InvalidAnswer, or CalloutError where it is not even a review. */
export function reviewAnswer(answer: JsonObject, sent: { readonly uid: string; readonly version: ReviewVersion; readonly mutating: boolean }): ReviewAnswer {
  const kind = read<string>(answer, 'kind', 'string') ?? '';
  const apiVersion = read<string>(answer, 'apiVersion', 'string') ?? '';
  checkReview(kind, apiVersion, sent.version);
  if (answer['response'] === undefined || answer['response'] === null) throw new InvalidAnswer('webhook response was absent');
  const response = read<JsonObject>(answer, 'response', 'struct') ?? {};
  const uid = read<string>(response, 'uid', 'string') ?? '';
  const patch = decodePatch(read<string>(response, 'patch', 'string'));
  const patchType = read<string>(response, 'patchType', 'string');
  if (sent.version === 'v1') {
    if (uid !== sent.uid) throw new InvalidAnswer(`expected response.uid=${JSON.stringify(sent.uid)}, got ${JSON.stringify(uid)}`);
    if (kind === '' || apiVersion === '') throw new InvalidAnswer(`expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${groupVersion(apiVersion)}, Kind=${kind}`);
    checkPatch(patch, patchType, sent.mutating);
  }
  return {
    allowed: read<boolean>(response, 'allowed', 'bool') ?? false, result: statusOf(response), warnings: read<string[]>(response, 'warnings', 'strings') ?? [],
    auditAnnotations: read<Record<string, string>>(response, 'auditAnnotations', 'map') ?? {},
    ...(sent.mutating ? { patch, patchType: sent.version === 'v1' ? patchType ?? '' : 'JSONPatch' } : { patch: undefined, patchType: '' }),
  };
}

function groupVersion(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion : `/${apiVersion}`;
}

/** What upstream's decoder knows; an answer may leave its kind or version out. */
function checkReview(kind: string, apiVersion: string, sent: ReviewVersion): void {
  const asked = `admission.k8s.io/${sent}`;
  const actual = { kind: kind || 'AdmissionReview', apiVersion: apiVersion || asked };
  const known = actual.kind === 'AdmissionReview' && (actual.apiVersion === 'admission.k8s.io/v1' || actual.apiVersion === 'admission.k8s.io/v1beta1');
  if (actual.kind === 'Status' && actual.apiVersion === 'v1') throw new CalloutError('decode', `converting (v1.Status) to (${sent}.AdmissionReview): unknown conversion`);
  if (!known) throw new CalloutError('decode', `no kind ${JSON.stringify(actual.kind)} is registered for version ${JSON.stringify(actual.apiVersion)} in scheme "pkg/runtime/scheme.go:100"`);
  if (actual.apiVersion !== asked) throw new CalloutError('decode', `converting (${actual.apiVersion.split('/')[1]}.AdmissionReview) to (${sent}.AdmissionReview): unknown conversion`);
}

function checkPatch(patch: string | undefined, patchType: string | undefined, mutating: boolean): void {
  if (!mutating) {
    if (patch !== undefined) throw new InvalidAnswer('validating webhook may not return response.patch');
    if (patchType !== undefined) throw new InvalidAnswer('validating webhook may not return response.patchType');
    return;
  }
  if (patch !== undefined && patchType === undefined) throw new InvalidAnswer('webhook returned response.patch but not response.patchType');
  if (patch === undefined && patchType !== undefined) throw new InvalidAnswer('webhook returned response.patchType but not response.patch');
  if (patchType === '') throw new InvalidAnswer('webhook returned invalid response.patchType of ""');
}
