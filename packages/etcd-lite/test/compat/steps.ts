import { ctl, type Step } from './step.ts';

const lease = { LEASE: /lease (\w+) granted/ } as const;
const txn = (name: string, stdin: string): Step => ctl('txn', { name: `txn ${name}`, stdin });

const reads: readonly Step[] = [
  ctl('put k1 v1'), ctl('put k2 v2'), ctl('put k3 v3 -w json'), ctl('put k4 v4 -w fields'), ctl('put k1 v1b --prev-kv'), ctl('put k1 v1c --prev-kv -w json'),
  ctl('put k5', { name: 'put from input', stdin: 'value\nwith lines' }), ctl('put k6 -- -dash'), ctl('put k7 v7 -w protobuf', { decode: 'putResponse' }),
  ctl("put '' v"), ctl('put'), ctl('put a b c'),
  ctl('get k1'), ctl('get k1 -w json'), ctl('get k1 -w fields'), ctl('get k1 -w table'), ctl('get k1 -w protobuf', { decode: 'rangeResponse' }), ctl('get k1 -w nonsense'),
  ctl('get k1 --hex'), ctl('get missing'), ctl('get missing -w json'), ctl('get'), ctl("get ''"), ctl("get '' --prefix --keys-only"), ctl("get '' --from-key --limit=2"),
  ctl('get k1 k3'), ctl('get k3 k1'), ctl('get k --prefix --limit=2 -w json'), ctl('get k2 --from-key --keys-only'), ctl('get k --prefix --from-key'), ctl('get k --prefix --print-value-only'),
  ctl('get k1 k3 --print-value-only --keys-only'), ctl('get k1 --consistency=s'), ctl('get k1 --consistency=x'), ctl('get k1 --limit=-1'), ctl('get k1 --rev=2'), ctl('get k1 --rev=1'),
  ctl('get k1 --rev=-1'), ctl('get k1 --rev=3 -w json'), ctl('get k1 --rev=99999'),
  ...['CREATE', 'KEY', 'MODIFY', 'VALUE', 'VERSION'].flatMap((by) => ['ASCEND', 'DESCEND'].map((order) => ctl(`get k --prefix --keys-only --sort-by=${by} --order=${order}`))),
  ctl('get k --prefix --sort-by=NONSENSE'), ctl('get k --prefix --order=NONSENSE'), ctl('get k --prefix --sort-by=VALUE --limit=2'), ctl('get k --prefix --order=DESCEND'),
];

const writes: readonly Step[] = [
  ctl('put k1 --ignore-value'), ctl('put k1 v --ignore-value'), ctl('put missing --ignore-value'), ctl('put missing v --ignore-lease'), ctl('put k1 v1d --ignore-lease'),
  ctl('put k1 v --lease=zz'), ctl('put k1 v --lease=1234'), ctl('put k1 v --ignore-lease --lease=1234'), ctl('put k1 v --lease=0'),
  ctl('put big', { name: 'put 1.4 MiB', stdin: 'b'.repeat(1_468_006) }), ctl('put big', { name: 'put 1.6 MiB', stdin: 'b'.repeat(1_677_721) }),
  ctl('put big', { name: 'put 2.5 MiB', stdin: 'b'.repeat(2_621_440) }), ctl('del big'),
  ctl('put d1 1'), ctl('put d2 2'), ctl('put d3 3'), ctl('put e1 1'),
  ctl('del missing'), ctl('del d1'), ctl('del d1 -w json'), ctl('del d2 --prev-kv'), ctl('del d --prefix --prev-kv -w json'), ctl('del d3 d2'), ctl('del'), ctl("del ''"), ctl('del d --prefix --from-key'),
  ctl('del e1 -w protobuf', { decode: 'deleteRangeResponse' }), ctl('del e1 -w fields'), ctl('put z1 1'), ctl('put z2 1'), ctl('del z --from-key'), ctl('del a b c'),
];

