import { internalError, invalid, type FieldError } from '@coxswain/api';
import { isWebSocketRequest } from '@coxswain/streaming';
import { NetworkError, WholeBody, type ByteSource, type Host, type HttpResponse, type IncomingResponse } from '@coxswain/host';
import type { Lookup } from '../live-lookup.ts';
import type { ResourceRequest, SubresourceHandler } from '../types.ts';
import { refusalOf } from './forward.ts';
import { containerOf, kubeletOrigin, podOf, type KubeletAccess } from './node-location.ts';
import { queryFlag } from './query-flag.ts';
import { readerOverWebSocket } from './web-socket.ts';

/** What the kubelet understands, as pods/log names it. */
const passedOn = ['follow', 'previous', 'sinceSeconds', 'sinceTime', 'timestamps', 'tailLines', 'limitBytes', 'stream'] as const;
const minimum: Readonly<Record<string, number>> = { sinceSeconds: 1, tailLines: 0, limitBytes: 1 };

function checkOptions(name: string, query: URLSearchParams): void {
  const errors: FieldError[] = [];
  for (const [field, least] of Object.entries(minimum)) {
    const value = query.get(field);
    if (value === null || value === '' || Number(value) >= least) continue;
    const why = least === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0';
    errors.push({ type: 'Invalid', field, message: `Invalid value: ${value}: ${why}` });
  }
  if (query.has('sinceSeconds') && query.has('sinceTime')) errors.push({ type: 'Forbidden', field: '', message: 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified' });
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, name, errors);
}

const flags: ReadonlySet<string> = new Set(['follow', 'previous', 'timestamps']);

function logQuery(query: URLSearchParams): string {
  const out = new URLSearchParams();
  for (const name of passedOn) {
    const value = flags.has(name) ? String(queryFlag(query, name)) : query.get(name);
    if (value !== null && value !== '' && value !== 'false') out.set(name, value);
  }
  return out.size === 0 ? '' : `?${out.toString()}`;
}

export function logHandler(host: Pick<Host, 'network' | 'crypto' | 'log'>, lookup: Lookup, access: KubeletAccess): SubresourceHandler {
  async function handle(request: ResourceRequest): Promise<HttpResponse> {
    const { namespace, name, query } = request.info;
    checkOptions(name, query);
    const pod = await podOf(lookup, namespace, name);
    const container = containerOf(pod, query.get('container') ?? '');
    const left = new AbortController();
    const answer = (body: ByteSource): HttpResponse => (isWebSocketRequest(request.http)
      ? readerOverWebSocket(host, request.http, { body, stop: () => { left.abort(); } })
      : { status: 200, headers: { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' }, body });
    // Nothing has run yet, so nothing was written.
    if (!pod.spec?.nodeName) return answer(new WholeBody(new Uint8Array(0)));
    const origin = await kubeletOrigin(lookup, access, pod.spec.nodeName);
    const url = `${origin}/containerLogs/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${encodeURIComponent(container)}${logQuery(query)}`;
    let response: IncomingResponse;
    try {
      response = await host.network.fetch({ url, method: 'GET', tls: access.tls, httpVersion: '1.1', signal: AbortSignal.any([request.http.signal, left.signal]) });
    } catch (error) {
      if (error instanceof NetworkError) throw internalError(`Get ${JSON.stringify(url)}: ${error.message}`);
      throw error;
    }
    if (response.status !== 200) throw await refusalOf(response);
    return answer(response.body);
  }
  return { group: '', resource: 'pods', subresource: 'log', handle };
}
