import { emptyBytes } from '@coxswain/host';
import { checkLeaseKeys } from '../auth/check-request.ts';
import { etcdError } from '../client/errors.ts';
import { randomLeaseId } from '../lease/lease-id.ts';
import { maxLeaseTtlSeconds } from '../lease/lease-table.ts';
import { grpcMessage } from '../wire/grpc.ts';
import type { HeaderResponse, LeaseGrantRequest, LeaseGrantResponse, LeaseLeasesResponse, LeaseRevokeRequest, LeaseTimeToLiveRequest, LeaseTimeToLiveResponse } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { responseHeader } from './header.ts';
import type { KvService } from './kv-service.ts';
import type { Member } from './member.ts';
import type { Guard } from './guard.ts';
import { unary, type CallContext, type Method, type StreamContext } from './methods.ts';

/** etcdserverpb.Lease. */
export class LeaseService {
  readonly #member: Member;
  readonly #kv: KvService;
  readonly #guard: Guard;

  constructor(member: Member, kv: KvService, guard: Guard) {
    this.#member = member;
    this.#kv = kv;
    this.#guard = guard;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      '/etcdserverpb.Lease/LeaseGrant': unary(codecs.leaseGrantRequest, codecs.leaseGrantResponse, (request) => this.grant(request)),
      '/etcdserverpb.Lease/LeaseRevoke': unary(codecs.leaseRevokeRequest, codecs.leaseRevokeResponse, (request, call) => this.#revoke(request, call)),
      '/etcdserverpb.Lease/LeaseTimeToLive': unary(codecs.leaseTimeToLiveRequest, codecs.leaseTimeToLiveResponse, (request, call) => this.#timeToLive(request, call)),
      '/etcdserverpb.Lease/LeaseLeases': unary(codecs.leaseLeasesRequest, codecs.leaseLeasesResponse, (_request, call) => this.#list(call)),
      '/etcdserverpb.Lease/LeaseKeepAlive': { kind: 'stream', handle: (context) => this.#keepAlive(context) },
    };
  }

  /** The shortest time a lease may have: one and a half elections, or a change of leaders could outlast it. */
  get #minTtlSeconds(): number {
    return Math.ceil((this.#member.electionMs * 1.5) / 1000);
  }

  async grant(request: LeaseGrantRequest): Promise<LeaseGrantResponse> {
    if (request.TTL > maxLeaseTtlSeconds) throw etcdError('leaseTtlTooLarge');
    await this.#kv.checkSpace();
    const ID = request.ID === 0n ? randomLeaseId(this.#member.host.random) : request.ID;
    const applied = await this.#member.propose({ leaseGrant: { ID, TTL: Math.max(request.TTL, this.#minTtlSeconds) } });
    const response = applied.response as LeaseGrantResponse;
    return { ...response, header: responseHeader(this.#member) };
  }

  async #list(call: CallContext): Promise<LeaseLeasesResponse> {
    await this.#member.reads.confirm();
    const all = (): bigint[] => [...this.#member.applier.machine.leases.all()].map(({ id }) => id);
    if (this.#guard.enabled) {
      await this.#guard.requireKnown(call);
      await this.#guard.allow(call, (state, who) => { for (const id of all()) checkLeaseKeys(state, who, id, 'read'); });
    }
    return { header: responseHeader(this.#member), leases: all().map((ID) => ({ ID })) };
  }

  async #revoke(request: LeaseRevokeRequest, call: CallContext): Promise<HeaderResponse> {
    if (this.#guard.enabled) await this.#guard.requireKnown(call);
    const asker = this.#guard.enabled ? await this.#guard.allow(call, (state, who) => { checkLeaseKeys(state, who, request.ID, 'write'); }) : {};
    const applied = await this.#member.propose({ leaseRevoke: request, ...asker });
    return { header: responseHeader(this.#member, applied.record?.revision) };
  }

  async #timeToLive(request: LeaseTimeToLiveRequest, call: CallContext): Promise<LeaseTimeToLiveResponse> {
    if (this.#guard.enabled) await this.#guard.requireKnown(call);
    const answer = await this.#member.leases.timeToLive(request);
    // The leader may know more keys than this member does: those that would be told are what counts.
    if (this.#guard.enabled) await this.#guard.allow(call, ({ auth }, who) => { if (!auth.isAdmin(who)) for (const key of answer.keys) auth.check(who, 'read', key, emptyBytes); });
    return { ...answer, header: responseHeader(this.#member) };
  }

  async *#keepAlive(context: StreamContext): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const data of context.requests) {
      const { ID } = codecs.leaseKeepAliveRequest.decode(data);
      if (this.#guard.enabled) {
        await this.#guard.requireKnown(context);
        await this.#guard.allow(context, (state, who) => { checkLeaseKeys(state, who, ID, 'write'); });
      }
      // Taken before: a lease that is revoked meanwhile must not look renewed at the revoking revision or later.
      const header = responseHeader(this.#member);
      const TTL = await this.#member.leases.renew(ID);
      yield grpcMessage(codecs.leaseKeepAliveResponse, { header, ID, TTL });
    }
  }
}
