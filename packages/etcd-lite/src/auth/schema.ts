import type { SchemaNode } from '../wire/codec.ts';

const api = (name: string): string => `etcdserverpb.${name}`;

/** Descriptions of what is ours alone: auth operations in the log and the auth state in a snapshot. */
export const authSchema: Readonly<Record<string, SchemaNode>> = {
  AuthOperation: {
    oneofs: {
      operation: {
        oneof: ['enable', 'disable', 'authenticate', 'user_add', 'user_delete', 'user_change_password', 'user_grant_role', 'user_revoke_role', 'role_add', 'role_delete',
          'role_grant_permission', 'role_revoke_permission'],
      },
    },
    fields: {
      enable: { type: api('AuthEnableRequest'), id: 1 },
      disable: { type: api('AuthDisableRequest'), id: 2 },
      authenticate: { type: 'InternalAuthenticate', id: 3 },
      user_add: { type: api('AuthUserAddRequest'), id: 4 },
      user_delete: { type: api('AuthUserDeleteRequest'), id: 5 },
      user_change_password: { type: api('AuthUserChangePasswordRequest'), id: 6 },
      user_grant_role: { type: api('AuthUserGrantRoleRequest'), id: 7 },
      user_revoke_role: { type: api('AuthUserRevokeRoleRequest'), id: 8 },
      role_add: { type: api('AuthRoleAddRequest'), id: 9 },
      role_delete: { type: api('AuthRoleDeleteRequest'), id: 10 },
      role_grant_permission: { type: api('AuthRoleGrantPermissionRequest'), id: 11 },
      role_revoke_permission: { type: api('AuthRoleRevokePermissionRequest'), id: 12 },
    },
  },
  InternalAuthenticate: { fields: { name: { type: 'string', id: 1 }, simple_token: { type: 'string', id: 2 }, auth_revision: { type: 'uint64', id: 3 } } },
  AuthSnapshot: {
    fields: {
      enabled: { type: 'bool', id: 1 }, revision: { type: 'uint64', id: 2 }, enabled_at: { type: 'uint64', id: 3 },
      users: { type: 'AuthSnapshotUser', id: 4, rule: 'repeated' }, roles: { type: 'AuthSnapshotRole', id: 5, rule: 'repeated' },
    },
  },
  AuthSnapshotUser: {
    fields: {
      name: { type: 'string', id: 1 }, password: { type: 'string', id: 2 }, no_password: { type: 'bool', id: 3 }, roles: { type: 'string', id: 4, rule: 'repeated' },
      credential: { type: 'uint64', id: 5 },
    },
  },
  AuthSnapshotRole: { fields: { name: { type: 'string', id: 1 }, permissions: { type: 'authpb.Permission', id: 2, rule: 'repeated' } } },
};
