import { fastPathCodecs, fastPathMethods } from '@coxswain/client/fast-path';
import { grpcFrame } from '@coxswain/etcd-lite/wire';
import { forSeconds, percentile, range, runLoad, type LoadOptions, type LoadResult } from './load.ts';
import { applyBody, mergePatch, namespace, nodeBody, nodeName, podBody, podPath, podsPath, unboundPodBody } from './objects.ts';
import type { Target } from './targets.ts';
import { runWatches, type WatchOptions } from './watches.ts';
import type { Connection } from './wire.ts';

export type Unit = '/s' | 'ms' | 'MB';

/** What is asked of ours beside another server: so many times its value at least, or at most. */
export type Reach = { readonly atLeast: number } | { readonly atMost: number } | undefined;

export interface Sample {
  readonly value: number;
  /** Requests or events that were measured. */
  readonly count?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** By process. */
  readonly cpuSeconds?: Readonly<Record<string, number>>;
}

export interface Bench {
  readonly target: Target;
  connections: readonly Connection[];
  readonly nodes: number;
  /** Pods that there are. */
  pods: number;
  readonly seconds: number;
}

export interface Experiment {
  readonly name: string;
  readonly unit: Unit;
  readonly reach: Reach;
  measure(bench: Bench): Promise<Sample>;
}

const inFlight = 64;
const pageSize = 500;
const listsASample = 3;
const protobuf = 'application/vnd.kubernetes.protobuf';

async function load(bench: Bench, options: Omit<LoadOptions, 'inFlight'>): Promise<LoadResult> {
  const result = await runLoad(bench.connections, { inFlight, ...options });
  if (result.failed > 0) throw new Error(`${bench.target.name}: ${result.failed} requests failed; the first: ${result.firstFailure}`);
  return result;
}

const sampleOf = (result: LoadResult): Sample => ({ value: result.perSecond, count: result.count, p50Ms: result.p50Ms, p99Ms: result.p99Ms });

/** What is there from a run before stays, so that a large state need not be made twice. */
export async function prepare(bench: Bench): Promise<void> {
  const accepted = [201, 409];
  await load(bench, { accepted, next: range(0, 1, () => ({ method: 'POST', path: '/api/v1/namespaces', body: Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })) })) });
  await load(bench, { accepted, next: range(0, bench.nodes, (at) => ({ method: 'POST', path: '/api/v1/nodes', body: nodeBody(at) })) });
}

/** More pods, until there are so many. */
export function creating(name: string, until: (bench: Bench) => number): Experiment {
  return {
    name, unit: '/s', reach: { atLeast: 1.5 },
    measure: async (bench) => {
      const to = until(bench);
      const result = await load(bench, { accepted: [201], next: range(bench.pods, to, (at) => ({ method: 'POST', path: podsPath, body: podBody(at, bench.nodes) })) });
      bench.pods = to;
      return sampleOf(result);
    },
  };
}

const random = (bench: Bench): number => Math.floor(Math.random() * bench.pods);
let changes = 0;

function changing(name: string, contentType: string, query: string, body: (at: number) => Uint8Array): Experiment {
  return {
    name, unit: '/s', reach: undefined,
    measure: async (bench) => sampleOf(await load(bench, {
      accepted: [200],
      next: forSeconds(bench.seconds, (count) => {
        // Each pod in turn: two writers of one pod would measure conflicts.
        const at = count % bench.pods;
        return { method: 'PATCH', path: `${podPath(at)}${query}`, contentType, body: body(at) };
      }),
    })),
  };
}

function listing(name: string, accept: string, query: string, reach: Reach): Experiment {
  return {
    name, unit: 'ms', reach,
    measure: async (bench) => {
      const times: number[] = [];
      for (let count = 0; count < listsASample; count += 1) {
        const startMs = performance.now();
        await oneList(bench, accept, query);
        times.push(performance.now() - startMs);
      }
      return { value: percentile(Float64Array.from(times).sort(), 0.5), count: listsASample };
    },
  };
}

/** To the last byte of the last page. */
async function oneList(bench: Bench, accept: string, query: string): Promise<void> {
  const connection = bench.connections[0] as Connection;
  for (let token = '', first = true; first || token !== ''; first = false) {
    const answer = await connection.call({ method: 'GET', accept, path: `${podsPath}${query}${token === '' ? '' : `&continue=${token}`}` });
    if (answer.status !== 200) throw new Error(`${bench.target.name}: list: ${answer.status} ${answer.start}`);
    token = /"continue":"([^"]+)"/.exec(answer.start)?.[1] ?? '';
  }
}

