import { loadKubeconfig } from '@coxswain/client/edge';
import { fromUtf8, readAll, silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import type { Explanation } from '@coxswain/scheduler';
import { UsageError } from '@coxswain/service';
import { explanationText } from '../../explain.ts';
import { dataPaths } from '../../paths.ts';
import { dataFlag, type Tool } from '../../tool.ts';
import { wanted } from '../../why.ts';

const answerTimeoutMs = 10_000;

async function ask(kubeconfig: string, scheduler: string, path: (namespace: string) => string): Promise<readonly Explanation[]> {
  const { bearerToken, tls, namespace } = await loadKubeconfig(kubeconfig);
  const token = typeof bearerToken === 'function' ? await bearerToken() : bearerToken;
  const answer = await createRealHost(silentLogger).network.fetch({
    url: `${scheduler}${path(namespace)}`, method: 'GET', tls, signal: AbortSignal.timeout(answerTimeoutMs),
    headers: { accept: 'application/json', 'user-agent': 'cox', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
  }).catch((error: unknown) => { throw new UsageError(`the scheduler at ${scheduler} does not answer (${(error as Error).message}); --scheduler=https://HOST:PORT names another`); });
  const text = fromUtf8(await readAll(answer.body));
  if (answer.status !== 200) throw new UsageError(`the scheduler refused: ${answer.status} ${text.trim()}`);
  return (JSON.parse(text) as { items: Explanation[] }).items;
}

export const explain: Tool = {
  usage: 'explain pod/NAME [-n NAMESPACE] [-o json] [--all] [--nodes]',
  summary: 'why a pod went to its node, or why it fits nowhere and what would help',
  flags: {
    ...dataFlag, kubeconfig: { kind: 'string', default: '', help: 'default: $KUBECONFIG, or that of the cluster in --data' }, namespace: { kind: 'string', default: '', help: 'default: that of the kubeconfig\'s context (-n)' },
    output: { kind: 'string', default: 'text', help: 'text or json (-o)' }, scheduler: { kind: 'string', default: 'https://127.0.0.1:10259', help: 'port of the scheduler that decides' },
    all: { kind: 'bool', default: false, help: 'every decision that is remembered, not only the last' }, nodes: { kind: 'bool', default: false, help: 'tell of every node that was looked at' },
  },
  letters: { n: 'namespace', o: 'output' },
  wordsMax: 2,
  async run(flags, words) {
    const what = wanted(words);
    if (what === undefined || !['pod', 'pods', 'po'].includes(what.kind)) throw new UsageError('explain which pod? usage: cox explain pod/NAME [-n NAMESPACE]');
    const output = flags.string('output');
    if (!['text', 'json'].includes(output)) throw new UsageError(`--output=${output}: text or json`);
    const kubeconfig = [flags.string('kubeconfig'), process.env['KUBECONFIG'] ?? '', dataPaths(flags.string('data')).adminKubeconfig].find((one) => one !== '') as string;
    const path = (namespace: string): string =>
      `/explain/namespaces/${flags.string('namespace') || namespace}/pods/${encodeURIComponent(what.name)}${flags.bool('nodes') ? '?nodes=all' : ''}`;
    const all = await ask(kubeconfig, flags.string('scheduler').replace(/\/$/, ''), path);
    const told = flags.bool('all') ? all : all.slice(-1);
    if (output === 'json') process.stdout.write(`${JSON.stringify(told)}\n`);
    else process.stdout.write(told.length === 0 ? 'no decision about it is remembered: it was long ago, the scheduler started later, or another one decides\n' : `${told.map(explanationText).join('\n\n')}\n`);
    process.exit();
  },
};
