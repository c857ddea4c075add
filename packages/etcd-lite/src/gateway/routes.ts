import etcd from '../../../../proto/etcd-v3.json' with { type: 'json' };
import type { JsonMessages } from './json-message.ts';

/** The HTTP paths of etcd's rpc.proto (all are POST with the whole message as body); RangeStream has none there either. */
const paths: Readonly<Record<string, readonly string[]>> = {
  'etcdserverpb.KV/Range': ['kv/range'], 'etcdserverpb.KV/Put': ['kv/put'], 'etcdserverpb.KV/DeleteRange': ['kv/deleterange'], 'etcdserverpb.KV/Txn': ['kv/txn'],
  'etcdserverpb.KV/Compact': ['kv/compaction'], 'etcdserverpb.Watch/Watch': ['watch'],
  'etcdserverpb.Lease/LeaseGrant': ['lease/grant'], 'etcdserverpb.Lease/LeaseRevoke': ['lease/revoke', 'kv/lease/revoke'], 'etcdserverpb.Lease/LeaseKeepAlive': ['lease/keepalive'],
  'etcdserverpb.Lease/LeaseTimeToLive': ['lease/timetolive', 'kv/lease/timetolive'], 'etcdserverpb.Lease/LeaseLeases': ['lease/leases', 'kv/lease/leases'],
  'etcdserverpb.Cluster/MemberAdd': ['cluster/member/add'], 'etcdserverpb.Cluster/MemberRemove': ['cluster/member/remove'], 'etcdserverpb.Cluster/MemberUpdate': ['cluster/member/update'],
  'etcdserverpb.Cluster/MemberList': ['cluster/member/list'], 'etcdserverpb.Cluster/MemberPromote': ['cluster/member/promote'],
  'etcdserverpb.Maintenance/Alarm': ['maintenance/alarm'], 'etcdserverpb.Maintenance/Status': ['maintenance/status'], 'etcdserverpb.Maintenance/Defragment': ['maintenance/defragment'],
  'etcdserverpb.Maintenance/Hash': ['maintenance/hash'], 'etcdserverpb.Maintenance/HashKV': ['maintenance/hashkv'], 'etcdserverpb.Maintenance/Snapshot': ['maintenance/snapshot'],
  'etcdserverpb.Maintenance/MoveLeader': ['maintenance/transfer-leadership'], 'etcdserverpb.Maintenance/Downgrade': ['maintenance/downgrade'],
  'etcdserverpb.Auth/AuthEnable': ['auth/enable'], 'etcdserverpb.Auth/AuthDisable': ['auth/disable'], 'etcdserverpb.Auth/AuthStatus': ['auth/status'],
  'etcdserverpb.Auth/Authenticate': ['auth/authenticate'], 'etcdserverpb.Auth/UserAdd': ['auth/user/add'], 'etcdserverpb.Auth/UserGet': ['auth/user/get'],
  'etcdserverpb.Auth/UserList': ['auth/user/list'], 'etcdserverpb.Auth/UserDelete': ['auth/user/delete'], 'etcdserverpb.Auth/UserChangePassword': ['auth/user/changepw'],
  'etcdserverpb.Auth/UserGrantRole': ['auth/user/grant'], 'etcdserverpb.Auth/UserRevokeRole': ['auth/user/revoke'], 'etcdserverpb.Auth/RoleAdd': ['auth/role/add'],
  'etcdserverpb.Auth/RoleGet': ['auth/role/get'], 'etcdserverpb.Auth/RoleList': ['auth/role/list'], 'etcdserverpb.Auth/RoleDelete': ['auth/role/delete'],
  'etcdserverpb.Auth/RoleGrantPermission': ['auth/role/grant'], 'etcdserverpb.Auth/RoleRevokePermission': ['auth/role/revoke'],
  'v3lockpb.Lock/Lock': ['lock/lock'], 'v3lockpb.Lock/Unlock': ['lock/unlock'],
  'v3electionpb.Election/Campaign': ['election/campaign'], 'v3electionpb.Election/Proclaim': ['election/proclaim'], 'v3electionpb.Election/Leader': ['election/leader'],
  'v3electionpb.Election/Observe': ['election/observe'], 'v3electionpb.Election/Resign': ['election/resign'],
};

export interface Route {
  /** As gRPC calls it: `/etcdserverpb.KV/Range`. */
  readonly method: string;
  readonly request: string;
  readonly response: string;
  /** Answers come as lines, each a `result`. */
  readonly streams: boolean;
}

interface Rpc { readonly requestType: string; readonly responseType: string; readonly responseStream?: boolean }
type Package = Readonly<Record<string, { readonly methods?: Readonly<Record<string, Rpc>> }>>;

/** By HTTP path; what a call takes and gives stands in the description. */
export function makeRoutes(messages: JsonMessages): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>();
  for (const [name, tails] of Object.entries(paths)) {
    const [service, call] = name.split('/') as [string, string];
    const [pack, serviceName] = service.split('.') as [keyof typeof etcd.nested, string];
    const rpc = (etcd.nested[pack].nested as Package)[serviceName]?.methods?.[call];
    if (rpc === undefined) throw new Error(`the description has no ${name}`);
    const route = { method: `/${name}`, request: messages.resolve(rpc.requestType, service), response: messages.resolve(rpc.responseType, service), streams: rpc.responseStream === true };
    for (const tail of tails) routes.set(`/v3/${tail}`, route);
  }
  return routes;
}
