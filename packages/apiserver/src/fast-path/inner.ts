import type { RestRequest } from '@coxswain/client/fast-path';
import { grpcContentType } from '@coxswain/etcd-lite/wire';
import { emptyBytes, readAll, WholeBody, type ByteSource, type HeaderMap, type HttpRequest, type HttpResponse, type Peer } from '@coxswain/host';
import type { UserInfo } from '../types.ts';
import { headersFor } from './items.ts';

/** One call, and what its items have in common. */
export class Call {
  readonly http: HttpRequest;
  /** Whom its credentials name; undefined: nobody. */
  readonly user: UserInfo | undefined;
  readonly #headers = new Map<string, HeaderMap>();

  constructor(http: HttpRequest, user: UserInfo | undefined) {
    this.http = http;
    this.user = user;
  }

  headersFor(contentType: string): HeaderMap {
    let headers = this.#headers.get(contentType);
    if (headers === undefined) this.#headers.set(contentType, (headers = headersFor(this.http.headers, contentType)));
    return headers;
  }
}

/** Of nobody who could go. */
const lasting = new AbortController().signal;

export interface InnerOptions {
  /** It is done even if who made the call is gone by its turn. */
  readonly outlivesCall?: boolean;
  /** Nobody looks into the answer if it went well. */
  readonly isUnread?: boolean;
}

/** What an item stands for, in the name of whoever made the call. */
export class InnerRequest implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderMap;
  readonly body: WholeBody;
  readonly upgradeRequested = false;
  readonly #call: Call;
  readonly #outlivesCall: boolean;
  readonly isUnread: boolean;

  constructor(call: Call, { method, target, contentType, body }: RestRequest, { outlivesCall = false, isUnread = false }: InnerOptions = {}) {
    this.method = method;
    this.target = target;
    this.headers = call.headersFor(contentType);
    this.body = new WholeBody(body);
    this.#call = call;
    this.#outlivesCall = outlivesCall;
    this.isUnread = isUnread;
  }

  get caller(): UserInfo | undefined {
    return this.#call.user;
  }

  get peer(): Peer {
    return this.#call.http.peer;
  }

  get httpVersion(): HttpRequest['httpVersion'] {
    return this.#call.http.httpVersion;
  }

  get signal(): AbortSignal {
    return this.#outlivesCall ? lasting : this.#call.http.signal;
  }
}

/** Known already from the call that the request came in. */
export function callerOf(request: HttpRequest): UserInfo | undefined {
  return request instanceof InnerRequest ? request.caller : undefined;
}

/** Its writes may share a transaction with those of other items. */
export function sharesWrites(request: HttpRequest): boolean {
  return request instanceof InnerRequest;
}

/** Of an object that was written nothing need be told. */
export function isUnread(request: HttpRequest): boolean {
  return request instanceof InnerRequest && request.isUnread;
}

export async function bodyOf(body: Uint8Array | ByteSource | undefined): Promise<Uint8Array> {
  return body === undefined ? emptyBytes : body instanceof Uint8Array ? body : readAll(body);
}

export function grpcBody(body: Uint8Array | ByteSource): HttpResponse {
  return { status: 200, headers: { 'content-type': grpcContentType }, body, trailers: () => ({ 'grpc-status': '0' }) };
}
