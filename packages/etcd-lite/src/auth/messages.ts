/** The Auth service's messages as `Codec` gives them, and the auth operations that go through the log. */
import type { ResponseHeader } from '../wire/messages.ts';

export const permissionType = { read: 0, write: 1, readWrite: 2 } as const;

export interface PermissionMessage {
  readonly permType: number;
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
}

export interface UserAddRequest {
  readonly name: string;
  /** Only on a client's wire; what goes into the log has `hashedPassword` instead. */
  readonly password: string;
  readonly options?: { readonly noPassword: boolean } | undefined;
  /** Base64 of bcrypt's text. */
  readonly hashedPassword: string;
}

export interface UserChangePasswordRequest {
  readonly name: string;
  readonly password: string;
  readonly hashedPassword: string;
}

export interface NameRequest { readonly name: string }
export interface RoleRequest { readonly role: string }
export interface UserGrantRoleRequest { readonly user: string; readonly role: string }
export interface UserRevokeRoleRequest { readonly name: string; readonly role: string }
export interface RoleGrantPermissionRequest { readonly name: string; readonly perm?: PermissionMessage | undefined }
export interface RoleRevokePermissionRequest { readonly role: string; readonly key: Uint8Array; readonly rangeEnd: Uint8Array }
export interface AuthenticateRequest { readonly name: string; readonly password: string }

/** The password was checked by the proposing member, at auth revision `authRevision`; it is not in the log. */
export interface InternalAuthenticate {
  readonly name: string;
  /** The random part of a simple token; empty for other kinds. */
  readonly simpleToken: string;
  readonly authRevision: number;
}

type Nothing = Record<never, never>;

/** What changes the replicated auth state. */
export interface AuthOperations {
  readonly enable: Nothing;
  readonly disable: Nothing;
  readonly authenticate: InternalAuthenticate;
  readonly userAdd: UserAddRequest;
  readonly userDelete: NameRequest;
  readonly userChangePassword: UserChangePasswordRequest;
  readonly userGrantRole: UserGrantRoleRequest;
  readonly userRevokeRole: UserRevokeRoleRequest;
  readonly roleAdd: NameRequest;
  readonly roleDelete: RoleRequest;
  readonly roleGrantPermission: RoleGrantPermissionRequest;
  readonly roleRevokePermission: RoleRevokePermissionRequest;
}

/** Exactly one is set. */
export type AuthOperation = { readonly [Kind in keyof AuthOperations]?: AuthOperations[Kind] | undefined };

export interface AuthStatusResponse { header?: ResponseHeader | undefined; readonly enabled: boolean; readonly authRevision: number }
export interface AuthenticateResponse { header?: ResponseHeader | undefined; readonly token: string }
export interface RolesResponse { header?: ResponseHeader | undefined; readonly roles: readonly string[] }
export interface UsersResponse { header?: ResponseHeader | undefined; readonly users: readonly string[] }
export interface RoleGetResponse { header?: ResponseHeader | undefined; readonly perm: readonly PermissionMessage[] }

/** All of the auth state as one value, for snapshots. */
export interface AuthSnapshot {
  readonly enabled: boolean;
  readonly revision: number;
  readonly enabledAt: number;
  readonly users: readonly { readonly name: string; readonly password: string; readonly noPassword: boolean; readonly roles: readonly string[]; readonly credential: number }[];
  readonly roles: readonly { readonly name: string; readonly permissions: readonly PermissionMessage[] }[];
}
