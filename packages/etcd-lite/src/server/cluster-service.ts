import { etcdError } from '../client/errors.ts';
import type { MemberAddResponse, MemberListResponse } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { responseHeader } from './header.ts';
import type { Member } from './member.ts';
import { unary, type Method } from './methods.ts';
import type { MemberChange } from './reconfigure.ts';

/** The headers of this service alone have none. */
const noRevision = 0;

/** etcdserverpb.Cluster. */
export class ClusterService {
  readonly #member: Member;

  constructor(member: Member) {
    this.#member = member;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      '/etcdserverpb.Cluster/MemberList': unary(codecs.memberListRequest, codecs.memberListResponse, ({ linearizable }) => this.list(linearizable)),
      '/etcdserverpb.Cluster/MemberAdd': unary(codecs.memberAddRequest, codecs.memberAddResponse, ({ peerURLs, isLearner }) => this.add(peerURLs, isLearner)),
      '/etcdserverpb.Cluster/MemberRemove': unary(codecs.memberRemoveRequest, codecs.memberRemoveResponse, ({ ID }) => this.#change({ kind: 'remove', id: ID })),
      '/etcdserverpb.Cluster/MemberUpdate': unary(codecs.memberUpdateRequest, codecs.memberUpdateResponse,
        ({ ID, peerURLs }) => this.#change({ kind: 'update', id: ID, peerUrls: checkUrls(peerURLs) })),
      '/etcdserverpb.Cluster/MemberPromote': unary(codecs.memberPromoteRequest, codecs.memberPromoteResponse, ({ ID }) => this.#promote(ID)),
    };
  }

  async list(linearizable: boolean): Promise<MemberListResponse> {
    if (linearizable) await this.#member.reads.confirm();
    return { header: responseHeader(this.#member, noRevision), members: this.#member.cluster.listed() };
  }

  async add(peerUrls: readonly string[], isLearner: boolean): Promise<MemberAddResponse> {
    const { members, id } = await this.#member.reconfigurer.change({ kind: 'add', peerUrls: checkUrls(peerUrls), isLearner });
    const member = members.find((one) => one.ID === id);
    if (member === undefined) throw etcdError('memberNotFound');
    return { header: responseHeader(this.#member, noRevision), member, members };
  }

  async #promote(id: bigint): Promise<MemberListResponse> {
    // One that was added as a voter is none to a client, though it gets its vote only when it has caught up.
    const known = this.#member.cluster.members.find((member) => member.id === id);
    if (known?.staging === true) throw etcdError('memberNotLearner');
    return this.#change({ kind: 'promote', id });
  }

  async #change(change: MemberChange): Promise<MemberListResponse> {
    const { members } = await this.#member.reconfigurer.change(change);
    return { header: responseHeader(this.#member, noRevision), members };
  }
}

/** As etcd: http or https, an IP or a name with a port, and no path. */
function checkUrls(urls: readonly string[]): readonly string[] {
  const good = (text: string): boolean => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:') && /:\d+\/?$/.test(text) && url.pathname === '/';
  };
  if (urls.length === 0 || !urls.every(good)) throw etcdError('badPeerUrls');
  return urls.toSorted();
}

/** A learner answers only what no quorum stands behind: its status, and reads that may be stale. */
export function forLearner(member: Member, methods: Readonly<Record<string, Method>>): Readonly<Record<string, Method>> {
  return Object.fromEntries(Object.entries(methods).map(([path, method]) => [path, path in servedByLearner ? servedByLearner[path]?.(member, method) ?? method : refusing(member, method)]));
}

const servedByLearner: Readonly<Record<string, ((member: Member, method: Method) => Method) | undefined>> = {
  '/etcdserverpb.Maintenance/Status': undefined,
  '/etcdserverpb.Maintenance/Snapshot': undefined,
  '/etcdserverpb.KV/Range': (member, method) => (method.kind !== 'unary' ? method : {
    kind: 'unary',
    handle: async (data, call) => {
      if (member.cluster.isLearner && !codecs.rangeRequest.decode(data).serializable) throw etcdError('notSupportedForLearner');
      return method.handle(data, call);
    },
  }),
};

function refusing(member: Member, method: Method): Method {
  if (method.kind === 'unary') {
    return {
      kind: 'unary',
      handle: async (data, call) => {
        if (member.cluster.isLearner) throw etcdError('notSupportedForLearner');
        return method.handle(data, call);
      },
    };
  }
  return {
    kind: 'stream',
    async *handle(context) {
      if (member.cluster.isLearner) throw etcdError('notSupportedForLearner');
      yield* method.handle(context);
    },
  };
}
