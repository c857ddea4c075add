import { pathOf, type FastPathWatch, type RestRequest } from '@coxswain/client/fast-path';
import type { HeaderMap } from '@coxswain/host';

export function watchRequestOf({ apiVersion, resource, namespace, query }: FastPathWatch): RestRequest {
  return { method: 'GET', target: `${pathOf(apiVersion, resource, namespace)}?watch=true${query === '' ? '' : `&${query}`}`, contentType: '', body: new Uint8Array(0) };
}

/** Who asks stays; what is said of the call's own body does not, and each item has an audit id of its own. */
const ofTheCall: ReadonlySet<string> = new Set(['content-type', 'content-length', 'te', 'accept', 'accept-encoding', 'grpc-timeout', 'grpc-encoding', 'grpc-accept-encoding', 'audit-id']);

export function headersFor(call: HeaderMap, contentType: string): HeaderMap {
  const kept = Object.entries(call).filter(([name]) => !ofTheCall.has(name));
  return { ...Object.fromEntries(kept), accept: 'application/json', ...(contentType === '' ? {} : { 'content-type': contentType }) };
}
