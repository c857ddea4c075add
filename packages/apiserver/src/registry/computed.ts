import type { JsonObject } from '@coxswain/api';
import type { HttpResponse } from '@coxswain/host';
import type { ComputedObjects } from '../component-status/component-status.ts';
import { listResponse, negotiateKind, objectResponse } from '../negotiation/respond.ts';
import { encodeForStore, StoredObject } from '../storage/codec.ts';
import type { Operation } from './context.ts';
import { notSupported } from './errors.ts';
import { readListOptions } from './options.ts';
import { selectionOf } from './selection.ts';

/** As if it were stored, in no version. */
function stored({ kind }: Operation, object: JsonObject): StoredObject {
  const { codec } = kind.hub;
  return new StoredObject('', encodeForStore(object, codec).value, 0, codec);
}

/** Reads of objects that are not stored. undefined: no read. */
export async function serveComputed(operation: Operation, objects: ComputedObjects): Promise<HttpResponse | undefined> {
  const { kind, http, info, notes } = operation;
  if (info.verb === 'watch') throw notSupported(kind.api, 'watch');
  if (info.verb !== 'get' && info.verb !== 'list') return undefined;
  const negotiated = negotiateKind(kind, http, info.query);
  notes.warn(objects.warning);
  if (info.verb === 'get') return objectResponse(kind, negotiated, info.query, 200, stored(operation, await objects.get(info.name)));
  const selection = selectionOf(kind, readListOptions(info.query, false));
  const items = (await objects.list()).filter((object) => selection.matches(object)).map((object) => stored(operation, object));
  return listResponse(kind, negotiated, info.query, { revision: 0, items, continueToken: '', remainingItemCount: undefined });
}
