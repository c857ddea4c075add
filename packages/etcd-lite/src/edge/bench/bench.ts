import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificates } from './certificates.ts';
import { isInstalled, StoreCluster, type StoreKind } from './cluster.ts';
import { withEmptyServer } from './empty.ts';
import type { BenchOptions, Experiment } from './experiment.ts';
import { experiments } from './plan.ts';
import { heading, machine, number, table } from './report.ts';
import { summarize, type Row, type Sample } from './rows.ts';

export interface StoreBenchOptions extends BenchOptions {
  /** Where the members' data goes. */
  readonly directory: string;
  /** Only rows with this in their name. */
  readonly only: string;
  readonly kinds: readonly StoreKind[];
  readonly json: string;
  readonly print: (line: string) => void;
}

interface Place { readonly size: 1 | 3; readonly transport: 'plaintext' | 'mutual TLS' }

const places: readonly Place[] = [1, 3].flatMap((size) => (['plaintext', 'mutual TLS'] as const).map((transport) => ({ size: size as 1 | 3, transport })));
const whereOf = (place: Place): string => `${place.size === 1 ? '1 member' : '3 members'}, ${place.transport}`;

/** One server at a time; rounds alternate who goes first, so that the machine's moods fall on both. */
export async function benchStore(options: StoreBenchOptions): Promise<readonly Row[]> {
  const missing = ['etcd', 'openssl'].filter((name) => !isInstalled(name));
  if (missing.length > 0) throw new Error(`cox bench store needs ${missing.join(' and ')} (Debian's etcd-server, openssl)`);
  const directory = join(options.directory, 'cox-bench-store');
  const on = machine(directory);
  options.print(heading(on));
  const rows: Row[] = [];
  try {
    for (const place of places) {
      const here = experiments(options).filter((one) => fits(one, place, options.only));
      rows.push(...await benchPlace(place, here.filter((one) => !one.alone), directory, options));
      for (const one of here.filter((each) => each.alone)) rows.push(...await benchPlace(place, [one], directory, options));
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  options.print(`\n${table(rows)}`);
  if (options.json !== '') writeFileSync(options.json, `${JSON.stringify({ machine: on, options: { seconds: options.seconds, repeats: options.repeats, keys: options.keys }, rows: rows.map((row) => ({ ...row, ...summarize(row) })) }, undefined, 1)}\n`);
  return rows;
}

function fits(one: Experiment, place: Place, only: string): boolean {
  return one.sizes.includes(place.size) && one.transports.includes(place.transport) && one.title.includes(only);
}

async function benchPlace(place: Place, here: readonly Experiment[], directory: string, options: StoreBenchOptions): Promise<readonly Row[]> {
  if (here.length === 0) return [];
  const rows = new Map(here.map((one) => [one, one.rows.map((spec): Row => ({ ...spec, where: whereOf(place), samples: { etcd: [], 'etcd-lite': [] }, empty: undefined }))]));
  for (const one of here) await measureEmpty(one, place, directory, rows.get(one) as Row[]);
  for (let round = 0; round < options.repeats; round += 1) {
    const now = here.filter((one) => round < one.repeatsMax);
    if (now.length === 0) break;
    for (const kind of round % 2 === 0 ? options.kinds : options.kinds.toReversed()) {
      const done = (one: Experiment, samples: readonly Sample[]): void => {
        (rows.get(one) as Row[]).forEach((row, at) => { row.samples[kind].push(samples[at] as Sample); });
        options.print(`${kind.padEnd(9)} ${whereOf(place)}: ${one.rows.map((spec, at) => `${spec.name} ${number(samples[at]?.value)}${spec.unit}`).join('; ')}`);
      };
      await benchServer({ kind, place, directory, done, print: options.print }, now);
    }
  }
  return [...rows.values()].flat();
}

async function measureEmpty(one: Experiment, place: Place, directory: string, rows: readonly Row[]): Promise<void> {
  const { empty } = one;
  if (empty === undefined) return;
  const folder = join(directory, 'empty');
  mkdirSync(folder, { recursive: true });
  const files = place.transport === 'plaintext' ? undefined : makeCertificates(folder);
  const value = await withEmptyServer(empty.server, files, (target) => empty.measure(target));
  for (const row of rows) row.empty = value;
}

interface ServerRun {
  readonly kind: StoreKind;
  readonly place: Place;
  readonly directory: string;
  readonly done: (one: Experiment, samples: readonly Sample[]) => void;
  readonly print: (line: string) => void;
}

async function benchServer({ kind, place, directory, done, print }: ServerRun, here: readonly Experiment[]): Promise<void> {
  const cluster = await StoreCluster.start({ kind, size: place.size, tls: place.transport !== 'plaintext', parent: directory, flags: here.flatMap((one) => one.flags ?? []) });
  try {
    for (const one of here) done(one, await one.measure(cluster));
  } catch (error) {
    // What was not measured is an invalid row; the others are still worth having.
    print(`${kind}, ${whereOf(place)}: ${(error as Error).message}\n${cluster.logs()}`);
  } finally {
    await cluster.remove();
  }
}
