/**
 * `node packages/apiserver/scripts/fuzz.ts [--requests N] [--seed S] [--from INDEX] [--print]`: asks a whole server, in this process, what
 * nobody should ask. Ends with 1 if anything was found, or if the heap grew in the second half of 80,000 requests or more. Says at the end which handlers
 * and which types of bodies and answers were come to. `--from INDEX --requests 1` asks one again, alone; `--print` shows it.
 * `--shapes` asks the largest bodies instead, and says how long each held the event loop; `--only TEXT`: those of such names.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scanJson, type JsonObject } from '@coxswain/api';
import { UsageError } from '@coxswain/service';
import { forgetDerived } from '../src/storage/codec.ts';
import { Corpus } from '../test/fuzz/corpus.ts';
import { growth, liveHeapMb } from '../test/fuzz/memory.ts';
import { byTurns, byWhole } from '../test/fuzz/monitor.ts';
import { fuzzArguments, fuzzUsage, type FuzzArguments } from '../test/fuzz/options.ts';
import { Requests } from '../test/fuzz/requests.ts';
import { FuzzRun } from '../test/fuzz/run.ts';
import { measureShapes } from '../test/fuzz/shapes.ts';

function readArguments(): FuzzArguments {
  try {
    return fuzzArguments(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`fuzz: ${error.message}`);
    process.exit(2);
  }
}

const { seed, from, requests, print, shapes, only, help } = readArguments();
if (help) {
  console.log(fuzzUsage);
  process.exit(0);
}
/** Of CPU time: other load does not count. */
const blockedMs = 100;

/** Of every kind that has been written down; the generators make the same kinds where there are none. */
function wireVectors(): JsonObject[] {
  const folder = join(import.meta.dirname, '../../../../shared/data/wire-vectors');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.endsWith('.json')).map((name) => scanJson(readFileSync(join(folder, name))).value as JsonObject);
}

function memory(): { residentMb: number; heapMb: number } {
  const resident = /RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return { residentMb: Math.round(Number(resident) / 1024), heapMb: Math.round(liveHeapMb() * 10) / 10 };
}

if (shapes) {
  const results = await measureShapes(byTurns, only, ({ name, bytes, status, answer, heldMs }) => { console.log(`${name.padEnd(32)} ${String(bytes).padStart(8)} bytes  ${status}  held ${heldMs.toFixed(0).padStart(4)} ms  ${heldMs > blockedMs ? `TOO LONG: ${answer}` : ''}`); });
  process.exit(results.every(({ heldMs }) => heldMs <= blockedMs) ? 0 : 1);
}

const corpus = new Corpus(wireVectors());
if (print) {
  const request = new Requests(corpus, seed).at(from);
  console.log(request.method, request.target, request.headers, `\n${new TextDecoder().decode(request.body)}`);
}
const startedMs = performance.now();
let findings = 0;
const heapsMb: number[] = [];
process.on('unhandledRejection', (error) => { findings += 1; console.log('UNHANDLED', error); });
const run = await FuzzRun.start({
  seed, from, requests, corpus, monitor: byTurns, coarse: byWhole, blockedMs,
  onFinding: ({ index, request, wrong }) => {
    findings += 1;
    console.log(`## --seed ${seed} --from ${index}: ${request.method} ${request.target.slice(0, 200)} (${request.body.length} bytes of ${request.headers['content-type'] ?? 'nothing'}, accept ${(request.headers['accept'] ?? '').slice(0, 80)})\n   ${wrong.slice(0, 1500)}`);
  },
  onProgress: (done) => {
    if (done % 5000 !== 0) return;
    forgetDerived();
    const now = memory();
    heapsMb.push(now.heapMb);
    console.log(JSON.stringify({ done, seconds: Math.round((performance.now() - startedMs) / 1000), findings, ...now }));
  },
});
const result = await run.run();
console.log(JSON.stringify(result.reach.report()));
const grown = growth(heapsMb);
if (grown !== undefined) {
  findings += 1;
  console.log(`## ${grown}`);
}
console.log(JSON.stringify({ seed, requests, findings, slowestMs: Math.round(result.slowestMs), seconds: Math.round((performance.now() - startedMs) / 1000), ...memory(), statuses: Object.fromEntries([...result.statuses].sort(([a], [b]) => a - b)) }));
process.exit(findings === 0 ? 0 : 1);
