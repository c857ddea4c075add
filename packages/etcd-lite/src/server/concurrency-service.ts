import { emptyBytes } from '@coxswain/host';
import { campaign, leaderNow, observe, proclaim, resign } from '../concurrency/election.ts';
import { lock } from '../concurrency/lock.ts';
import type { UnlockRequest } from '../concurrency/messages.ts';
import type { QueueCore } from '../concurrency/queue.ts';
import type { HeaderResponse } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import type { Guard } from './guard.ts';
import type { KvService } from './kv-service.ts';
import type { LeaseService } from './lease-service.ts';
import type { Member } from './member.ts';
import { EtcdError, etcdError, grpcCode } from '../client/errors.ts';
import type { Codec } from '../wire/codec.ts';
import { serverStream, unary, type CallContext, type Method } from './methods.ts';

export interface ConcurrencyParts {
  readonly member: Member;
  readonly guard: Guard;
  readonly kv: KvService;
  readonly leases: LeaseService;
  /** Aborts, with an EtcdError, when the member stops. */
  readonly stopped: AbortSignal;
}

/** etcd's services stand on its client, whose errors keep their words but not their codes on the way out. */
function asClientError(error: unknown): unknown {
  if (!(error instanceof EtcdError) || error.code === grpcCode.cancelled || error.message === etcdError('stopped').message) return error;
  return new EtcdError(grpcCode.unknown, error.message, { outcomeUnknown: error.outcomeUnknown });
}

function waiting<Q extends object, R extends object>(request: Codec<Q>, response: Codec<R>, handle: (request: Q, call: CallContext) => Promise<R>): Method {
  return unary(request, response, async (value, call) => {
    try {
      return await handle(value, call);
    } catch (error) {
      throw asClientError(error);
    }
  });
}

/** v3lockpb.Lock and v3electionpb.Election: what etcd's clients can do by themselves, done here for those that cannot. */
export class ConcurrencyService {
  readonly #kv: KvService;
  readonly #core: QueueCore<CallContext>;

  constructor({ member, guard, kv, leases, stopped }: ConcurrencyParts) {
    this.#kv = kv;
    this.#core = {
      hub: member.applier.hub, log: member.host.log, stopped,
      range: (request, call) => kv.range(request, call), txn: (request, call) => kv.txn(request, call),
      grant: async (ttlSeconds, call) => {
        await guard.requireKnown(call);
        return (await leases.grant({ TTL: ttlSeconds, ID: 0n })).ID;
      },
    };
  }

  methods(): Readonly<Record<string, Method>> {
    const core = this.#core;
    return {
      '/v3lockpb.Lock/Lock': waiting(codecs.lockRequest, codecs.lockResponse, (request, call) => lock(core, request, call)),
      '/v3lockpb.Lock/Unlock': waiting(codecs.unlockRequest, codecs.unlockResponse, (request, call) => this.#unlock(request, call)),
      '/v3electionpb.Election/Campaign': waiting(codecs.campaignRequest, codecs.campaignResponse, (request, call) => campaign(core, request, call)),
      '/v3electionpb.Election/Proclaim': waiting(codecs.proclaimRequest, codecs.proclaimResponse, (request, call) => proclaim(core, request, call)),
      '/v3electionpb.Election/Leader': waiting(codecs.leaderRequest, codecs.leaderResponse, (request, call) => leaderNow(core, request, call)),
      '/v3electionpb.Election/Observe': serverStream(codecs.leaderRequest, async function* answers(request, call) {
        try {
          for await (const leader of observe(core, request, call)) yield codecs.leaderResponse.encode(leader);
        } catch (error) {
          throw asClientError(error);
        }
      }),
      '/v3electionpb.Election/Resign': waiting(codecs.resignRequest, codecs.resignResponse, (request, call) => resign(core, request, call)),
    };
  }

  async #unlock({ key }: UnlockRequest, call: CallContext): Promise<HeaderResponse> {
    const { header } = await this.#kv.deleteRange({ key, rangeEnd: emptyBytes, prevKv: false }, call);
    return { header };
  }
}
