import { utf8 } from '@coxswain/host';
import { noPasswordUser } from '../auth/auth-state.ts';
import type { AuthenticateRequest, AuthenticateResponse, AuthOperation, UserAddRequest, UserChangePasswordRequest } from '../auth/messages.ts';
import type { Codec } from '../wire/codec.ts';
import { EtcdError, etcdError, grpcCode, isEtcdError } from '../client/errors.ts';
import type { HeaderResponse } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { defaults } from './config.ts';
import type { Guard } from './guard.ts';
import { responseHeader } from './header.ts';
import type { Member } from './member.ts';
import { unary, type CallContext, type Method } from './methods.ts';

/** Bcrypt looks at no more. */
const maxPasswordBytes = 72;

/** etcdserverpb.Auth. Passwords are hashed and checked here, on the member that was asked; they are in no entry of the log. */
export class AuthService {
  readonly #member: Member;
  readonly #guard: Guard;

  constructor(member: Member, guard: Guard) {
    this.#member = member;
    this.#guard = guard;
  }

  methods(): Readonly<Record<string, Method>> {
    const path = (name: string): string => `/etcdserverpb.Auth/${name}`;
    return {
      [path('AuthEnable')]: this.#change(codecs.emptyRequest, (enable) => ({ enable })),
      [path('AuthDisable')]: this.#change(codecs.emptyRequest, (disable) => ({ disable })),
      [path('AuthStatus')]: this.#question(codecs.emptyRequest, codecs.authStatusResponse, () => {
        const { enabled, revision } = this.#guard.state.auth;
        return { enabled, authRevision: revision };
      }),
      [path('Authenticate')]: unary(codecs.authenticateRequest, codecs.authenticateResponse, (request) => this.authenticate(request)),
      [path('UserAdd')]: unary(codecs.userAddRequest, codecs.headerResponse, (request, call) => this.#userAdd(request, call)),
      [path('UserGet')]: this.#question(codecs.nameRequest, codecs.userGetResponse, ({ name }) => ({ roles: this.#guard.state.auth.rolesOf(name) }), (user, { name }) => user === name),
      [path('UserList')]: this.#question(codecs.emptyRequest, codecs.userListResponse, () => ({ users: this.#guard.state.auth.userNames() })),
      [path('UserDelete')]: this.#change(codecs.nameRequest, (userDelete) => ({ userDelete })),
      [path('UserChangePassword')]: unary(codecs.userChangePasswordRequest, codecs.headerResponse, (request, call) => this.#changePassword(request, call)),
      [path('UserGrantRole')]: this.#change(codecs.userGrantRoleRequest, (userGrantRole) => ({ userGrantRole })),
      [path('UserRevokeRole')]: this.#change(codecs.userRevokeRoleRequest, (userRevokeRole) => ({ userRevokeRole })),
      [path('RoleAdd')]: this.#change(codecs.nameRequest, (roleAdd) => ({ roleAdd })),
      [path('RoleGet')]: this.#question(codecs.roleRequest, codecs.roleGetResponse, ({ role }) => ({ perm: this.#guard.state.auth.permissionsOf(role) }), (user, { role }) => this.#guard.state.auth.hasRole(user, role)),
      [path('RoleList')]: this.#question(codecs.emptyRequest, codecs.roleListResponse, () => ({ roles: this.#guard.state.auth.roleNames() })),
      [path('RoleDelete')]: this.#change(codecs.roleRequest, (roleDelete) => ({ roleDelete })),
      [path('RoleGrantPermission')]: this.#change(codecs.roleGrantPermissionRequest, (roleGrantPermission) => ({ roleGrantPermission })),
      [path('RoleRevokePermission')]: this.#change(codecs.roleRevokePermissionRequest, (roleRevokePermission) => ({ roleRevokePermission })),
    };
  }

  /** Root's alone; `own`: or whom it is about. */
  #question<Q extends object, R extends object>(request: Codec<Q>, response: Codec<R & HeaderResponse>, answer: (request: Q) => R, own: (user: string, request: Q) => boolean = () => false): Method {
    return unary(request, response, async (question, call) => {
      await this.#member.reads.confirm();
      if (this.#guard.enabled) {
        const who = await this.#guard.identify(call);
        if (!own(who.user, question)) this.#guard.state.auth.checkAdmin(who);
      }
      return { ...answer(question), header: responseHeader(this.#member) };
    });
  }

  #change<Q extends object>(request: Codec<Q>, operation: (request: Q) => AuthOperation): Method {
    return unary(request, codecs.headerResponse, async (change, call) => this.#apply(operation(change), call));
  }

  async #apply(auth: AuthOperation, call: CallContext | undefined): Promise<HeaderResponse> {
    const asker = await this.#guard.requireRoot(call);
    await this.#member.propose({ auth, ...asker });
    return { header: responseHeader(this.#member) };
  }

  async #userAdd(request: UserAddRequest, call: CallContext): Promise<HeaderResponse> {
    // Before the work of hashing, which not everybody may cause.
    await this.#guard.requireRoot(call);
    const hashedPassword = request.options?.noPassword === true ? '' : await this.#hash(request.password);
    return this.#apply({ userAdd: { ...request, password: '', hashedPassword } }, call);
  }

  async #changePassword(request: UserChangePasswordRequest, call: CallContext): Promise<HeaderResponse> {
    await this.#guard.requireRoot(call);
    const hashedPassword = request.password === '' ? request.hashedPassword : await this.#hash(request.password);
    return this.#apply({ userChangePassword: { ...request, password: '', hashedPassword } }, call);
  }

  async #hash(password: string): Promise<string> {
    if (utf8(password).length > maxPasswordBytes) throw new EtcdError(grpcCode.unknown, `bcrypt: password length exceeds ${maxPasswordBytes} bytes`);
    const { host, config } = this.#member;
    return utf8(await host.crypto.bcryptHash(password, config.bcryptCost ?? defaults.bcryptCost)).toBase64();
  }

  async authenticate({ name, password }: AuthenticateRequest): Promise<AuthenticateResponse> {
    await this.#member.reads.confirm();
    for (;;) {
      const authRevision = await this.#checkPassword(name, password);
      const simpleToken = this.#member.tokens.logged();
      try {
        const applied = await this.#member.propose({ auth: { authenticate: { name, simpleToken, authRevision } } });
        const { token } = applied.response as { readonly token: string };
        return { header: responseHeader(this.#member), token: this.#member.tokens.issue(name, token, authRevision) };
      } catch (error) {
        // Something was changed since the password was checked, perhaps the password.
        if (!isEtcdError(error, 'authOldRevision')) throw error;
        this.#member.host.log.info('revision when password checked became stale; retrying', { user: name });
        await this.#member.reads.confirm();
      }
    }
  }

  /** The auth revision at which it was right. */
  async #checkPassword(name: string, password: string): Promise<number> {
    const { auth } = this.#guard.state;
    if (!auth.enabled) throw etcdError('authNotEnabled');
    const { revision } = auth;
    const user = auth.user(name);
    if (user?.noPassword === true) throw noPasswordUser();
    if (user === undefined || !await this.#member.host.crypto.bcryptVerify(password, user.password)) {
      this.#member.host.log.warn('invalid authentication was requested', { user: name });
      throw etcdError('authFailed');
    }
    return revision;
  }
}
