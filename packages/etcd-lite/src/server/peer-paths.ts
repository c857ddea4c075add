/** Paths on peer URLs. */
export const peerPaths = { stream: '/coxswain/raft/stream', snapshot: '/coxswain/raft/snapshot', lease: '/coxswain/lease', change: '/coxswain/members', hashKv: '/coxswain/hashkv', space: '/coxswain/space' } as const;
/** etcd's: answered to whoever TLS lets in. */
export const membersPath = '/members';
/** Who may talk to whom: a member of another cluster or an old address is refused. `urls`: where to answer a member not known yet. */
export const peerHeaders = { cluster: 'x-etcd-cluster-id', from: 'x-server-from', to: 'x-server-to', urls: 'x-peerurls' } as const;
export const removedText = 'the member has been permanently removed from the cluster';
