import { isIP } from 'node:net';
import { loadKubeconfig } from '@coxswain/client/edge';
import type { KubeconfigResult } from '@coxswain/client';
import { fromUtf8, readAll, silentLogger, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { UsageError } from '@coxswain/service';
import { dataPaths } from '../../paths.ts';
import { dataFlag, type Tool } from '../../tool.ts';
import type { ChangeRecord } from '@coxswain/apiserver';
import { findKind, merged, objectPath, table, wanted, type DiscoveredResource, type ServerChange } from '../../why.ts';

const answerTimeoutMs = 5000;
const discovery = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

class Api {
  readonly #host: Host;
  readonly #config: KubeconfigResult;

  constructor(host: Host, config: KubeconfigResult) {
    this.#host = host;
    this.#config = config;
  }

  get server(): string {
    return this.#config.server;
  }

  async get(server: string, path: string, accept = 'application/json'): Promise<Answer> {
    const { bearerToken, tls } = this.#config;
    const token = typeof bearerToken === 'function' ? await bearerToken() : bearerToken;
    const answer = await this.#host.network.fetch({
      url: `${server}${path}`, method: 'GET', tls, signal: AbortSignal.timeout(answerTimeoutMs),
      headers: { accept, 'user-agent': 'cox', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    });
    const text = fromUtf8(await readAll(answer.body));
    const body: unknown = text.startsWith('{') ? JSON.parse(text) : {};
    return { status: answer.status, body: body as Answer['body'] };
  }
}

type DiscoveredGroup = { metadata?: { name?: string }; versions: { version: string; resources: { resource: string; responseKind: { kind: string }; scope: string; singularResource?: string; shortNames?: string[] }[] }[] };

async function discovered(api: Api): Promise<readonly DiscoveredResource[]> {
  const lists = await Promise.all(['/api', '/apis'].map((path) => api.get(api.server, path, discovery)));
  return lists.flatMap(({ body }) => (body['items'] as DiscoveredGroup[] | undefined) ?? []).flatMap((group) => group.versions.flatMap(({ version, resources }) => resources.map((one) => ({
    group: group.metadata?.name ?? '', version, resource: one.resource, singular: one.singularResource ?? '', kind: one.responseKind.kind, shortNames: one.shortNames ?? [], namespaced: one.scope === 'Namespaced',
  }))));
}

/** All that stand behind the cluster's own service, and the one that the kubeconfig names. */
async function servers(api: Api): Promise<readonly string[]> {
  const { body } = await api.get(api.server, '/api/v1/namespaces/default/endpoints/kubernetes');
  const subsets = (body['subsets'] as { addresses?: { ip: string }[]; ports?: { port: number }[] }[] | undefined) ?? [];
  const found = subsets.flatMap(({ addresses = [], ports = [] }) => addresses.flatMap(({ ip }) => ports.map(({ port }) => `https://${isIP(ip) === 6 ? `[${ip}]` : ip}:${port}`)));
  return found.length === 0 ? [api.server] : found;
}

type Told = { readonly kind: 'changes'; readonly changes: readonly ServerChange[] } | { readonly kind: 'silent'; readonly why: string };

async function told(api: Api, server: string, path: string): Promise<Told> {
  try {
    const { status, body } = await api.get(server, `${path}?why=true`);
    if (status !== 200) return { kind: 'silent', why: typeof body['message'] === 'string' ? body['message'] : `answered ${status}` };
    if (body['kind'] !== 'ChangeHistory') return { kind: 'silent', why: 'keeps no record of changes (it is no coxswain API server)' };
    return { kind: 'changes', changes: (body['items'] as ChangeRecord[]).map((change) => ({ ...change, server: typeof body['server'] === 'string' ? body['server'] : server })) };
  } catch (error) {
    return { kind: 'silent', why: (error as Error).message };
  }
}

async function show(api: Api, path: string, output: string): Promise<void> {
  const all = await servers(api);
  const answers = await Promise.all(all.map(async (server) => ({ server, answer: await told(api, server, path) })));
  for (const { server, answer } of answers) if (answer.kind === 'silent') process.stderr.write(`${server}: ${answer.why}\n`);
  const changes = merged(answers.map(({ answer }) => (answer.kind === 'changes' ? answer.changes : [])));
  if (answers.every(({ answer }) => answer.kind === 'silent')) process.exitCode = 1;
  else if (output === 'json') process.stdout.write(`${JSON.stringify(changes)}\n`);
  else process.stdout.write(changes.length === 0 ? 'no change of it is remembered: the servers started later, or it was long ago\n' : `${table(changes)}\n`);
}

export const why: Tool = {
  usage: 'why KIND/NAME [-n NAMESPACE] [-o json]',
  summary: 'which request, by whom and from which controller\'s decision, wrote each recent change of an object',
  flags: {
    ...dataFlag, kubeconfig: { kind: 'string', default: '', help: 'default: $KUBECONFIG, or that of the cluster in --data' }, namespace: { kind: 'string', default: '', help: 'default: that of the kubeconfig\'s context (-n)' },
    output: { kind: 'string', default: 'table', help: 'table or json (-o)' },
  },
  letters: { n: 'namespace', o: 'output' },
  wordsMax: 2,
  async run(flags, words) {
    const what = wanted(words);
    if (what === undefined) throw new UsageError('why of what? usage: cox why KIND/NAME [-n NAMESPACE]');
    const output = flags.string('output');
    if (!['table', 'json'].includes(output)) throw new UsageError(`--output=${output}: table or json`);
    const path = [flags.string('kubeconfig'), process.env['KUBECONFIG'] ?? '', dataPaths(flags.string('data')).adminKubeconfig].find((one) => one !== '') as string;
    const config = await loadKubeconfig(path);
    const api = new Api(createRealHost(silentLogger), config);
    const kind = findKind(await discovered(api), what.kind);
    if (kind === undefined) throw new UsageError(`the server has no resource type ${JSON.stringify(what.kind)}`);
    await show(api, objectPath(kind, flags.string('namespace') === '' ? config.namespace : flags.string('namespace'), what.name), output);
    process.exit();
  },
};
