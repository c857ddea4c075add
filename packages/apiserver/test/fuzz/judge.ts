import { openProtobuf } from '@coxswain/api';
import { fromUtf8, header, type HttpResponse } from '@coxswain/host';
import { parseAllDocuments } from 'yaml';
import type { FuzzRequest } from './requests.ts';

/** What upstream answers with 500 or 503 as well, because something that the request needs, and that is not the server, fails. */
const documented: readonly RegExp[] = [/failed calling webhook/, /error trying to reach service/, /service unavailable/, /Internal error occurred: .*dial tcp/, /no endpoints available/, /the network is not there/, /without impersonating a user/, /no preferred addresses found/, /Too large resource version/];

const plainText = /^(404 page not found|Internal Server Error|Unauthorized|Forbidden|Method Not Allowed|the server |ok|failed|\[[+-]\]|Bad Request|Audit-ID|406: Not Acceptable|405: Method Not Allowed|400: Bad Request|415: |http: )/i;

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
  if (status >= 500 && !documented.some((known) => known.test(whole())) && !(status === 504 && request.target.includes('timeout='))) return `answered ${status}: ${text()}`;
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
