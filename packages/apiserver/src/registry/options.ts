import { append } from '@coxswain/host';
import { badRequest, fieldManagerProblems, invalid, type FieldError, type Json, type JsonObject } from '@coxswain/api';
import { isTrue } from '../request-info/request-info.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean | undefined;
  /** As admission sees them, without kind: only what was given. */
  readonly given: JsonObject;
}

export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly limit: number;
  readonly continueToken: string;
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds: number | undefined;
  readonly propagationPolicy: 'Orphan' | 'Background' | 'Foreground' | undefined;
  readonly orphanDependents: boolean | undefined;
  readonly preconditions: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun: boolean;
}

const metaGroup = 'meta.k8s.io';

function checkDryRun(values: readonly string[], errors: FieldError[]): void {
  if (values.every((value) => value === 'All')) return;
  const shown = `[]string{${values.map((value) => JSON.stringify(value)).join(', ')}}`;
  errors.push({ type: 'NotSupported', field: 'dryRun', message: `Unsupported value: ${shown}: supported values: "All"` });
}

function readFieldValidation(query: URLSearchParams, errors: FieldError[]): FieldValidation {
  const text = query.get('fieldValidation') ?? '';
  if (text === '') return 'Warn';
  if (text === 'Ignore' || text === 'Warn' || text === 'Strict') return text;
  errors.push({ type: 'NotSupported', field: 'fieldValidation', message: `Unsupported value: ${JSON.stringify(text)}: supported values: "", "Ignore", "Strict", "Warn"` });
  return 'Warn';
}

/** `kind`: CreateOptions, UpdateOptions or PatchOptions, as error texts name it. */
export function readWriteOptions(query: URLSearchParams, kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions', options: { readonly apply?: boolean } = {}): WriteOptions {
  const errors: FieldError[] = [];
  const dryRun = query.getAll('dryRun');
  const fieldManager = query.get('fieldManager') ?? '';
  const force = query.has('force') ? isTrue(query.get('force')) : undefined;
  if (kind === 'PatchOptions' && options.apply === true && fieldManager === '') {
    errors.push({ type: 'Required', field: 'fieldManager', message: 'Required value: is required for apply patch' });
  }
  if (kind === 'PatchOptions' && options.apply !== true && force !== undefined) {
    errors.push({ type: 'Forbidden', field: 'force', message: 'Forbidden: may not be specified for non-apply patch' });
  }
  append(errors, fieldManagerProblems(fieldManager, 'fieldManager'));
  checkDryRun(dryRun, errors);
  const fieldValidation = readFieldValidation(query, errors);
  if (errors.length > 0) throw invalid({ group: metaGroup, kind }, '', errors);
  const given: JsonObject = {
    ...(dryRun.length > 0 ? { dryRun } : {}), ...(fieldManager === '' ? {} : { fieldManager }), ...((query.get('fieldValidation') ?? '') === '' ? {} : { fieldValidation }),
  };
  return { dryRun: dryRun.length > 0, fieldManager, fieldValidation, force, given };
}

function readInt(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = BigInt(text.replace(/^\+/, ''));
  if (BigInt.asIntN(64, value) !== value) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  return Number(value);
}

function forbiddenField(field: string, why: string): FieldError {
  return { type: 'Forbidden', field, message: `Forbidden: ${why}` };
}

const matchField = 'resourceVersionMatch';
const withContinue = 'resourceVersionMatch is forbidden when continue is provided';

function unsupportedMatch(match: string, supported: string): FieldError {
  return { type: 'NotSupported', field: matchField, message: `Unsupported value: ${JSON.stringify(match)}: supported values: ${supported}` };
}

