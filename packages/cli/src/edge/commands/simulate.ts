import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { ApiError, createClient, resource, type Client, type KubeObject, type ListOptions } from '@coxswain/client';
import { loadKubeconfig } from '@coxswain/client/edge';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { defaultSchedulerConfig, parseSchedulerFile, type SchedulerConfig } from '@coxswain/scheduler';
import { parseScenario, simulationHtml, simulationText, type Scenario, type SimulateOptions, type SimulationResult } from '@coxswain/scheduler/simulate';
import { UsageError, type FlagValues } from '@coxswain/service';
import { parse, parseAllDocuments } from 'yaml';
import { dataPaths } from '../../paths.ts';
import { dataFlag, type Tool } from '../../tool.ts';

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${what}: cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
}

function parsed(path: string, what: string): unknown {
  try {
    return parse(readText(path, what));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${what} ${path}: ${(error as Error).message.split('\n')[0] ?? ''}`);
  }
}

const live = [
  ['', 'v1', 'nodes', 'Node', false], ['', 'v1', 'pods', 'Pod', true], ['', 'v1', 'namespaces', 'Namespace', false], ['', 'v1', 'services', 'Service', true],
  ['apps', 'v1', 'replicasets', 'ReplicaSet', true], ['apps', 'v1', 'statefulsets', 'StatefulSet', true], ['', 'v1', 'replicationcontrollers', 'ReplicationController', true],
  ['policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget', true], ['', 'v1', 'persistentvolumes', 'PersistentVolume', false], ['', 'v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', true],
  ['storage.k8s.io', 'v1', 'storageclasses', 'StorageClass', false], ['storage.k8s.io', 'v1', 'csinodes', 'CSINode', false], ['storage.k8s.io', 'v1', 'csidrivers', 'CSIDriver', false],
  ['storage.k8s.io', 'v1', 'csistoragecapacities', 'CSIStorageCapacity', true], ['scheduling.k8s.io', 'v1', 'priorityclasses', 'PriorityClass', false],
  ['scheduling.x-k8s.io', 'v1alpha1', 'podgroups', 'PodGroup', true],
] as const;
/** Groups that a cluster may not have. */
const optional: ReadonlySet<string> = new Set(['scheduling.x-k8s.io']);

/** Everything at one revision: the first list's, or the one that was asked for. */
async function liveState(client: Client, revision: string): Promise<unknown[]> {
  const lists: { kind: string; items: KubeObject[] }[] = [];
  let at = revision;
  for (const [group, version, plural, kind, namespaced] of live) {
    const options: ListOptions = at === '' ? {} : { resourceVersion: at, resourceVersionMatch: 'Exact' };
    const list = await client.list(resource(group, version, plural, kind, namespaced), options).catch((error: unknown) => {
      if (optional.has(group) && error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    });
    if (list === undefined) continue;
    const { items, metadata } = list;
    at = at === '' ? (metadata.resourceVersion ?? '') : at;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    lists.push({ kind: 'List', items: items.map((item) => ({ ...item, apiVersion, kind })) });
  }
  return lists;
}

async function state(flags: FlagValues): Promise<unknown[]> {
  const file = flags.string('state');
  if (file !== '') {
    if (flags.string('revision') !== '') throw new UsageError('--revision is of a live cluster; --state is what it is');
    return parseAllDocuments(readText(file, '--state')).map((document) => {
      if (document.errors[0] !== undefined) throw new UsageError(`--state ${file}: ${document.errors[0].message.split('\n')[0] ?? ''}`);
      return document.toJS() as unknown;
    });
  }
  const path = [flags.string('kubeconfig'), process.env['KUBECONFIG'] ?? '', dataPaths(flags.string('data')).adminKubeconfig].find((one) => one !== '') as string;
  const client = createClient(createRealHost(silentLogger), { ...await loadKubeconfig(path), userAgent: 'cox' });
  return await liveState(client, flags.string('revision'));
}

function scenarioOf(flags: FlagValues): Scenario {
  const file = flags.string('scenario');
  const scenario = parseScenario(file === '' ? {} : parsed(file, '--scenario'));
  const [like = '', count = ''] = flags.string('add-nodes').split(':');
  if (flags.string('add-nodes') !== '' && (like === '' || !/^[1-9]\d{0,4}$/.test(count))) throw new UsageError(`--add-nodes=${flags.string('add-nodes')}: expected NODE:COUNT, nodes like one that is there`);
  return {
    ...scenario,
    ...(like === '' ? {} : { addNodes: [...(scenario.addNodes ?? []), { like, count: Number(count) }] }),
    ...(flags.strings('remove-node').length === 0 ? {} : { removeNodes: [...(scenario.removeNodes ?? []), ...flags.strings('remove-node')] }),
    ...(flags.bool('reschedule-all') ? { reschedule: ['*'] } : {}),
  };
}

function configOf(flags: FlagValues): SchedulerConfig {
  const file = flags.string('config');
  return file === '' ? defaultSchedulerConfig('simulated') : parseSchedulerFile(parsed(file, '--config'), 'simulated').config;
}

export type SimulateAnswer = { readonly kind: 'result'; readonly result: SimulationResult } | { readonly kind: 'mistake'; readonly message: string };

async function run(documents: readonly unknown[], options: SimulateOptions): Promise<SimulationResult> {
  const worker = new Worker(new URL('./simulate-worker.ts', import.meta.url), { workerData: { documents, options } });
  const [answer] = await once(worker, 'message') as [SimulateAnswer];
  if (answer.kind === 'mistake') throw new UsageError(answer.message);
  return answer.result;
}

export const simulate: Tool = {
  usage: 'simulate [--scenario FILE] [--config FILE] [--state FILE] [--record FILE] [--add-nodes NODE:COUNT] [--remove-node NAME] [--reschedule-all] [-o text|json] [--html FILE]',
  summary: 'what the scheduler would do if nodes, taints, pods or its configuration were others; nothing is written to the cluster',
  flags: {
    ...dataFlag, kubeconfig: { kind: 'string', default: '', help: 'default: $KUBECONFIG, or that of the cluster in --data' },
    state: { kind: 'string', default: '', help: 'file of objects (kubectl get -o json or yaml) instead of a live cluster' },
    record: { kind: 'string', default: '', help: 'also write the state that was read to this file, for --state later' },
    revision: { kind: 'string', default: '', help: 'of the live cluster: as it was at this resourceVersion' },
    scenario: { kind: 'string', default: '', help: 'file with addNodes, removeNodes, taint, cordon, uncordon, addPods, removePods, reschedule' },
    config: { kind: 'string', default: '', help: 'KubeSchedulerConfiguration to run with; default: kube-scheduler\'s defaults' },
    'add-nodes': { kind: 'string', default: '', help: 'NODE:COUNT, so many nodes more like that one' }, 'remove-node': { kind: 'strings', default: [], help: 'a node to go; its pods are placed again' },
    'reschedule-all': { kind: 'bool', default: false, help: 'take every pod off its node first' },
    seed: { kind: 'int', default: 1, min: 0, help: 'draws among equals' }, seconds: { kind: 'int', default: 30, min: 1, max: 3600, help: 'virtual time that the scheduler has' },
    output: { kind: 'string', default: 'text', help: 'text or json (-o)' }, html: { kind: 'string', default: '', help: 'also write a page with plots to this file' },
  },
  letters: { o: 'output' },
  wordsMax: 0,
  async run(flags) {
    const output = flags.string('output');
    if (!['text', 'json'].includes(output)) throw new UsageError(`--output=${output}: text or json`);
    const [scenario, config] = [scenarioOf(flags), configOf(flags)];
    const documents = await state(flags);
    if (flags.string('record') !== '') writeFileSync(flags.string('record'), `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: documents })}\n`);
    const result = await run(documents, { scenario, config, seed: flags.int('seed'), forMs: flags.int('seconds') * 1000 });
    process.stdout.write(output === 'json' ? `${JSON.stringify(result)}\n` : `${simulationText(result)}\n`);
    if (flags.string('html') !== '') writeFileSync(flags.string('html'), simulationHtml(result));
    process.exit();
  },
};
