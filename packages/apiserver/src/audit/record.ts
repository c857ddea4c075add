import type { JsonObject, ScannedJson } from '@coxswain/api';
import { ComputeError, type Clock, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { plainText } from '../negotiation/respond.ts';
import { isObject, text } from '../registry/object.ts';
import { isStreamed, whenEnded } from '../transport/ended.ts';
import type { Notes } from '../transport/notes.ts';
import type { BodyNotes, RequestInfo, UserInfo } from '../types.ts';
import { isStatus, patchJson, responseObject, withoutManagedFields, type BodyHost } from './bodies.ts';
import type { AuditEvent, AuditStatus, ObjectReference } from './event.ts';
import { atLeast, type AuditRule, type AuditStage } from './policy.ts';
import { sourceIps, userAgentOf } from './sources.ts';

export interface AuditedRequest {
  readonly request: HttpRequest;
  readonly info: RequestInfo;
  readonly user: UserInfo | undefined;
  readonly notes: Notes;
  readonly rule: AuditRule;
  readonly receivedMs: number;
}

export interface RecordTools {
  readonly host: BodyHost & { readonly clock: Clock };
  /** An answer that could not be read: its event goes without. */
  unread(error: ComputeError): void;
  send(event: AuditEvent): Promise<boolean>;
}

function reference(info: RequestInfo): ObjectReference | undefined {
  if (!info.isResourceRequest) return undefined;
  const { resource, namespace, name, group, version, subresource } = info;
  return { resource, namespace, name, uid: '', apiGroup: group, apiVersion: version, resourceVersion: '', subresource };
}

function statusOf(response: HttpResponse, status: JsonObject): AuditStatus {
  return { status: text(status, 'status'), message: text(status, 'message'), reason: text(status, 'reason'), details: status['details'], code: response.status };
}

/** The events of one request, from its arrival to its last byte. */
export class RequestAudit implements BodyNotes {
  readonly #what: AuditedRequest;
  readonly #tools: RecordTools;
  readonly #sourceIps: readonly string[];
  #objectRef: ObjectReference | undefined;
  #impersonated: UserInfo | undefined;
  #requestObject: string | undefined;
  #responseObject: string | undefined;
  #status: AuditStatus | undefined;
  #panicked = false;

  constructor(what: AuditedRequest, tools: RecordTools) {
    this.#what = what;
    this.#tools = tools;
    this.#sourceIps = sourceIps(what.request);
    this.#objectRef = reference(what.info);
  }

  impersonated(user: UserInfo): void {
    this.#impersonated = user;
  }

  object(object: JsonObject): void {
    const metadata = object['metadata'];
    if (isObject(metadata) && this.#objectRef !== undefined) {
      const ref = this.#objectRef;
      const filled = (key: 'name' | 'namespace' | 'uid' | 'resourceVersion'): string => (ref[key] === '' ? text(metadata, key) : ref[key]);
      this.#objectRef = { ...ref, name: filled('name'), namespace: filled('namespace'), uid: filled('uid'), resourceVersion: filled('resourceVersion') };
    }
    if (!atLeast(this.#what.rule.level, 'Request')) return;
    this.#requestObject = plainText(this.#what.rule.omitManagedFields ? withoutManagedFields(object) : object);
  }

  patch(body: Uint8Array, scan?: () => ScannedJson): void {
    if (atLeast(this.#what.rule.level, 'Request')) this.#requestObject = patchJson(body, scan);
  }

  /** False: the request may not go on. */
  received(): Promise<boolean> {
    return this.#stage('RequestReceived');
  }

  async #respond(response: HttpResponse): Promise<void> {
    this.#status = { code: response.status };
    try {
      await this.#read(response);
    } catch (error) {
      if (!(error instanceof ComputeError)) throw error;
      this.#tools.unread(error);
    }
  }

  async #read(response: HttpResponse): Promise<void> {
    const { level, omitManagedFields } = this.#what.rule;
    const object = responseObject(this.#tools.host, response);
    if (object?.mayBeStatus === true) {
      const value = await object.value();
      if (isStatus(value)) this.#status = statusOf(response, value);
    }
    if (object === undefined || !atLeast(level, 'RequestResponse')) return;
    const json = await object.json();
    this.#responseObject = json === undefined || !omitManagedFields ? json : plainText(withoutManagedFields(await object.value()));
  }

  /** The answer to somebody unknown. */
  async refused(response: HttpResponse): Promise<void> {
    await this.#respond(response);
    await this.#stage('ResponseStarted');
  }

  /** The answer as it is to be sent: what is streamed is complete when it has ended. */
  async answered(response: HttpResponse, longRunning: boolean): Promise<HttpResponse> {
    if (this.#panicked) return response;
    await this.#respond(response);
    if (longRunning) await this.#stage('ResponseStarted');
    if (isStreamed(response)) return whenEnded(response, () => this.#stage('ResponseComplete'));
    await this.#stage('ResponseComplete');
    return response;
  }

  /** The last event: the answer is not recorded any more. */
  async panicked(error: unknown): Promise<void> {
    if (this.#panicked) return;
    this.#panicked = true;
    const message = `APIServer panic'd: ${error instanceof Error ? error.message : String(error)}`;
    this.#status = { status: 'Failure', message, reason: 'InternalError', code: 500 };
    await this.#stage('Panic');
  }

  async #stage(stage: AuditStage): Promise<boolean> {
    const { info, notes, request, rule, receivedMs, user } = this.#what;
    if (rule.omitStages.has(stage)) return true;
    return this.#tools.send({
      level: rule.level, auditId: notes.auditId, stage, requestUri: request.target, verb: info.verb, user, impersonatedUser: this.#impersonated,
      sourceIps: this.#sourceIps, userAgent: userAgentOf(request), objectRef: this.#objectRef, responseStatus: this.#status,
      requestObject: this.#requestObject, responseObject: this.#responseObject, receivedMs, stageMs: stage === 'RequestReceived' ? receivedMs : this.#tools.host.clock.nowMs(),
      annotations: new Map(notes.annotations),
    });
  }
}
