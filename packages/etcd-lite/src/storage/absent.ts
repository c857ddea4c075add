import type { KeyValue } from '../client/types.ts';
import { isAbsent, type AbsentKeyValue } from '../mvcc/version.ts';
import type { EventMessage, ResponseOp } from '../wire/messages.ts';

/** Where a response of the KV service may hold keys and values. */
interface Response {
  readonly kvs?: readonly KeyValue[];
  readonly prevKv?: KeyValue | undefined;
  readonly prevKvs?: readonly KeyValue[];
  readonly responses?: readonly ResponseOp[];
}

/** What in a response must be fetched before it can be encoded; undefined: nothing, as nearly always. */
export function absentIn(response: object): AbsentKeyValue[] | undefined {
  const out: AbsentKeyValue[] = [];
  collect(response, out);
  return out.length === 0 ? undefined : out;
}

function collect(response: Response, out: AbsentKeyValue[]): void {
  if (response.kvs !== undefined) for (const kv of response.kvs) if (isAbsent(kv)) out.push(kv);
  if (isAbsent(response.prevKv)) out.push(response.prevKv);
  if (response.prevKvs !== undefined) for (const kv of response.prevKvs) if (isAbsent(kv)) out.push(kv);
  for (const { responseRange, responsePut, responseDeleteRange, responseTxn } of response.responses ?? []) {
    const inner = responseRange ?? responsePut ?? responseDeleteRange ?? responseTxn;
    if (inner !== undefined) collect(inner, out);
  }
}

export function absentInEvents(events: readonly EventMessage[]): AbsentKeyValue[] | undefined {
  let out: AbsentKeyValue[] | undefined;
  for (const { kv, prevKv } of events) {
    if (isAbsent(kv)) (out ??= []).push(kv);
    if (isAbsent(prevKv)) (out ??= []).push(prevKv);
  }
  return out;
}

/** After fetching: a previous value that was compacted away before it could be read is left out, as etcd leaves it out. */
export function withoutGone(events: readonly EventMessage[]): readonly EventMessage[] {
  return events.map((event) => (isAbsent(event.prevKv) && event.prevKv.gone ? { type: event.type, kv: event.kv } : event));
}