const transactions: readonly Step[] = [
  ctl('put t 1'), txn('value holds', 'value("t") = "1"\n\nput t 2\n\nget t\n\n'), txn('value fails', 'value("t") = "1"\n\nput t 2\n\nget t\n\n'),
  txn('mod and version', 'mod("t") > "1"\nversion("t") = "2"\ncreate("t") < "9999"\n\nget t\nget missing\n\n\n'), txn('missing key', 'version("none") = "0"\nmod("none") = "0"\n\nput none 1\ndel none2\n\n\n'),
  txn('not equal', 'value("t") != "2"\n\nput t yes\n\nput t no\n\n'), txn('less', 'value("t") < "z"\n\nget t\n\n\n'),
  txn('nothing', '\n\n\n'), txn('only else', '\n\nput never 1\n\n'), txn('several puts', '\nput m1 1\nput m2 2\ndel t\nget m --prefix\n\n\n'), txn('range delete', '\ndel m --prefix\nget m --prefix\n\n\n'),
  txn('duplicate put', '\nput m1 1\nput m1 2\n\n\n'), txn('put in a deleted range', '\ndel m --prefix\nput m1 2\n\n\n'), txn('duplicate in the other branch', '\nput m1 1\n\nput x 1\nput x 2\n\n'),
  txn('malformed comparison', 'nonsense("t") = "1"\n\n\n\n'), txn('malformed number', 'mod("t") = "x"\n\n\n\n'), txn('malformed operation', '\nfrobnicate t\n\n\n'),
  txn('future revision', '\nget t --rev=99999\n\n\n'), txn('bad lease', '\nput t 1 --lease=4321\n\n\n'), txn('ignore value of none', '\nput nokey --ignore-value\n\n\n'),
  txn('129 operations', `\n${Array.from({ length: 129 }, (_, at) => `put many${at} v`).join('\n')}\n\n\n`), txn('128 operations', `\n${Array.from({ length: 128 }, (_, at) => `put many${at} v`).join('\n')}\n\n\n`),
  ctl('txn --interactive', { stdin: 'value("t") = "no"\n\nput t 3\n\nput t 4\n\n' }), ctl('txn -w json', { stdin: '\nput t 5\nget t\ndel t\n\n\n' }), ctl('txn -w fields', { stdin: '\nput t 6\nget t\n\n\n' }),
  ctl('txn -w protobuf', { stdin: '\nput t 7\n\n\n', decode: 'txnResponse' }), ctl('del many --prefix'), ctl("get '' --prefix --keys-only -w json"),
];

const compactions: readonly Step[] = [
  ctl('get k1 --rev=3'), ctl('compaction 5'), ctl('get k1 --rev=3'), ctl('get k1 --rev=5'), ctl('get k1 --rev=4 -w json'), ctl('compaction 5'), ctl('compaction 4'), ctl('compaction 99999'), ctl('compaction x'),
  ctl('compaction'), ctl('compaction 8 --physical'), ctl('compact 9'), txn('compacted revision', '\nget t --rev=2\n\n\n'), ctl('compaction 0'),
];

const watches: readonly Step[] = [
  ctl('put w1 a -w json', { save: { REV: /"revision":(\d+)/ } }), ctl('put w1 b'), ctl('put w2 c'), ctl('del w1'), ctl('put wx d'),
  ctl('watch w1 --rev=$REV', { lines: 9 }), ctl('watch w --prefix --rev=$REV', { lines: 15 }), ctl('watch w --prefix --prev-kv --rev=$REV', { lines: 19 }), ctl('watch w1 w3 --rev=$REV', { lines: 12 }),
  ctl('watch w1 --rev=$REV -w json', { lines: 1 }), ctl('watch w1 --rev=$REV -w fields', { lines: 27 }), ctl('watch w2 --from-key'),
  ctl('watch w1 --rev=2', { name: 'watch of a compacted revision' }), ctl('watch'),
  ctl('watch w2 --rev=$REV -- echo event', { lines: 4 }), ctl('watch w1 --rev=$REV --prev-kv', { lines: 13 }), ctl('watch --rev=$REV', { lines: 9, env: { ETCDCTL_WATCH_KEY: 'w1' }, name: 'watch, the key by environment' }),
  ctl('watch -i', { stdin: 'watch w1 --rev=$REV\nwatch w2 --rev=$REV\n', lines: 12, anyOrder: true, name: 'watch -i, two watches' }), ctl('watch -i', { stdin: 'frobnicate\n', name: 'watch -i, nonsense' }),
  ctl('watch live --rev=$REV', { lines: 6, meanwhile: [ctl('put live 1'), ctl('put live 2')] }), ctl('watch live --rev=$REV', { lines: 6, name: 'watch from the past, ended by a signal' }),
];

