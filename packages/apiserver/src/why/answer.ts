import type { HttpResponse } from '@coxswain/host';
import type { Flight } from '../transport/handler.ts';
import { jsonResponse } from '../transport/responses.ts';
import type { RequestInfo } from '../types.ts';
import type { ChangeHistory } from './history.ts';

/**
 * `GET …/NAME?why=true`: the changes of an object that went through this server. As a get of the object it needs the right to get it; a
 * server that knows nothing of this answers with the object itself. What is not served here is not found, or asked of whoever serves it.
 */
export function answerWhy(history: ChangeHistory, { info }: Flight, server: string, isServed: (info: RequestInfo) => boolean): HttpResponse | undefined {
  if (!info.isResourceRequest || info.verb !== 'get' || info.subresource !== '' || info.name === '' || info.query.get('why') !== 'true' || !isServed(info)) return undefined;
  // Events of both groups are one storage.
  const group = info.group === 'events.k8s.io' && info.resource === 'events' ? '' : info.group;
  const namespace = info.resource === 'namespaces' && info.group === '' ? '' : info.namespace;
  return jsonResponse(200, { kind: 'ChangeHistory', apiVersion: 'coxswain.dev/v1', server, items: history.of({ group, resource: info.resource, namespace, name: info.name }) });
}
