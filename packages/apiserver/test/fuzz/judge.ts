import { openProtobuf } from '@coxswain/api';
import { fromUtf8, header, type HttpResponse } from '@coxswain/host';
import { parseAllDocuments } from 'yaml';
import type { FuzzRequest } from './requests.ts';

interface Documented { readonly status: number; readonly text: RegExp; readonly when?: (request: FuzzRequest) => boolean }

/**
 * What upstream answers with 5xx as well, because something that the request needs, and that is not the server, fails. Nothing is called in
 * these runs, so webhooks, nodes, pods and services are all away.
 */
const documented: readonly Documented[] = [
  { status: 500, text: /failed calling webhook/ },
  { status: 500, text: /no preferred addresses found|the network is not there/, when: ({ target }) => /\/(log|exec|attach|portforward|proxy)\b/.test(target) },
  { status: 500, text: /the spec replicas field .* does not exist/, when: ({ target }) => target.includes('/scale') },
  // What it knows no code for; clients may know it by its text.
  { status: 500, text: /Component not found/, when: ({ target }) => target.includes('/componentstatuses/') },
  { status: 503, text: /error trying to reach service|service unavailable|no endpoints available/i },
  { status: 504, text: /Too large resource version/ },
  { status: 504, text: /Timeout/, when: ({ target }) => target.includes('timeout=') },
];

const plainText = /^(404 page not found|service unavailable|Internal Server Error|Unauthorized|Forbidden|Method Not Allowed|the server |ok|failed|\[[+-]\]|Bad Request|Audit-ID|406: Not Acceptable|405: Method Not Allowed|400: Bad Request|415: |http: )/i;

function decodes(contentType: string, bytes: Uint8Array): unknown {
  if (contentType.startsWith('application/json')) return JSON.parse(fromUtf8(bytes));
  if (contentType.startsWith('application/yaml')) return bytes.length > 5000 ? undefined : parseAllDocuments(fromUtf8(bytes), { intAsBigInt: true }).map((document) => document.toJS() as unknown)[0];
  if (contentType.startsWith('application/vnd.kubernetes.protobuf')) return { kind: openProtobuf(bytes).kind };
  return undefined;
}

/** What is wrong with an answer; undefined: nothing. A stream was read to its end or to some bytes of it. */
export function wrongWith(request: FuzzRequest, response: HttpResponse, bytes: Uint8Array, streamed: boolean): string | undefined {
  const { status } = response;
  const contentType = header(response.headers, 'content-type') ?? '';
  const text = (): string => fromUtf8(bytes.subarray(0, 400));
  const whole = (): string => fromUtf8(bytes.subarray(0, 50_000));
  if (!Number.isInteger(status) || status < 100 || status > 599) return `status ${status}`;
  if (status >= 500 && !documented.some((known) => known.status === status && known.when?.(request) !== false && known.text.test(whole()))) return `answered ${status}: ${text()}`;
  if (contentType.startsWith('application/grpc') || streamed || bytes.length === 0 || header(response.headers, 'content-encoding') === 'gzip') return undefined;
  let object: unknown;
  try {
    object = decodes(contentType, bytes);
  } catch (error) {
    return `its ${contentType} cannot be decoded (${error instanceof Error ? error.message : String(error)}): ${text()}`;
  }
  if (status < 400 || (object === undefined && contentType.startsWith('application/yaml'))) return undefined;
  if (object === undefined) return plainText.test(text()) ? undefined : `refused with what is neither a Status nor known: ${status} ${contentType} ${text()}`;
  return (object as { kind?: unknown } | null)?.kind === 'Status' ? undefined : `refused without a Status: ${status} ${text()}`;
}
