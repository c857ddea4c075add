import { fromUtf8, utf8 } from '@coxswain/host';
import { EtcdError, etcdError, grpcCode } from '../client/errors.ts';
import { keyRange, keyText } from '../mvcc/key-text.ts';
import { IntervalSet } from './intervals.ts';
import { permissionType, type AuthOperation, type AuthOperations, type AuthSnapshot, type PermissionMessage } from './messages.ts';

export interface AuthUser {
  readonly name: string;
  /** Bcrypt's text; empty: no password fits. */
  readonly password: string;
  readonly noPassword: boolean;
  /** In order of their bytes. */
  readonly roles: readonly string[];
  /** The auth revision at which its password was set: tokens from before it are void. */
  readonly credential: number;
}

export interface AuthRole {
  readonly name: string;
  /** In order of their keys. */
  readonly permissions: readonly PermissionMessage[];
}

/** Who asks, as its token or certificate says. `revision` 0: nobody said. */
export interface AuthInfo {
  readonly user: string;
  /** Of the auth state when that was found out. */
  readonly revision: number;
}

export const nobody: AuthInfo = { user: '', revision: 0 };

interface UserKeys { readonly read: IntervalSet; readonly write: IntervalSet }

export const rootName = 'root';
const everything: PermissionMessage = { permType: permissionType.readWrite, key: new Uint8Array(0), rangeEnd: Uint8Array.of(0) };

/** In order of their bytes, as etcd keeps names. */
function byBytes(a: string, b: string): number {
  const [x, y] = [keyText(utf8(a)), keyText(utf8(b))];
  return x < y ? -1 : Number(x > y);
}

/**
 * Users, roles and whether they matter: part of the replicated state, changed only by entries of the log. Everything that
 * decides who may do what is in here, so members cannot disagree. Users and roles are replaced, never changed in place.
 */
export class AuthState {
  #enabled = false;
  /** Counts changes. */
  #revision = 1;
  #enabledAt = 0;
  readonly #users = new Map<string, AuthUser>();
  readonly #roles = new Map<string, AuthRole>();
  /** What users may read and write, made when it is asked for; forgotten with every change. */
  readonly #keys = new Map<string, UserKeys>();

  get enabled(): boolean {
    return this.#enabled;
  }

  get revision(): number {
    return this.#revision;
  }

  /** The revision at which it was enabled last: tokens from before are void. */
  get enabledAt(): number {
    return this.#enabledAt;
  }

  user(name: string): AuthUser | undefined {
    return this.#users.get(name);
  }

  hasRole(user: string, role: string): boolean {
    return this.#users.get(user)?.roles.includes(role) === true;
  }

