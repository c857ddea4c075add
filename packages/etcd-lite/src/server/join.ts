import { fromUtf8, header, NetworkError, readAll, type ClientTls, type Host } from '@coxswain/host';
import type { MemberRecord } from '../machine/membership.ts';
import { idText, parseId, type NewCluster } from './cluster.ts';
import type { EtcdConfig } from './config.ts';
import { membersPath, peerHeaders } from './peer-paths.ts';

/** What a running member says of its cluster. */
export interface RemoteCluster {
  readonly clusterId: bigint;
  readonly members: readonly (MemberRecord & { readonly started: boolean })[];
}

interface RemoteMember { readonly id: string; readonly name: string; readonly peerURLs: readonly string[]; readonly clientURLs: readonly string[]; readonly isLearner: boolean; readonly staging: boolean }

/** The body of /members, which any member answers to whoever its peer URL lets in: a member that joins has no id yet. */
export function membersBody(members: readonly MemberRecord[], clientUrls: (id: bigint) => readonly string[]): string {
  const body: RemoteMember[] = members.map(({ id, name, peerUrls, isLearner, staging }) => ({ id: idText(id), name, peerURLs: peerUrls, clientURLs: clientUrls(id), isLearner, staging }));
  return JSON.stringify(body);
}

/** Long enough for a machine that is there; who starts a cluster need not wait for those that are not. */
const askTimeoutMs = 1000;
const maxBodyBytes = 1024 * 1024;

async function askMembers(host: Host, url: string, tls: ClientTls | undefined): Promise<RemoteCluster | undefined> {
  const abort = new AbortController();
  const timer = host.timers.after(askTimeoutMs, () => { abort.abort(); });
  try {
    const response = await host.network.fetch({ url: `${url}${membersPath}`, method: 'GET', headers: {}, signal: abort.signal, httpVersion: '2', ...(tls === undefined ? {} : { tls }) });
    const clusterId = parseId(header(response.headers, peerHeaders.cluster));
    const body = fromUtf8(await readAll(response.body, maxBodyBytes));
    if (response.status !== 200 || clusterId === undefined) return undefined;
    const members = (JSON.parse(body) as readonly RemoteMember[]).map((member) => ({
      id: parseId(member.id) ?? 0n, name: member.name, peerUrls: member.peerURLs, isLearner: member.isLearner, staging: member.staging, started: member.clientURLs.length > 0,
    }));
    return { clusterId, members };
  } catch (error) {
    if (!(error instanceof NetworkError) && !(error instanceof SyntaxError)) throw error;
    host.log.debug('a peer could not be asked for its members', { url, error: error.message });
    return undefined;
  } finally {
    timer.cancel();
  }
}

function othersUrls(config: EtcdConfig): readonly string[] {
  return Object.entries(config.initialCluster).filter(([name]) => name !== config.name).flatMap(([, urls]) => urls);
}

/**
 * An empty disk under the id of a member that has already voted and acknowledged would forget both: with a second member that
 * lags it could elect a leader that lacks what was acknowledged. Whoever knows this cluster knows that the id was used.
 */
export async function refuseIfBootstrapped(config: EtcdConfig, host: Host, cluster: NewCluster): Promise<void> {
  const answers = await Promise.all(othersUrls(config).map((url) => askMembers(host, url, config.peerTls)));
  for (const answer of answers) {
    if (answer === undefined || answer.clusterId !== cluster.clusterId) continue;
    const known = answer.members.find((member) => member.id === cluster.self.id);
    if (known?.started === true || (known === undefined && answer.members.length > 0)) {
      throw new Error(`member ${idText(cluster.self.id)} has already been bootstrapped: its data is gone; replace it with "cox etcd member replace", or remove it with "etcdctl member remove ${idText(cluster.self.id)}", `
        + 'add it again with "member add", and start it with --initial-cluster-state existing');
    }
  }
}

interface Joined { readonly remote: RemoteCluster; readonly self: MemberRecord }

/** What the running cluster says to a member that joins it. Rejects with etcd's words if its flags do not agree with that. */
export async function askToJoin(config: EtcdConfig, host: Host): Promise<Joined> {
  const answers = await Promise.all(othersUrls(config).map((url) => askMembers(host, url, config.peerTls)));
  return chooseAnswer(config, answers.filter((answer) => answer !== undefined && answer.members.length > 0) as readonly RemoteCluster[]);
}

/**
 * A peer that lags may still list whom this member replaces, so one refusal is not the last word. But whoever has seen the chosen
 * id start is newer than all who have not: its disk held votes that this empty one would forget.
 */
export function chooseAnswer(config: Pick<EtcdConfig, 'name' | 'initialCluster'>, answers: readonly RemoteCluster[]): Joined {
  let refused = new Error('cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs');
  for (const remote of answers) {
    const self = checkMembers(config, remote);
    if (self instanceof Error) refused = self;
    else if (answers.some(({ members }) => members.some(({ id, started }) => id === self.id && started))) refused = bootstrapped(self);
    else return { remote, self };
  }
  throw refused;
}

const bootstrapped = (self: MemberRecord): Error => new Error(`member ${idText(self.id)} has already been bootstrapped`);

const urlsText = (urls: readonly string[]): string => urls.toSorted().join(',');

function checkMembers(config: Pick<EtcdConfig, 'name' | 'initialCluster'>, remote: RemoteCluster): MemberRecord | Error {
  const local = Object.entries(config.initialCluster);
  const refuse = (reason: string): Error => new Error(`error validating peerURLs {ClusterID:${idText(remote.clusterId)} Members:[${remote.members.map((member) =>
    `&{ID:${idText(member.id)} PeerURLs:[${member.peerUrls.join(' ')}] Name:${member.name}}`).join(' ')}]}: ${reason}`);
  if (local.length !== remote.members.length) return refuse('member count is unequal');
  for (const [, urls] of local) {
    if (remote.members.every((member) => urlsText(member.peerUrls) !== urlsText(urls))) return refuse(`unmatched member while checking PeerURLs (${urls.join(',')})`);
  }
  const self = remote.members.find((member) => urlsText(member.peerUrls) === urlsText(config.initialCluster[config.name] ?? []));
  if (self === undefined) return refuse(`couldn't find local name ${JSON.stringify(config.name)} in the initial cluster configuration`);
  if (self.started) return bootstrapped(self);
  return { ...self, name: config.name };
}
