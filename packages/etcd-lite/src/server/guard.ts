import { nobody, rootName, type AuthInfo, type AuthState } from '../auth/auth-state.ts';
import type { Guarded } from '../auth/check-request.ts';
import { findToken } from '../auth/tokens.ts';
import { EtcdError, etcdError } from '../client/errors.ts';
import { alarmAction, type InternalRequest } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import type { Member } from './member.ts';
import type { CallContext, Method } from './methods.ts';

/** What an entry of the log says of who asked for it. */
export type Asker = Pick<InternalRequest, 'user' | 'authRevision'>;

/** Whoever may do it; somebody who is known; root; what the method itself checks. */
type Rule = 'anybody' | 'known' | 'root' | 'own';

const ruleOf: Readonly<Record<string, Rule>> = {
  '/etcdserverpb.KV/Range': 'own', '/etcdserverpb.KV/RangeStream': 'own', '/etcdserverpb.KV/Put': 'own', '/etcdserverpb.KV/DeleteRange': 'own', '/etcdserverpb.KV/Txn': 'own',
  '/etcdserverpb.KV/Compact': 'own', '/etcdserverpb.Watch/Watch': 'own',
  '/etcdserverpb.Lease/LeaseGrant': 'known', '/etcdserverpb.Lease/LeaseRevoke': 'own', '/etcdserverpb.Lease/LeaseTimeToLive': 'own', '/etcdserverpb.Lease/LeaseLeases': 'own',
  '/etcdserverpb.Lease/LeaseKeepAlive': 'own',
  '/etcdserverpb.Maintenance/Status': 'known', '/etcdserverpb.Cluster/MemberList': 'known',
  '/v3lockpb.Lock/Lock': 'own', '/v3lockpb.Lock/Unlock': 'own', '/v3electionpb.Election/Campaign': 'own', '/v3electionpb.Election/Proclaim': 'own', '/v3electionpb.Election/Leader': 'own',
  '/v3electionpb.Election/Observe': 'own', '/v3electionpb.Election/Resign': 'own',
};

/** Services as a whole where their methods are not named above: what is new and forgotten is root's. */
function ruleFor(path: string): Rule {
  if (path.startsWith('/etcdserverpb.Auth/')) return 'own';
  if (path.startsWith('/grpc.health.v1.')) return 'anybody';
  return ruleOf[path] ?? 'root';
}

/** Between the services and who calls them. Costs nothing while authentication is off. */
export class Guard {
  readonly #member: Member;

  constructor(member: Member) {
    this.#member = member;
  }

  /** Always the state of now: it is another object after a snapshot was installed. */
  get state(): Guarded {
    return this.#member.applier.machine;
  }

  get #auth(): AuthState {
    return this.state.auth;
  }

  /** If false, nobody needs to be asked who he is. Only good until the next `await`. */
  get enabled(): boolean {
    return this.#auth.enabled;
  }

  /** `call` undefined: this member itself, which may do everything. Throws invalidAuthToken, authOldRevision. */
  async identify(call: CallContext | undefined): Promise<AuthInfo> {
    if (call === undefined) return { user: rootName, revision: this.#auth.revision };
    const { applier, reads, tokens, config } = this.#member;
    if (call.token !== undefined) {
      const who = await findToken(tokens, call.token, () => ({ auth: applier.machine.auth, index: applier.index }), () => reads.confirm());
      // Also where no key is asked for: a signed token of a user who was deleted, or whose password was changed, is nobody's.
      if (who.revision < this.#auth.revision) throw etcdError('authOldRevision');
      return who;
    }
    const name = config.clientCertAuth === true ? call.peer.certificate?.commonName : undefined;
    return name === undefined || name === '' ? nobody : { user: name, revision: this.#auth.revision };
  }

  /**
   * Who calls, if `check` doesn't throw for him. Before it refuses it makes sure that this member is not behind: what was granted
   * through another one holds here at once. (The check that counts is made again when the entry is applied.)
   */
  async allow(call: CallContext | undefined, check: (state: Guarded, who: AuthInfo) => void): Promise<Asker> {
    if (!this.enabled) return {};
    try {
      return await this.#checked(call, check);
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      await this.#member.reads.confirm();
      return this.enabled ? this.#checked(call, check) : {};
    }
  }

  async #checked(call: CallContext | undefined, check: (state: Guarded, who: AuthInfo) => void): Promise<Asker> {
    const who = await this.identify(call);
    check(this.state, who);
    return { user: who.user, authRevision: who.revision };
  }

  async requireRoot(call: CallContext | undefined): Promise<Asker> {
    return this.allow(call, ({ auth }, who) => { auth.checkAdmin(who); });
  }

  async requireKnown(call: CallContext | undefined): Promise<Asker> {
    return this.allow(call, (_state, who) => { if (who === nobody) throw etcdError('userEmpty'); });
  }

  /** The methods with their rules before them. */
  guarded(methods: Readonly<Record<string, Method>>): Readonly<Record<string, Method>> {
    return Object.fromEntries(Object.entries(methods).map(([path, method]) => [path, this.#guarded(path, method)]));
  }

  #guarded(path: string, method: Method): Method {
    const rule = path === alarmPath ? 'alarm' : ruleFor(path);
    if (rule === 'anybody' || rule === 'own') return method;
    const check = (call: CallContext, request?: Uint8Array): Promise<Asker> => this.#require(rule === 'alarm' ? alarmRule(request) : rule, call);
    if (method.kind === 'unary') {
      return {
        kind: 'unary',
        handle: async (request, call) => {
          if (this.enabled) await check(call, request);
          return method.handle(request, call);
        },
      };
    }
    const isEnabled = (): boolean => this.enabled;
    return {
      kind: 'stream',
      async *handle(context) {
        if (isEnabled()) await check(context);
        yield* method.handle(context);
      },
    };
  }

  #require(rule: 'known' | 'root', call: CallContext): Promise<Asker> {
    return rule === 'known' ? this.requireKnown(call) : this.requireRoot(call);
  }
}

const alarmPath = '/etcdserverpb.Maintenance/Alarm';

/** To ask for alarms is less than to change them. */
function alarmRule(request: Uint8Array | undefined): 'known' | 'root' {
  return request !== undefined && codecs.alarmRequest.decode(request).action === alarmAction.get ? 'known' : 'root';
}
