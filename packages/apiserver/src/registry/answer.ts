import { emptyBytes, type HttpResponse } from '@coxswain/host';
import { isUnread } from '../fast-path/inner.ts';
import type { Negotiated } from '../negotiation/accept.ts';
import { objectResponse } from '../negotiation/respond.ts';
import type { StoredObject } from '../storage/codec.ts';
import type { Operation } from './context.ts';
import { isLarge, pause } from './large-body.ts';

/** One stored object. What is not stored as it is served is read and written down again, which are two turns if it is large. */
export function answer(operation: Operation, negotiated: Negotiated, status: number, stored: StoredObject): HttpResponse | Promise<HttpResponse> {
  if (operation.notes.bodies === undefined && isUnread(operation.http)) return { status, headers: {}, body: emptyBytes };
  const respond = (): HttpResponse => objectResponse(operation.kind, negotiated, operation.info.query, status, stored);
  if (!isLarge(stored.value) || stored.isServedForm) return respond();
  void stored.object;
  return pause(operation.context.host).then(respond);
}
