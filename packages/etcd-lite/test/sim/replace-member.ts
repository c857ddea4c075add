import type { Host } from '@coxswain/host';
import { createEtcdAdmin, EtcdError, type EtcdAdmin, type Member } from '@coxswain/etcd-lite/client';
import type { SupervisedCluster, SupervisedMember } from './supervised-cluster.ts';

const retryMs = 300;

/** Asks one member after another until one answers `act` with other than undefined. */
async function insist<T>(host: Host, cluster: SupervisedCluster, without: SupervisedMember, act: (admin: EtcdAdmin, members: readonly Member[]) => Promise<T | undefined>): Promise<T> {
  for (;;) {
    for (const member of cluster.members.filter((one) => one !== without && one.running !== undefined)) {
      const admin = createEtcdAdmin(host, { endpoint: cluster.endpoint(member), requestTimeoutMs: 2000 });
      try {
        // What it says of the members may be old otherwise.
        await admin.confirmLeader();
        const answer = await act(admin, await admin.memberList());
        if (answer !== undefined) return answer;
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        host.log.info('change of members failed', { error: error.message });
      }
      admin.close();
    }
    await host.timers.sleep(retryMs);
  }
}

/** Takes a member out of the cluster and puts one with an empty disk in its place, as an operator does with a broken machine. */
export async function replaceMember(host: Host, cluster: SupervisedCluster, victim: SupervisedMember): Promise<void> {
  // One at a time: a second one would be more than the cluster may lose.
  if (cluster.members.some((member) => member.leaving || member.joining || (member !== victim && (member.lost || member.damaged)))) return;
  victim.leaving = true;
  const url = cluster.peerUrl(victim);
  const isIn = (members: readonly Member[]): Member | undefined => members.find((member) => member.peerUrls.includes(url));
  await insist(host, cluster, victim, async (admin, members) => {
    const there = isIn(members);
    if (there === undefined) return true;
    await admin.memberRemove(there.id);
    return true;
  });
  await insist(host, cluster, victim, async (admin, members) => {
    if (isIn(members) === undefined) await admin.memberAdd([url], false);
    return true;
  });
  await cluster.rejoin(victim);
}
