import { rfc3339Micros } from '@coxswain/host';
import type { UserInfo } from '../types.ts';
import type { AuditLevel, AuditStage } from './policy.ts';

export interface ObjectReference {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly resourceVersion: string;
  readonly subresource: string;
}

export interface AuditStatus {
  readonly status?: string | undefined;
  readonly message?: string | undefined;
  readonly reason?: string | undefined;
  readonly details?: unknown;
  readonly code: number;
}

/** What happened at one stage of a request. Objects are JSON texts. */
export interface AuditEvent {
  readonly level: AuditLevel;
  readonly auditId: string;
  readonly stage: AuditStage;
  readonly requestUri: string;
  readonly verb: string;
  readonly user: UserInfo | undefined;
  readonly impersonatedUser: UserInfo | undefined;
  readonly sourceIps: readonly string[];
  readonly userAgent: string;
  readonly objectRef: ObjectReference | undefined;
  readonly responseStatus: AuditStatus | undefined;
  readonly requestObject: string | undefined;
  readonly responseObject: string | undefined;
  readonly receivedMs: number;
  readonly stageMs: number;
  readonly annotations: ReadonlyMap<string, string>;
}

type Values = Readonly<Record<string, unknown>>;

function notEmpty(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value !== undefined && !(Array.isArray(value) && value.length === 0)));
}

function sorted<T>(values: Readonly<Record<string, T>>): Readonly<Record<string, T>> | undefined {
  const keys = Object.keys(values).sort();
  return keys.length === 0 ? undefined : Object.fromEntries(keys.map((key) => [key, values[key] as T]));
}

function userOf(user: UserInfo | undefined): Values {
  return user === undefined ? {} : notEmpty({ username: user.name, uid: user.uid, groups: user.groups, extra: sorted(user.extra) });
}

function statusOf({ status, message, reason, details, code }: AuditStatus): Values {
  return { metadata: {}, ...notEmpty({ status, message, reason, details }), code };
}

function reference(ref: ObjectReference): Values {
  const { resource, namespace, name, uid, apiGroup, apiVersion, resourceVersion, subresource } = ref;
  return notEmpty({ resource, namespace, name, uid, apiGroup, apiVersion, resourceVersion, subresource });
}

/** As Go's encoder writes strings. These characters stand nowhere else in JSON. */
function escapeAsGo(json: string): string {
  return json.replaceAll(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Fields in upstream's order, without kind and apiVersion, without braces. */
function eventFields(event: AuditEvent): string {
  const { level, auditId, stage, requestUri, verb } = event;
  const head = JSON.stringify({
    level, auditID: auditId, stage, requestURI: requestUri, verb, user: userOf(event.user),
    ...(event.impersonatedUser === undefined ? {} : { impersonatedUser: userOf(event.impersonatedUser) }),
    ...notEmpty({ sourceIPs: event.sourceIps, userAgent: event.userAgent }),
    ...(event.objectRef === undefined ? {} : { objectRef: reference(event.objectRef) }),
    ...(event.responseStatus === undefined ? {} : { responseStatus: statusOf(event.responseStatus) }),
  });
  const annotations = sorted(Object.fromEntries(event.annotations));
  const tail = JSON.stringify({
    requestReceivedTimestamp: rfc3339Micros(event.receivedMs), stageTimestamp: rfc3339Micros(event.stageMs), ...(annotations === undefined ? {} : { annotations }),
  });
  const objects = (event.requestObject === undefined ? '' : `,"requestObject":${event.requestObject}`) + (event.responseObject === undefined ? '' : `,"responseObject":${event.responseObject}`);
  return escapeAsGo(`${head.slice(1, -1)}${objects},${tail.slice(1, -1)}`);
}

export function eventJson(event: AuditEvent): string {
  return `{"kind":"Event","apiVersion":"audit.k8s.io/v1",${eventFields(event)}}`;
}

export function eventListJson(events: readonly AuditEvent[]): string {
  return `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[${events.map((event) => `{${eventFields(event)}}`).join(',')}]}`;
}

const quoted = (text: string): string => JSON.stringify(text);

function groupsText(groups: readonly string[]): string {
  return groups.map(quoted).join(',');
}

/** --audit-log-format=legacy. */
export function eventLegacy(event: AuditEvent): string {
  const { user, impersonatedUser: as } = event;
  const name = user === undefined || user.name === '' ? '<none>' : user.name;
  const groups = user === undefined || user.name === '' || user.groups.length === 0 ? '<none>' : groupsText(user.groups);
  const asGroups = as === undefined ? '<lookup>' : groupsText(as.groups);
  const namespace = event.objectRef === undefined || event.objectRef.namespace === '' ? '<none>' : event.objectRef.namespace;
  return `${new Date(event.receivedMs).toISOString().replace(/\.?0+Z$/, 'Z')} AUDIT: id=${quoted(event.auditId)} stage=${quoted(event.stage)} ip=${quoted(event.sourceIps[0] ?? '<unknown>')}`
    + ` method=${quoted(event.verb)} user=${quoted(name)} groups=${quoted(groups)} as=${quoted(as?.name ?? '<self>')} asgroups=${quoted(asGroups)}`
    + ` user-agent=${quoted(event.userAgent)} namespace=${quoted(namespace)} uri=${quoted(event.requestUri)} response="${event.responseStatus?.code ?? '<deferred>'}"`;
}