  userNames(): readonly string[] {
    return [...this.#users.keys()].sort(byBytes);
  }

  roleNames(): readonly string[] {
    return [...this.#roles.keys()].sort(byBytes);
  }

  rolesOf(name: string): readonly string[] {
    return this.#mustUser(name).roles;
  }

  /** Role root may do everything, whatever was granted to it. */
  permissionsOf(name: string): readonly PermissionMessage[] {
    const role = this.#mustRole(name);
    return name === rootName ? [everything] : role.permissions;
  }

  /** May `who` read or write all keys of the range? Throws why not. */
  check(who: AuthInfo, access: 'read' | 'write', key: Uint8Array, rangeEnd: Uint8Array): void {
    if (!this.#enabled) return;
    if (who.revision === 0) throw etcdError('userEmpty');
    if (who.revision < this.#revision) throw etcdError('authOldRevision');
    const user = this.#users.get(who.user);
    if (user === undefined) throw etcdError('permissionDenied');
    if (user.roles.includes(rootName)) return;
    if (!this.#keysOf(user)[access].covers(keyRange(key, rangeEnd))) throw etcdError('permissionDenied');
  }

  checkAdmin(who: AuthInfo): void {
    if (!this.#enabled) return;
    if (who.user === '') throw etcdError('userEmpty');
    const user = this.#users.get(who.user);
    if (user === undefined) throw etcdError('userNotFound');
    if (!user.roles.includes(rootName)) throw etcdError('permissionDenied');
  }

  isAdmin(who: AuthInfo): boolean {
    return !this.#enabled || this.hasRole(who.user, rootName);
  }

  #keysOf(user: AuthUser): UserKeys {
    const known = this.#keys.get(user.name);
    if (known !== undefined) return known;
    const all = user.roles.flatMap((role) => this.#roles.get(role)?.permissions ?? []);
    const having = (other: number): IntervalSet =>
      new IntervalSet(all.filter(({ permType }) => permType !== other).map(({ key, rangeEnd }) => keyRange(key, rangeEnd)));
    const keys = { read: having(permissionType.write), write: having(permissionType.read) };
    this.#keys.set(user.name, keys);
    return keys;
  }

  /** Throws EtcdError if it is refused; then nothing has changed. */
  apply(operation: AuthOperation): void {
    for (const kind of operationKinds) {
      const request = operation[kind];
      if (request !== undefined) this.#run(kind, request);
    }
  }

  #run<Kind extends keyof AuthOperations>(kind: Kind, request: AuthOperations[Kind]): void {
    this.#operations[kind](request);
  }

  readonly #operations: { readonly [Kind in keyof AuthOperations]: (request: AuthOperations[Kind]) => void } = {
    enable: () => { this.#enable(); },
    disable: () => { this.#disable(); },
    authenticate: ({ name, authRevision }) => {
      if (!this.#enabled) throw etcdError('authNotEnabled');
      const user = this.#users.get(name);
      if (user === undefined || user.noPassword) throw etcdError('authFailed');
      // The password was checked against a state that is over: the proposer checks again.
      if (authRevision !== this.#revision) throw etcdError('authOldRevision');
    },
    userAdd: ({ name, options, hashedPassword }) => {
      if (name === '') throw etcdError('userEmpty');
      if (this.#users.has(name)) throw etcdError('userAlreadyExist');
      const noPassword = options?.noPassword === true;
      this.#putUser({ name, noPassword, password: noPassword ? '' : passwordOf(hashedPassword), roles: [], credential: this.#revision + 1 });
    },
    userDelete: ({ name }) => {
      if (this.#enabled && name === rootName) throw etcdError('invalidAuthMgmt');
      this.#mustUser(name);
      this.#users.delete(name);
      this.#changed();
    },
    userChangePassword: ({ name, hashedPassword }) => {
      const user = this.#mustUser(name);
      this.#putUser({ ...user, password: user.noPassword ? '' : passwordOf(hashedPassword), credential: this.#revision + 1 });
    },
    userGrantRole: ({ user: name, role }) => {
      const user = this.#mustUser(name);
      if (role !== rootName) this.#mustRole(role);
      if (!user.roles.includes(role)) this.#putUser({ ...user, roles: [...user.roles, role].sort(byBytes) });
    },
    userRevokeRole: ({ name, role }) => {
      if (this.#enabled && name === rootName && role === rootName) throw etcdError('invalidAuthMgmt');
      const user = this.#mustUser(name);
      if (!user.roles.includes(role)) throw etcdError('roleNotGranted');
      this.#putUser({ ...user, roles: user.roles.filter((one) => one !== role) });
    },
    roleAdd: ({ name }) => {
      if (name === '') throw etcdError('roleEmpty');
      if (this.#roles.has(name)) throw etcdError('roleAlreadyExist');
      this.#putRole({ name, permissions: [] });
    },
    roleDelete: ({ role }) => { this.#deleteRole(role); },
    roleGrantPermission: ({ name, perm }) => { this.#grant(name, perm); },
    roleRevokePermission: ({ role: name, key, rangeEnd }) => {
      const role = this.#mustRole(name);
      const permissions = role.permissions.filter((one) => !sameRange(one, { key, rangeEnd }));
      if (permissions.length === role.permissions.length) throw etcdError('permissionNotGranted');
      this.#putRole({ name, permissions });
    },
  };

  #enable(): void {
    if (this.#enabled) return;
    const root = this.#users.get(rootName);
    if (root === undefined) throw etcdError('rootUserNotExist');
    if (!root.roles.includes(rootName)) throw etcdError('rootRoleNotExist');
    this.#enabled = true;
    // As with etcd this is no new revision; `disable` is one, so that each time it is enabled differs from the others.
    this.#enabledAt = this.#revision;
  }

  #disable(): void {
    if (!this.#enabled) return;
    this.#enabled = false;
    this.#changed();
  }

  #deleteRole(name: string): void {
    if (this.#enabled && name === rootName) throw etcdError('invalidAuthMgmt');
    this.#mustRole(name);
    this.#roles.delete(name);
    for (const user of this.#users.values()) {
      if (user.roles.includes(name)) this.#users.set(user.name, { ...user, roles: user.roles.filter((one) => one !== name) });
    }
    this.#changed();
  }

  #grant(name: string, perm: PermissionMessage | undefined): void {
    if (perm === undefined) throw etcdError('permissionNotGiven');
    if (!isValidRange(perm)) throw etcdError('invalidAuthMgmt');
    const role = this.#mustRole(name);
    const known = role.permissions.findIndex((one) => sameRange(one, perm));
    const permissions = known >= 0 ? role.permissions.with(known, perm) : [...role.permissions, perm].sort((a, b) => byKey(a, b));
    this.#putRole({ name, permissions });
  }

  #mustUser(name: string): AuthUser {
    const user = this.#users.get(name);
    if (user === undefined) throw etcdError('userNotFound');
    return user;
  }

  #mustRole(name: string): AuthRole {
    const role = this.#roles.get(name);
    if (role === undefined) throw etcdError('roleNotFound');
    return role;
  }

  #putUser(user: AuthUser): void {
    this.#users.set(user.name, user);
    this.#changed();
  }

  #putRole(role: AuthRole): void {
    this.#roles.set(role.name, role);
    this.#changed();
  }

  #changed(): void {
    this.#revision += 1;
    this.#keys.clear();
  }

  snapshot(): AuthSnapshot {
    return { enabled: this.#enabled, revision: this.#revision, enabledAt: this.#enabledAt, users: this.userNames().map((name) => this.#mustUser(name)), roles: this.roleNames().map((name) => this.#mustRole(name)) };
  }

  restore(snapshot: AuthSnapshot): void {
    this.#enabled = snapshot.enabled;
    this.#revision = snapshot.revision;
    this.#enabledAt = snapshot.enabledAt;
    this.#users.clear();
    this.#roles.clear();
    this.#keys.clear();
    for (const user of snapshot.users) this.#users.set(user.name, user);
    for (const role of snapshot.roles) this.#roles.set(role.name, role);
  }
}

const operationKinds: readonly (keyof AuthOperations)[] = Object.keys({
  enable: 0, disable: 0, authenticate: 0, userAdd: 0, userDelete: 0, userChangePassword: 0, userGrantRole: 0, userRevokeRole: 0, roleAdd: 0, roleDelete: 0,
  roleGrantPermission: 0, roleRevokePermission: 0,
} satisfies Record<keyof AuthOperations, 0>) as (keyof AuthOperations)[];

/** etcd has no code of its own for this one. */
export function noPasswordUser(): EtcdError {
  return new EtcdError(grpcCode.unknown, 'auth: authentication failed, password was given for no password user');
}

function passwordOf(hashedPassword: string): string {
  try {
    return fromUtf8(Uint8Array.fromBase64(hashedPassword));
  } catch (error) {
    if (error instanceof SyntaxError) throw noPasswordUser();
    throw error;
  }
}

function sameRange(a: Pick<PermissionMessage, 'key' | 'rangeEnd'>, b: Pick<PermissionMessage, 'key' | 'rangeEnd'>): boolean {
  return keyText(a.key) === keyText(b.key) && keyText(a.rangeEnd) === keyText(b.rangeEnd);
}

function byKey(a: PermissionMessage, b: PermissionMessage): number {
  const [x, y] = [keyText(a.key), keyText(b.key)];
  return x < y ? -1 : Number(x > y);
}

/** One key, or a range that is not empty, or all from `key` on. */
function isValidRange({ key, rangeEnd }: PermissionMessage): boolean {
  if (key.length === 0) return false;
  const { start, end } = keyRange(key, rangeEnd);
  return end === undefined || start < end;
}
