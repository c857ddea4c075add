import type { JsonObject } from '@coxswain/api';
import type { FindCredentials } from './credentials.ts';

/** Where a webhook lives, as `clientConfig` of the API says it: `url` or `service`. */
export interface WebhookClientConfig {
  readonly url?: string | undefined;
  readonly service?: { readonly namespace: string; readonly name: string; readonly path?: string | undefined; readonly port?: number | undefined } | undefined;
  /** Base64 of PEM. Absent: the system's authorities. */
  readonly caBundle?: string | undefined;
}

export type CalloutFailureKind = 'resolve' | 'connect' | 'tls' | 'timeout' | 'status' | 'decode';

/** A call that did not come back with a JSON object. `message` has upstream's words (`failed calling webhook` is the caller's to add). */
export class CalloutError extends Error {
  readonly kind: CalloutFailureKind;
  readonly httpStatus: number | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** Trying again may help, as upstream judges it: a connection that broke, 500, 504, 429, Retry-After. */
  readonly retriable: boolean;

  constructor(kind: CalloutFailureKind, message: string, httpStatus?: number, details: { readonly retryAfterSeconds?: number | undefined; readonly retriable?: boolean } = {}) {
    super(message);
    this.name = 'CalloutError';
    this.kind = kind;
    this.httpStatus = httpStatus;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.retriable = details.retriable ?? (httpStatus === 500 || httpStatus === 504 || httpStatus === 429 || details.retryAfterSeconds !== undefined);
  }
}

/** HTTPS calls to webhooks. Verifies caBundle and the server's name (`NAME.NAMESPACE.svc` for services). Rejects with CalloutError only. */
export interface Callouts {
  /** POSTs JSON and answers the JSON object of a 2xx answer. */
  post(config: WebhookClientConfig, body: JsonObject, options: CalloutOptions): Promise<JsonObject>;
}

export interface CalloutOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Who this server is to whom it calls, by `HOST:PORT`. */
  readonly credentials?: FindCredentials | undefined;
  /** Added to the URL: admission webhooks are told their `timeout`. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** One webhook that a kubeconfig file names: authentication, authorization, audit, image policy. */
export interface KubeconfigCallout {
  /** As `Callouts.post`; rejects with CalloutError only. */
  post(body: JsonObject, options: CalloutOptions): Promise<JsonObject>;
}
