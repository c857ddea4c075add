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
  /** What becomes of bindings. */
  harm: 'any' | 'late' | 'refused' | 'none';
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

/** Slow, refused, with a lost answer, or sent long after everybody has forgotten it. */
async function harmed(wire: Wire, scheduler: string, client: Client, request: RawRequest, bindings: readonly FastPathItem[]): Promise<RawAnswer> {
  const { host } = wire;
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
    void host.timers.sleep(wire.harm === 'late' ? host.random.float() * 1500 : 500 + host.random.float() * 9000).then(() => wire.late(scheduler).raw(request)).catch((error: unknown) => {
      if (!(error instanceof NetworkError || error instanceof ApiError)) throw error;
    });
    throw new NetworkError('reset', 'nobody knows where it is');
  }
  return client.raw(request);
}

/** A scheduler's client whose bindings are noted, and come to harm on the way. */
export function onWire(wire: Wire, scheduler: string, client: Client): Client {
  const raw = async (request: RawRequest): Promise<RawAnswer> => {
    const bindings = request.target === fastPathMethods.write ? bindingsOf(request.body) : [];
    const holder = decodeURIComponent(request.headers?.['x-coxswain-lease-term']?.split('/')[2] ?? '');
    for (const { bind } of bindings) if (bind !== undefined) wire.sent.push({ scheduler, uid: bind.uid, node: bind.node, holder });
    return bindings.length === 0 ? client.raw(request) : harmed(wire, scheduler, client, request, bindings);
  };
  return new Proxy(client, { get: (target, key) => {
    if (key === 'raw') return raw;
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' ? (value.bind(target) as unknown) : value;
  } });
}
