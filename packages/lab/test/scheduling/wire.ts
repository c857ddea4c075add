import { ApiError, type Client } from '@coxswain/client';
import { fastPathCodecs, fastPathMethods, type FastPathItem } from '@coxswain/client/fast-path';
import { GrpcCutter, grpcFrame } from '@coxswain/etcd-lite/wire';
import { NetworkError, utf8, type Host } from '@coxswain/host';

/** A binding that a scheduler has sent, whatever became of it. */
export interface Sent {
  readonly scheduler: string;
  readonly uid: string;
  readonly node: string;
  /** The holder in whose name. */
  readonly holder: string;
}

export interface Wire {
  readonly host: Host;
  readonly sent: Sent[];
  /** What becomes of bindings; those that are held go on when `held` says so, and their sender does not know where they are. */
  harm: 'any' | 'late' | 'refused' | 'held' | 'none';
  readonly held: (() => Promise<void>)[];
  /** To whose watches nothing comes through, though all else does: each is a connection of its own. */
  deaf: string;
  /** Who has something on its way that will come late: the best moment to stop it. */
  onLate: (scheduler: string) => void;
  /** Never ends, as what is under way does not end with its sender. */
  readonly late: (scheduler: string) => Client;
}

type RawRequest = Parameters<Client['raw']>[0];
type RawAnswer = Awaited<ReturnType<Client['raw']>>;

function bindingsOf(body: Uint8Array | undefined): readonly FastPathItem[] {
  if (body === undefined) return [];
  const cutter = new GrpcCutter(1 << 30);
  cutter.push(body);
  return fastPathCodecs.writeRequest.decode(cutter.next() as Uint8Array).items.filter((item) => item.bind !== undefined);
}

/** Each by itself, as by a quota or a webhook. */
function refusals(count: number): RawAnswer {
  const body = utf8(JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'Forbidden', code: 403, message: 'not now' }));
  return { status: 200, body: grpcFrame(fastPathCodecs.writeResponse.encode({ answers: Array.from({ length: count }, () => ({ code: 403, body })) })) };
}

function sentLate(wire: Wire, scheduler: string, request: RawRequest): Promise<void> {
  return wire.late(scheduler).raw(request).then(() => undefined, (error: unknown) => {
    if (!(error instanceof NetworkError || error instanceof ApiError)) throw error;
  });
}

/** Slow, refused, with a lost answer, or sent long after everybody has forgotten it. */
async function harmed(wire: Wire, scheduler: string, client: Client, request: RawRequest, bindings: readonly FastPathItem[]): Promise<RawAnswer> {
  const { host } = wire;
  if (wire.harm === 'held') {
    wire.held.push(() => sentLate(wire, scheduler, request));
    throw new NetworkError('reset', 'nobody knows where it is');
  }
  // Pods that wait at the gate are those that nobody else binds meanwhile.
  const lateShare = bindings.some(({ name }) => name.includes('gated')) ? 0.7 : 0.1;
  const chance = { any: host.random.float(), refused: 0.15, late: 0.3, none: 1 }[wire.harm];
  if (chance < 0.1) await host.timers.sleep(host.random.float() * 3000);
  else if (chance < 0.2) return refusals(bindings.length);
  else if (chance < 0.3) {
    await client.raw(request);
    throw new NetworkError('reset', 'the answer was lost');
  } else if (chance < 0.3 + lateShare) {
    wire.onLate(scheduler);
    void host.timers.sleep(wire.harm === 'late' ? host.random.float() * 1500 : 500 + host.random.float() * 9000).then(() => sentLate(wire, scheduler, request));
    throw new NetworkError('reset', 'nobody knows where it is');
  }
  return client.raw(request);
}

/** In order and complete, only late. */
async function* heard<T>(wire: Wire, scheduler: string, events: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T, void, undefined> {
  for await (const event of events) {
    while (wire.deaf === scheduler && signal?.aborted !== true) await wire.host.timers.sleep(20, signal);
    if (signal?.aborted === true) return;
    yield event;
  }
}

/** A scheduler's client whose bindings are noted, and come to harm on the way. */
export function onWire(wire: Wire, scheduler: string, client: Client): Client {
  const raw = async (request: RawRequest): Promise<RawAnswer> => {
    const bindings = request.target === fastPathMethods.write ? bindingsOf(request.body) : [];
    const holder = decodeURIComponent(request.headers?.['x-coxswain-lease-term']?.split('/')[2] ?? '');
    for (const { bind } of bindings) if (bind !== undefined) wire.sent.push({ scheduler, uid: bind.uid, node: bind.node, holder });
    return bindings.length === 0 ? client.raw(request) : harmed(wire, scheduler, client, request, bindings);
  };
  const watch: Client['watch'] = (type, options) => heard(wire, scheduler, client.watch(type, options), options?.signal);
  return new Proxy(client, { get: (target, key) => {
    if (key === 'raw') return raw;
    if (key === 'watch') return watch;
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' ? (value.bind(target) as unknown) : value;
  } });
}