function checkWatchMatch(options: ListOptions, errors: FieldError[]): void {
  const match = options.resourceVersionMatch;
  if (options.sendInitialEvents !== undefined && match !== 'NotOlderThan') errors.push(forbiddenField(matchField, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (match === '') return;
  if (options.sendInitialEvents === undefined) errors.push(forbiddenField(matchField, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
  if (match !== 'NotOlderThan') errors.push(unsupportedMatch(match, '"NotOlderThan"'));
  if (options.continueToken !== '') errors.push(forbiddenField(matchField, withContinue));
}

function checkListMatch(options: ListOptions, errors: FieldError[]): void {
  const match = options.resourceVersionMatch;
  if (match !== '') {
    if (options.resourceVersion === '') errors.push(forbiddenField(matchField, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (options.continueToken !== '') errors.push(forbiddenField(matchField, withContinue));
    if (match !== 'Exact' && match !== 'NotOlderThan') errors.push(unsupportedMatch(match, '"Exact", "NotOlderThan", ""'));
    if (match === 'Exact' && options.resourceVersion === '0') errors.push(forbiddenField(matchField, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (options.sendInitialEvents !== undefined) errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
}

/** A watch that says nothing of where to begin has always begun with what is there; now it can be asked for by name. */
function withInitialEvents(options: ListOptions): ListOptions {
  const legacy = options.resourceVersion === '' || options.resourceVersion === '0';
  if (!legacy || options.sendInitialEvents !== undefined || options.resourceVersionMatch !== '') return options;
  return { ...options, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' };
}

export function readListOptions(query: URLSearchParams, watch: boolean): ListOptions {
  const given: ListOptions = {
    labelSelector: query.get('labelSelector') ?? '', fieldSelector: query.get('fieldSelector') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '', resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    limit: readInt(query, 'limit') ?? 0, continueToken: query.get('continue') ?? '', timeoutSeconds: readInt(query, 'timeoutSeconds'),
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')), sendInitialEvents: query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined,
  };
  const errors: FieldError[] = [];
  const options = watch ? withInitialEvents(given) : given;
  if (watch) checkWatchMatch(options, errors);
  else checkListMatch(options, errors);
  if (errors.length > 0) throw invalid({ group: metaGroup, kind: 'ListOptions' }, '', errors);
  return options;
}

function readPreconditions(body: JsonObject): DeleteOptions['preconditions'] {
  const given = body['preconditions'];
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return {};
  const { uid, resourceVersion } = given;
  return { ...(typeof uid === 'string' ? { uid } : {}), ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}) };
}

function policyOf(value: Json | undefined, errors: FieldError[]): DeleteOptions['propagationPolicy'] {
  if (value === undefined || value === null) return undefined;
  if (value === 'Orphan' || value === 'Background' || value === 'Foreground') return value;
  errors.push({ type: 'NotSupported', field: 'propagationPolicy', message: `Unsupported value: ${JSON.stringify(value)}: supported values: "Foreground", "Background", "Orphan", "nil"` });
  return undefined;
}

/** For admission. */
export function optionsObject(kind: 'CreateOptions' | 'UpdateOptions' | 'DeleteOptions', given: JsonObject): JsonObject {
  return { kind, apiVersion: `${metaGroup}/v1`, ...given };
}

/** The options of a deletion as admission sees them. */
export function deleteOptionsObject(options: DeleteOptions): JsonObject {
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions, dryRun } = options;
  return optionsObject('DeleteOptions', {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }), ...(Object.keys(preconditions).length === 0 ? {} : { preconditions: { ...preconditions } }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }), ...(propagationPolicy === undefined ? {} : { propagationPolicy }), ...(dryRun ? { dryRun: ['All'] } : {}),
  });
}

function textOf(query: URLSearchParams, name: string): string | undefined {
  const value = query.get(name);
  return value === null || value === '' ? undefined : value;
}

/** Where there is a body it alone says what is wanted, the dry run as well. */
export function readDeleteOptions(query: URLSearchParams, body: JsonObject | undefined): DeleteOptions {
  const errors: FieldError[] = [];
  const grace = body === undefined ? readInt(query, 'gracePeriodSeconds') : body['gracePeriodSeconds'];
  const policy = policyOf(body === undefined ? textOf(query, 'propagationPolicy') : body['propagationPolicy'], errors);
  const orphan = body === undefined ? (query.has('orphanDependents') ? isTrue(query.get('orphanDependents')) : undefined) : body['orphanDependents'];
  const bodyDryRun = Array.isArray(body?.['dryRun']) ? body['dryRun'].map(String) : [];
  const dryRun = body === undefined ? query.getAll('dryRun') : bodyDryRun;
  if (policy !== undefined && typeof orphan === 'boolean') {
    errors.push({ type: 'Invalid', field: 'propagationPolicy', message: `Invalid value: ${JSON.stringify(policy)}: orphanDependents and deletionPropagation cannot be both set` });
  }
  checkDryRun(dryRun, errors);
  if (errors.length > 0) throw invalid({ group: metaGroup, kind: 'DeleteOptions' }, '', errors);
  return {
    gracePeriodSeconds: typeof grace === 'number' ? grace : undefined, propagationPolicy: policy, orphanDependents: typeof orphan === 'boolean' ? orphan : undefined,
    preconditions: readPreconditions(body ?? { preconditions: { uid: textOf(query, 'uid') ?? null, resourceVersion: textOf(query, 'resourceVersion') ?? null } }), dryRun: dryRun.length > 0,
  };
}