const leases: readonly Step[] = [
  ctl('lease list'), ctl('lease grant 100', { save: lease }), ctl('put l1 v --lease=$LEASE'), ctl('put l2 v --lease=$LEASE -w json'), ctl('get l1 -w json'), ctl('lease timetolive $LEASE'),
  ctl('lease timetolive $LEASE --keys'), ctl('lease timetolive $LEASE --keys -w json'), ctl('lease timetolive $LEASE -w fields'), ctl('lease list'), ctl('lease list -w json'), ctl('lease list -w fields'),
  ctl('lease keep-alive --once $LEASE'), ctl('lease keep-alive --once $LEASE -w json'), ctl('lease keep-alive --once 1234'), ctl('lease keep-alive 1234'), ctl('lease keep-alive $LEASE', { lines: 1 }),
  ctl('put l1 v2 --ignore-lease'), ctl('get l1 -w fields'),
  ctl('lease revoke $LEASE'), ctl('get l --prefix'), ctl('lease revoke $LEASE'), ctl('lease timetolive $LEASE'), ctl('lease timetolive $LEASE -w json'), ctl('lease list'),
  ctl('lease grant'), ctl('lease grant x'), ctl('lease grant 0'), ctl('lease grant -- -1'), ctl('lease grant 99999999999'), ctl('lease revoke'), ctl('lease revoke zz'), ctl('lease timetolive zz'), ctl('lease keep-alive zz'),
  ctl('lease grant 60 -w json', { save: { LEASE2: /"ID":(\d+)/ } }), ctl('lease grant 60 -w fields', { save: { LEASE3: /"ID" : (\d+)/ } }),
  ctl('lease grant 2', { save: { SHORT: lease.LEASE } }), ctl('put short v --lease=$SHORT -w json', { save: { SHORTREV: /"revision":(\d+)/ } }), ctl('watch short --rev=$SHORTREV', { lines: 6 }), ctl('put short v --lease=$SHORT'),
];

const sessions: readonly Step[] = [
  ctl('lock l', { lines: 1 }), ctl('lock l echo held', { lines: 1 }), ctl('lock l false'), ctl('lock'), ctl('lock l --ttl=x'), ctl('lock l --ttl=3', { lines: 1 }),
  ctl('elect e p1', { lines: 2, linesFirst: 2, meanwhile: [ctl('elect -l e', { lines: 2 })] }), ctl('elect e'), ctl('elect'), ctl('elect -l e x'),
  ctl('put src/1 a'), ctl('put src/2 b'),
  ctl('make-mirror --prefix=src/ --dest-prefix=dst/ $MIRRORFLAGS $MIRROR', { name: 'make-mirror', lines: 0, meanwhile: [ctl('get dst/ --prefix', { until: /b/ }), ctl('put src/3 c'), ctl('get dst/3', { until: /c/ })] }),
  ctl('make-mirror'),
];

const maintenance: readonly Step[] = [
  ctl('endpoint health'), ctl('endpoint health --cluster'), ctl('endpoint health -w json'), ctl('endpoint status'), ctl('endpoint status -w json'), ctl('endpoint status -w fields'), ctl('endpoint status -w table'),
  ctl('endpoint status --cluster'), ctl('endpoint hashkv'), ctl('endpoint hashkv -w json'), ctl('endpoint hashkv --rev=20'), ctl('endpoint hashkv --rev=2'), ctl('endpoint hashkv --rev=99999'), ctl('endpoint hashkv -w table'),
  ctl('alarm list'), ctl('alarm disarm'), ctl('alarm list -w json'), ctl('alarm'), ctl('defrag'), ctl('defrag --cluster'), ctl('defrag -w json'), ctl('snapshot save $DIR/backup.db', { one: true }),
  ctl('snapshot save'), ctl('check datascale --load=s', { codeOnly: true }), ctl('check perf --load=nonsense'), ctl('version'), ctl('frobnicate'),
];

