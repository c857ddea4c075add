import { fromUtf8, readAll, utf8, type Host, type HttpRequest, type HttpResponse, type Listener } from '@coxswain/host';
import { testAuthority, type TestAuthority } from './certificates.ts';

export interface Review {
  readonly apiVersion: string;
  readonly request: {
    readonly uid: string; readonly operation: string; readonly name?: string; readonly namespace?: string; readonly subResource?: string; readonly dryRun: boolean;
    readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
    readonly requestKind: { readonly version: string };
    readonly object: Readonly<Record<string, never>> | null; readonly oldObject: Readonly<Record<string, never>> | null;
  };
}

/** What a webhook answers; undefined: it never does. */
export type Respond = (review: Review, path: string) => Readonly<Record<string, unknown>> | string | undefined | Promise<Readonly<Record<string, unknown>> | string | undefined>;

export interface WebhookServer {
  readonly authority: TestAuthority;
  readonly port: number;
  /** In the order of arrival. */
  readonly reviews: { readonly path: string; readonly review: Review }[];
  /** By path without query. */
  readonly paths: Map<string, Respond>;
  clientConfig(path: string): { readonly url: string; readonly caBundle: string };
  close(): Promise<void>;
}

export function jsonPatch(...operations: readonly object[]): { readonly patch: string; readonly patchType: string } {
  return { patch: utf8(JSON.stringify(operations)).toBase64(), patchType: 'JSONPatch' };
}

/** A webhook over TLS on loopback, as the conformance suite's: each path has a behaviour of its own. */
export async function startWebhookServer(host: Host): Promise<WebhookServer> {
  const authority = await testAuthority('webhook-ca');
  const tls = await authority.issue({ commonName: 'webhook', dnsNames: ['localhost'] });
  const reviews: { path: string; review: Review }[] = [];
  const paths = new Map<string, Respond>();
  const serve = async (request: HttpRequest): Promise<HttpResponse> => {
    const path = request.target.split('?', 1)[0] ?? '';
    const review = JSON.parse(fromUtf8(await readAll(request.body))) as Review;
    reviews.push({ path, review });
    const response = await paths.get(path)?.(review, path);
    if (response === undefined) return new Promise((resolve) => { request.signal.addEventListener('abort', () => resolve({ status: 500, headers: {} })); });
    const body = typeof response === 'string' ? response : JSON.stringify({ apiVersion: review.apiVersion, kind: 'AdmissionReview', response: { uid: review.request.uid, allowed: true, ...response } });
    return { status: 200, headers: { 'content-type': 'application/json' }, body: utf8(body) };
  };
  const listener: Listener = await host.network.serveHttp({ address: '127.0.0.1', port: 0, tls }, serve);
  return {
    authority, port: listener.port, reviews, paths,
    clientConfig: (path) => ({ url: `https://localhost:${listener.port}${path}`, caBundle: authority.caBundle }),
    close: () => listener.close(0),
  };
}
