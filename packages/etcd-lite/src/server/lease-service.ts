import { etcdError } from '../client/errors.ts';
import { randomLeaseId } from '../lease/lease-id.ts';
import { maxLeaseTtlSeconds } from '../lease/lease-table.ts';
import { grpcFrame } from '../wire/grpc.ts';
import type { HeaderResponse, LeaseGrantRequest, LeaseGrantResponse, LeaseRevokeRequest, LeaseTimeToLiveRequest, LeaseTimeToLiveResponse } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { responseHeader } from './header.ts';
import type { KvService } from './kv-service.ts';
import type { Member } from './member.ts';
import { unary, type Method, type StreamContext } from './methods.ts';

/** etcdserverpb.Lease. */
export class LeaseService {
  readonly #member: Member;
  readonly #kv: KvService;

  constructor(member: Member, kv: KvService) {
    this.#member = member;
    this.#kv = kv;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      '/etcdserverpb.Lease/LeaseGrant': unary(codecs.leaseGrantRequest, codecs.leaseGrantResponse, (request) => this.#grant(request)),
      '/etcdserverpb.Lease/LeaseRevoke': unary(codecs.leaseRevokeRequest, codecs.leaseRevokeResponse, (request) => this.#revoke(request)),
      '/etcdserverpb.Lease/LeaseTimeToLive': unary(codecs.leaseTimeToLiveRequest, codecs.leaseTimeToLiveResponse, (request) => this.#timeToLive(request)),
      '/etcdserverpb.Lease/LeaseLeases': unary(codecs.leaseLeasesRequest, codecs.leaseLeasesResponse, async () => {
        await this.#member.reads.confirm();
        return { header: responseHeader(this.#member), leases: [...this.#member.applier.machine.leases.all()].map(({ id }) => ({ ID: id })) };
      }),
      '/etcdserverpb.Lease/LeaseKeepAlive': { kind: 'stream', handle: (context) => this.#keepAlive(context) },
    };
  }

  /** The shortest time a lease may have: one and a half elections, or a change of leaders could outlast it. */
  get #minTtlSeconds(): number {
    return Math.ceil((this.#member.electionMs * 1.5) / 1000);
  }

  async #grant(request: LeaseGrantRequest): Promise<LeaseGrantResponse> {
    if (request.TTL > maxLeaseTtlSeconds) throw etcdError('leaseTtlTooLarge');
    await this.#kv.checkSpace();
    const ID = request.ID === 0n ? randomLeaseId(this.#member.host.random) : request.ID;
    const applied = await this.#member.propose({ leaseGrant: { ID, TTL: Math.max(request.TTL, this.#minTtlSeconds) } });
    const response = applied.response as LeaseGrantResponse;
    return { ...response, header: responseHeader(this.#member) };
  }

  async #revoke(request: LeaseRevokeRequest): Promise<HeaderResponse> {
    const applied = await this.#member.propose({ leaseRevoke: request });
    return { header: responseHeader(this.#member, applied.record?.revision) };
  }

  async #timeToLive(request: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse> {
    const answer = await this.#member.leases.timeToLive(request);
    return { ...answer, header: responseHeader(this.#member) };
  }

  async *#keepAlive({ requests }: StreamContext): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const data of requests) {
      const { ID } = codecs.leaseKeepAliveRequest.decode(data);
      // Taken before: a lease that is revoked meanwhile must not look renewed at the revoking revision or later.
      const header = responseHeader(this.#member);
      const TTL = await this.#member.leases.renew(ID);
      yield grpcFrame(codecs.leaseKeepAliveResponse.encode({ header, ID, TTL }));
    }
  }
}