const members: readonly Step[] = [
  ctl('member list'), ctl('member list -w json'), ctl('member list -w table'), ctl('member list -w fields'), ctl('member'), ctl('member add'), ctl('member add new'), ctl('member remove zz'), ctl('member remove 1234'),
  ctl('member update 1234 --peer-urls=http://127.0.0.1:1'), ctl('member promote 1234'), ctl('member add new --peer-urls=nonsense'), ctl('member add new --peer-urls=http://example.com:2380 --learner', { until: /added to cluster/, save: { NEW: /Member +(\w+) added/ } }),
  ctl('member list'), ctl('member add again --peer-urls=http://example.com:2380'), ctl('member add another --peer-urls=http://example.com:2381 --learner'), ctl('member promote $NEW'),
  ctl('member update $NEW --peer-urls=http://example.com:2390'), ctl('member list'), ctl('member remove $NEW'), ctl('member remove $NEW'), ctl('member list'), ctl('member update $NEW --peer-urls=http://127.0.0.1:1'),
  ctl('member add voter --peer-urls=http://example.com:2380', { size: 3, until: /added to cluster/, save: { VOTER: /Member +(\w+) added/ } }), ctl('member list', { size: 3 }), ctl('member remove $VOTER', { size: 3 }),
  ctl('move-leader zz'), ctl('move-leader 1234'), ctl('move-leader $LEADER'), ctl('move-leader $FOLLOWER', { size: 3 }), ctl('move-leader'), ctl('put after-move 1', { size: 3 }),
];

const roles: readonly Step[] = [
  ctl('role list'), ctl('role add r1'), ctl('role add r1'), ctl("role add ''"), ctl('role add'), ctl('role add r2 -w json'), ctl('role list'), ctl('role list -w json'), ctl('role get r1'), ctl('role get none'),
  ctl('role grant-permission r1 readwrite foo'), ctl('role grant-permission r1 read bar baz'), ctl('role grant-permission r1 write pre/ --prefix=true'), ctl('role grant-permission r1 read z --from-key=true'),
  ctl('role grant-permission none read foo'), ctl('role grant-permission r1 nonsense foo'), ctl('role grant-permission r1 read'), ctl('role get r1'), ctl('role get r1 -w json'), ctl('role get r1 -w fields'),
  ctl('role grant-permission r1 read foo'), ctl('role revoke-permission r1 bar baz'), ctl('role revoke-permission r1 bar baz'), ctl('role revoke-permission none foo'), ctl('role revoke-permission r1 pre/ --prefix=true'),
  ctl('role get r1'), ctl('role delete r2'), ctl('role delete r2'), ctl('role delete'),
];

const users: readonly Step[] = [
  ctl('user list'), ctl('user add u1:p1'), ctl('user add u1:p1'), ctl('user add :p'), ctl('user add u2 --interactive=false', { stdin: 'p2\n', name: 'user add, password from input' }), ctl('user add u3 --no-password'), ctl('user add'),
  ctl('user list'), ctl('user list -w json'), ctl('user get u1'), ctl('user get none'), ctl('user grant-role u1 r1'), ctl('user grant-role u1 r1'), ctl('user grant-role none r1'), ctl('user grant-role u1 none'), ctl('user get u1'),
  ctl('user get u1 --detail'), ctl('user get u1 -w json'), ctl('user passwd u1 --interactive=false', { stdin: 'p1b\n', name: 'user passwd' }), ctl('user passwd none --interactive=false', { stdin: 'x\n', name: 'user passwd of none' }),
  ctl('user revoke-role u1 none'), ctl('user delete none'), ctl('user delete u2'), ctl('role delete r1', { name: 'role delete of a granted one' }), ctl('user get u1', { name: 'user get after its role went' }), ctl('role add r1', { name: 'role add again' }),
  ctl('role grant-permission r1 readwrite foo', { name: 'grant again' }), ctl('role grant-permission r1 read ro/ --prefix=true'), ctl('user grant-role u1 r1', { name: 'user grant-role again' }),
];

