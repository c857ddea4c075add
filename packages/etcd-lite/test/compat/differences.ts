import { etcdVersion } from '../../src/version.ts';
import type { Answer } from './session.ts';

/**
 * Where etcd-lite is meant to answer otherwise than etcd 3.4. `etcd` turns etcd's text into what etcd-lite is to say, so that all
 * else in the answer is still compared. One that no step needs any more fails the test.
 */
export interface Difference {
  readonly steps: RegExp;
  readonly reason: string;
  readonly etcd: (answer: Answer) => Answer;
}

const stdout = (from: RegExp | string, to: string) => (answer: Answer): Answer => ({ ...answer, stdout: answer.stdout.replace(from, to) });

const denied = 'log: "rpc error: code = PermissionDenied desc = etcdserver: permission denied"\nError: etcdserver: permission denied\n';

export const differences: readonly Difference[] = [
  {
    steps: /^alarm list -w json$/, reason: 'since 3.5 the answer to Alarm has a header when there are no alarms, too (maintenanceServer.Alarm fills it)',
    etcd: stdout(/^\{\}/, '{"header":{"cluster_id":CLUSTER,"member_id":MEMBER,"revision":67,"raft_term":TERM}}'),
  },
  {
    steps: /^endpoint status( -w table| --cluster)?$/, reason: 'the version, which decides what clients may ask of it, is ours',
    etcd: stdout(/3\.4\.23/g, etcdVersion),
  },
  {
    steps: /^(lease list|lease timetolive \$AUTHLEASE --keys) --user=u1:p1b$/, reason: 'since 3.5.9 and 3.4.26 a user must be able to read all keys of the leases that it asks for',
    etcd: ({ step }) => ({ step, code: 2, stdout: '', stderr: denied }),
  },
  {
    steps: /^(defrag|snapshot save \$DIR\/denied\.db) --user=u1:p1b$/, reason: '3.4 forgets to translate the refusal of the Maintenance service into a gRPC status; 3.5 does it',
    etcd: (answer) => ({ ...answer, stderr: answer.stderr.replace(/log: "rpc error: code = Unknown desc = auth: permission denied"/g, 'log: "rpc error: code = PermissionDenied desc = etcdserver: permission denied"').replace(/rpc error: code = Unknown desc = auth: permission denied(?!")/g, 'etcdserver: permission denied') }),
  },
  {
    steps: /^member list$/, reason: '3.4 forgets that a member is a learner when its peer URLs change; 3.5 keeps it',
    etcd: stdout('NEW, unstarted, , http://example.com:2390, , false', 'NEW, unstarted, , http://example.com:2390, , true'),
  },
  {
    steps: /^compaction 20 --user=u1:p1b$/, reason: 'since 3.6.9 compaction is root\'s',
    etcd: (answer) => ({ ...answer, code: 1, stdout: '', stderr: 'log: "rpc error: code = PermissionDenied desc = etcdserver: permission denied"\nError: etcdserver: permission denied\n' }),
  },
];
