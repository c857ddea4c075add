import { Caller } from './calls.ts';
import type { StoreCluster, StoreMember } from './cluster.ts';
import { connectAll, runLoad } from './load.ts';
import { tlsOf, type BenchOptions, type Experiment } from './experiment.ts';
import { memoryOf } from './processes.ts';
import { putTemplate, setKey } from './requests.ts';
import type { Sample } from './rows.ts';

const valueBytes = 1024;
const loaders = 200;
const settleMs = 2000;
const writers = 20;

/** Each key once. Seconds. */
async function loadKeys(cluster: StoreCluster, keys: number): Promise<number> {
  const connections = await connectAll(cluster.endpoints, tlsOf(cluster), loaders);
  const template = putTemplate('million/', valueBytes);
  const startMs = performance.now();
  let next = 0;
  let failed = 0;
  await Promise.all(Array.from({ length: loaders }, (_, at) => new Promise<void>((resolve) => {
    const connection = connections[at % connections.length];
    const put = (): void => {
      if (next === keys || connection === undefined || connection.closed) { resolve(); return; }
      setKey(template, next);
      next += 1;
      connection.call(template.path, template.bytes, { message: () => undefined, end: (ok) => { if (!ok) failed += 1; put(); } }, true);
    };
    put();
  })));
  for (const connection of connections) connection.close();
  if (failed > 0 || next < keys) throw new Error(`${failed} of ${next} writes failed while ${keys} keys were loaded\n${cluster.logs()}`);
  return (performance.now() - startMs) / 1000;
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await act();
  return (performance.now() - startMs) / 1000;
}

/** Writes while the history is compacted and the member defragmented again and again, against writes alone. */
async function duringDefragmentation(cluster: StoreCluster, caller: Caller, seconds: number): Promise<{ readonly quietMs: number; readonly duringMs: number; readonly defragmentSeconds: number }> {
  const load = { endpoints: cluster.endpoints, tls: tlsOf(cluster), operation: 'put', clients: writers, seconds, warmUpSeconds: 0.5 } as const;
  const quiet = await runLoad(load);
  let loading = true;
  let defragmentSeconds = 0;
  const maintenance = async (): Promise<void> => {
    await caller.compact(await caller.revision());
    while (loading) defragmentSeconds = Math.max(defragmentSeconds, await timed(() => caller.defragment()));
  };
  const [during] = await Promise.all([runLoad(load).finally(() => { loading = false; }), maintenance()]);
  return { quietMs: quiet.p99Ms, duringMs: during.p99Ms, defragmentSeconds };
}

async function restart(cluster: StoreCluster, member: StoreMember): Promise<number> {
  await cluster.signal(member, 'SIGTERM');
  return timed(async () => {
    cluster.run(member);
    await cluster.ready(600_000);
  });
}

async function measure(cluster: StoreCluster, options: BenchOptions): Promise<readonly Sample[]> {
  const member = cluster.members[0] as StoreMember;
  const loadSeconds = await loadKeys(cluster, options.keys);
  // Garbage of the load goes when the member has nothing to do.
  await new Promise((resolve) => { setTimeout(resolve, settleMs); });
  const memory = memoryOf(member.process?.pid as number);
  const caller = await Caller.connect(member.clientUrl, tlsOf(cluster));
  let snapshotBytes = 0;
  const snapshotSeconds = await timed(async () => { snapshotBytes = await caller.snapshot(); });
  const defragmentation = await duringDefragmentation(cluster, caller, options.quick ? 3 : 10);
  caller.close();
  const restartSeconds = await restart(cluster, member);
  const after = memoryOf(member.process?.pid as number);
  return [
    { value: options.keys / loadSeconds }, { value: restartSeconds }, { value: memory.anonymousMb }, { value: memory.residentMb }, { value: memory.fileMb }, { value: after.anonymousMb },
    { value: snapshotSeconds }, { value: snapshotBytes / 1024 / 1024 }, { value: defragmentation.quietMs }, { value: defragmentation.duringMs },
    { value: defragmentation.duringMs / defragmentation.quietMs }, { value: defragmentation.defragmentSeconds },
  ];
}

export function millionKeys(options: BenchOptions): Experiment {
  const shown = { kind: 'shown' } as const;
  const title = `${options.keys.toLocaleString('en')} keys of 1 KiB`;
  return {
    title, sizes: [1], transports: ['plaintext'], alone: true, repeatsMax: 1, flags: ['--quota-backend-bytes', String(8 * 1024 ** 3)],
    rows: [
      { name: `${title}: load`, unit: '/s', reach: shown }, { name: `${title}: restart`, unit: 's', reach: { kind: 'limit', atMost: 10 } },
      { name: `${title}: anonymous memory`, unit: 'MB', reach: { kind: 'limit', atMost: 512 } }, { name: `${title}: resident memory`, unit: 'MB', reach: shown },
      { name: `${title}: of it files`, unit: 'MB', reach: shown }, { name: `${title}: anonymous memory after the restart`, unit: 'MB', reach: { kind: 'limit', atMost: 512 } },
      { name: `${title}: snapshot`, unit: 's', reach: shown }, { name: `${title}: snapshot's size`, unit: 'MB', reach: shown },
      { name: `${title}: p99 of a put, quiet`, unit: 'ms', reach: shown }, { name: `${title}: p99 of a put, compaction and defragmentation`, unit: 'ms', reach: shown },
      { name: `${title}: the latter to the former`, unit: '×', reach: { kind: 'limit', atMost: 3 } }, { name: `${title}: longest defragmentation`, unit: 's', reach: shown },
    ],
    measure: (cluster) => measure(cluster, options),
  };
}
