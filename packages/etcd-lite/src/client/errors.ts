/** gRPC's status codes by name. */
export const grpcCode = {
  ok: 0, cancelled: 1, unknown: 2, invalidArgument: 3, deadlineExceeded: 4, notFound: 5, alreadyExists: 6, permissionDenied: 7,
  resourceExhausted: 8, failedPrecondition: 9, aborted: 10, outOfRange: 11, unimplemented: 12, internal: 13, unavailable: 14,
  dataLoss: 15, unauthenticated: 16,
} as const;

/** Code and message exactly as etcd's v3rpc sends them, so that clients which compare messages work. */
const table = {
  emptyKey: [3, 'etcdserver: key is not provided'],
  keyNotFound: [3, 'etcdserver: key not found'],
  valueProvided: [3, 'etcdserver: value is provided'],
  leaseProvided: [3, 'etcdserver: lease is provided'],
  tooManyOps: [3, 'etcdserver: too many operations in txn request'],
  duplicateKey: [3, 'etcdserver: duplicate key given in txn request'],
  invalidSortOption: [3, 'etcdserver: invalid sort option'],
  requestTooLarge: [3, 'etcdserver: request is too large'],
  compacted: [11, 'etcdserver: mvcc: required revision has been compacted'],
  futureRevision: [11, 'etcdserver: mvcc: required revision is a future revision'],
  noSpace: [8, 'etcdserver: mvcc: database space exceeded'],
  leaseNotFound: [5, 'etcdserver: requested lease not found'],
  leaseExists: [9, 'etcdserver: lease already exists'],
  leaseTtlTooLarge: [11, 'etcdserver: too large lease TTL'],
  noLeader: [14, 'etcdserver: no leader'],
  notLeader: [9, 'etcdserver: not leader'],
  leaderChanged: [14, 'etcdserver: leader changed'],
  stopped: [14, 'etcdserver: server stopped'],
  timeout: [14, 'etcdserver: request timed out'],
  timeoutLeaderFailure: [14, 'etcdserver: request timed out, possibly due to previous leader failure'],
  tooManyRequests: [8, 'etcdserver: too many requests'],
  memberExists: [9, 'etcdserver: member ID already exist'],
  peerUrlExists: [9, 'etcdserver: Peer URLs already exists'],
  notEnoughStarted: [9, 'etcdserver: re-configuration failed due to not enough started members'],
  badPeerUrls: [3, 'etcdserver: given member URLs are invalid'],
  memberNotLearner: [9, 'etcdserver: can only promote a learner member'],
  learnerNotReady: [9, 'etcdserver: can only promote a learner member which is in sync with leader'],
  tooManyLearners: [9, 'etcdserver: too many learner members in cluster'],
  notSupportedForLearner: [14, 'etcdserver: rpc not supported for learner'],
  unhealthy: [14, 'etcdserver: unhealthy cluster'],
  memberNotFound: [5, 'etcdserver: member not found'],
  corrupt: [15, 'etcdserver: corrupt cluster'],
  badLeaderTransferee: [9, 'etcdserver: bad leader transferee'],
  rootUserNotExist: [9, 'etcdserver: root user does not exist'],
  rootRoleNotExist: [9, 'etcdserver: root user does not have root role'],
  userAlreadyExist: [9, 'etcdserver: user name already exists'],
  userEmpty: [3, 'etcdserver: user name is empty'],
  userNotFound: [9, 'etcdserver: user name not found'],
  roleAlreadyExist: [9, 'etcdserver: role name already exists'],
  roleNotFound: [9, 'etcdserver: role name not found'],
  roleEmpty: [3, 'etcdserver: role name is empty'],
  authFailed: [3, 'etcdserver: authentication failed, invalid user ID or password'],
  permissionNotGiven: [3, 'etcdserver: permission not given'],
  permissionDenied: [7, 'etcdserver: permission denied'],
  roleNotGranted: [9, 'etcdserver: role is not granted to the user'],
  permissionNotGranted: [9, 'etcdserver: permission is not granted to the role'],
  authNotEnabled: [9, 'etcdserver: authentication is not enabled'],
  invalidAuthToken: [16, 'etcdserver: invalid auth token'],
  invalidAuthMgmt: [3, 'etcdserver: invalid auth management'],
  authOldRevision: [3, 'etcdserver: revision of auth store is old'],
  unknownMethod: [2, 'etcdserver: unknown method'],
  timeoutLeaderTransfer: [2, 'etcdserver: request timed out, leader transfer took too long'],
  wrongDowngradeVersionFormat: [3, 'etcdserver: wrong downgrade target version format'],
  invalidDowngradeTargetVersion: [3, 'etcdserver: invalid downgrade target version'],
  clusterVersionUnavailable: [9, 'etcdserver: cluster version not found during downgrade'],
  downgradeInProcess: [9, 'etcdserver: cluster has a downgrade job in progress'],
  noInflightDowngrade: [9, 'etcdserver: no inflight downgrade job'],
} as const satisfies Record<string, readonly [number, string]>;

export type EtcdErrorName = keyof typeof table;

/** Any failure of a call. `code` is gRPC's, `message` etcd's own text. */
export class EtcdError extends Error {
  readonly code: number;
  /**
   * Only for writes that failed after they were sent: true if it is not known whether they took effect. Such a call is never
   * retried by the client.
   */
  readonly outcomeUnknown: boolean;
  constructor(code: number, message: string, options: { readonly outcomeUnknown?: boolean } = {}) {
    super(message);
    this.name = 'EtcdError';
    this.code = code;
    this.outcomeUnknown = options.outcomeUnknown ?? false;
  }
}

export function etcdError(name: EtcdErrorName): EtcdError {
  const [code, message] = table[name];
  return new EtcdError(code, message);
}

export function isEtcdError(error: unknown, name: EtcdErrorName): error is EtcdError {
  return error instanceof EtcdError && error.message === table[name][1];
}

/** As Go's gRPC prints a status. */
export function statusText({ code, message }: EtcdError): string {
  const name = Object.entries(grpcCode).find(([, value]) => value === code)?.[0] ?? 'unknown';
  return `rpc error: code = ${name.charAt(0).toUpperCase()}${name.slice(1)} desc = ${message}`;
}