function watching(name: string, reach: Reach, options: Omit<WatchOptions, 'nodes' | 'writers'>): Experiment {
  return {
    name, unit: '/s', reach,
    measure: async (bench) => {
      const list = await (bench.connections[0] as Connection).call({ method: 'GET', path: `${podsPath}?limit=1` });
      const version = /"resourceVersion":"(\d+)"/.exec(list.start)?.[1] ?? '';
      const result = await runWatches(bench.target, bench.connections, version, { ...options, writes: Math.min(options.writes, bench.pods), nodes: bench.nodes, writers: 16 });
      return { value: result.eventsPerSecond, count: result.events };
    },
  };
}

let bound = 0;
const bindingsACall = 100;

/** Over the fast path where there is one, a binding a request elsewhere. The pods are made before and not measured. */
function binding(count: number): Experiment {
  return {
    name: 'bind a pod', unit: '/s', reach: undefined,
    measure: async (bench) => {
      bound += 1;
      const nameOf = (at: number): string => `unbound-${bound}-${at}`;
      await load(bench, { accepted: [201], next: range(0, count, (at) => ({ method: 'POST', path: podsPath, body: unboundPodBody(nameOf(at)) })) });
      const fast = bench.target.restart !== undefined;
      const startMs = performance.now();
      await load(bench, fast
        ? { accepted: [200], next: range(0, count / bindingsACall, (call) => ({ method: 'POST', path: fastPathMethods.write, contentType: 'application/grpc', body: bindingsCall(Array.from({ length: bindingsACall }, (_, at) => nameOf(call * bindingsACall + at)), bench.nodes) })) }
        : { accepted: [201], next: range(0, count, (at) => ({ method: 'POST', path: `${podsPath}/${nameOf(at)}/binding`, body: Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'Binding', metadata: { name: nameOf(at) }, target: { kind: 'Node', name: nodeName(at % bench.nodes) } })) })) });
      const seconds = (performance.now() - startMs) / 1000;
      const left = await (bench.connections[0] as Connection).call({ method: 'GET', path: `${podsPath}?fieldSelector=spec.nodeName%3D` });
      if (!left.start.includes('"items":[]')) throw new Error(`${bench.target.name}: pods are left unbound: ${left.start}`);
      return { value: count / seconds, count };
    },
  };
}

function bindingsCall(names: readonly string[], nodes: number): Uint8Array {
  return grpcFrame(fastPathCodecs.writeRequest.encode({ items: names.map((name, at) => ({ namespace, name, bind: { uid: '', node: nodeName(at % nodes) } })) }));
}

export function lists(of: string): readonly Experiment[] {
  return [
    listing(`list of ${of} pods`, 'application/json', '?', { atMost: 0.25 }),
    listing(`list of ${of} pods, resourceVersion=0`, 'application/json', '?resourceVersion=0', undefined),
    listing(`list of ${of} pods as protobuf`, protobuf, '?', undefined),
    listing(`list of ${of} pods in pages of ${pageSize}`, 'application/json', `?limit=${pageSize}`, undefined),
  ];
}

export function requests(quick: boolean): readonly Experiment[] {
  return [
    {
      name: 'get a pod', unit: '/s', reach: { atLeast: 3 },
      measure: async (bench) => sampleOf(await load(bench, { accepted: [200], next: forSeconds(bench.seconds, () => ({ method: 'GET', path: podPath(random(bench)) })) })),
    },
    binding(quick ? 1000 : 5000),
    changing('merge patch of a pod', 'application/merge-patch+json', '', () => mergePatch(changes += 1)),
    changing('server-side apply of a pod', 'application/apply-patch+yaml', '?fieldManager=bench&force=true', (at) => applyBody(at, changes += 1)),
    watching('100 watchers of all pods: events', { atLeast: 2.5 }, { watches: 100, writes: quick ? 200 : 1000, byNode: false }),
    watching('5,000 watchers of all pods: events', { atLeast: 2.5 }, { watches: 5000, writes: quick ? 10 : 50, byNode: false }),
    watching('5,000 watchers of a node\'s pods: events', undefined, { watches: 5000, writes: quick ? 500 : 3000, byNode: true }),
  ];
}