const authentication: readonly Step[] = [
  ctl('auth disable', { name: 'auth disable while off' }), ctl('auth enable', { name: 'auth enable without root' }), ctl('user add root:rp'), ctl('auth enable', { name: 'auth enable' }), ctl('auth enable', { name: 'auth enable twice, by nobody' }),
  ctl('put foo 1', { name: 'put by nobody' }), ctl('get foo', { name: 'get by nobody' }), ctl('get foo --user=u1:wrong'), ctl('get foo --user=none:x'), ctl('put foo 1 --user=u1:p1b'), ctl('get foo --user=u1:p1b'), ctl('get foo --user=u1 --password=p1b'),
  ctl('put bar 1 --user=u1:p1b'), ctl('get bar --user=u1:p1b'), ctl('get ro/ --prefix --user=u1:p1b'), ctl('put ro/1 x --user=u1:p1b'), ctl('del foo --user=u1:p1b'), ctl("get '' --prefix --user=u1:p1b"),
  ctl('txn --user=u1:p1b', { stdin: 'value("foo") = "1"\n\nput foo 2\n\nput foo 3\n\n' }), ctl('txn --user=u1:p1b', { stdin: '\nput foo 2\nput bar 2\n\n\n', name: 'txn by u1 with one put too many' }),
  ctl('watch bar --rev=1 --user=u1:p1b'), ctl('watch foo --rev=$AUTHREV --user=u1:p1b', { lines: 9 }), ctl('lease grant 60 --user=u1:p1b', { save: { AUTHLEASE: /lease (\w+) granted/ } }), ctl('put foo x --lease=$AUTHLEASE --user=u1:p1b'),
  ctl('put other x --lease=$AUTHLEASE --user=root:rp'), ctl('lease revoke $AUTHLEASE --user=u1:p1b'), ctl('lease timetolive $AUTHLEASE --keys --user=u1:p1b'), ctl('lease list --user=u1:p1b'),
  ctl('user list --user=u1:p1b'), ctl('role add x --user=u1:p1b'), ctl('user list --user=root:rp'), ctl('user get u1 --user=u1:p1b'), ctl('user get root --user=u1:p1b'), ctl('role get r1 --user=u1:p1b'), ctl('role get root --user=u1:p1b'),
  ctl('member list --user=u1:p1b'), ctl('member remove 1234 --user=u1:p1b'), ctl('endpoint status --user=u1:p1b', { codeOnly: true }), ctl('defrag --user=u1:p1b'), ctl('alarm list --user=u1:p1b'), ctl('compaction 20 --user=u1:p1b', { until: /compacted revision|has been compacted/ }),
  ctl('snapshot save $DIR/denied.db --user=u1:p1b', { one: true }), ctl('endpoint health --user=u1:p1b'), ctl('user delete root --user=root:rp'), ctl('role delete root --user=root:rp'), ctl('user revoke-role root root --user=root:rp'),
  ctl('auth disable --user=u1:p1b'), ctl('auth disable --user=root:rp'), ctl('get bar', { name: 'get after auth disable' }), ctl('user delete root'), ctl('user delete u1'), ctl('user list'),
];

/** Every command of etcdctl 3.4 that speaks to a store; the order counts, for each sees what those before it left. */
export const steps: readonly Step[] = [
  ...reads, ...writes, ...transactions, ...compactions, ...watches, ...leases, ...sessions, ...maintenance,
  ...roles, ...users, ctl('put authrev 1 -w json', { save: { AUTHREV: /"revision":(\d+)/ } }), ...authentication, ...members,
];
