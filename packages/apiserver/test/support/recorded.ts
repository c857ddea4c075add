import { existsSync, readFileSync } from 'node:fs';
import { silentLogger, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { startTestServer, type TestAnswer, type TestServer } from '../../src/testing/test-server.ts';

export interface Recorded {
  readonly name: string;
  readonly request: {
    readonly method: string; readonly path: string; readonly query?: string; readonly contentType?: string; readonly accept?: string; readonly token?: string;
    readonly body?: unknown; readonly raw?: string;
  };
  readonly response: { readonly status: number; readonly contentType: string; readonly warning?: string; readonly allow?: string; readonly body: unknown };
  readonly stable?: boolean;
}

const file = new URL('../../../../../shared/data/recorded-answers-1.32.jsonl', import.meta.url);

/** undefined where the recordings are not at hand. */
export function readRecorded(): readonly Recorded[] | undefined {
  if (!existsSync(file)) return undefined;
  return readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Recorded);
}

/** Marks that stand for the whole of a number. */
const numberMarks: Readonly<Record<string, (value: number) => boolean>> = { '<node-port>': (port) => port >= 30_000 && port <= 32_767 };
const marks: Readonly<Record<string, string>> = {
  '<uid>': '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', '<rv>': '\\d+', '<time>': '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?Z?', '<random>': '[a-z0-9]+', '<cluster-ip>': '10\\.96\\.\\d+\\.\\d+',
};
const markPattern = /<uid>|<rv>|<time>|<random>|<cluster-ip>/;

function matchesText(expected: string, actual: string): boolean {
  if (!markPattern.test(expected)) return expected === actual;
  const source = expected.split(/(<uid>|<rv>|<time>|<random>|<cluster-ip>)/).map((part) => marks[part] ?? part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('');
  return new RegExp(`^${source}$`).test(actual);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

/** The first few places where two values differ, marks matching what they stand for. */
export function differences(expected: unknown, actual: unknown, path = ''): string[] {
  if (typeof expected === 'string' && typeof actual === 'string') return matchesText(expected, actual) ? [] : [`${path}: wanted ${shown(expected)}, got ${shown(actual)}`];
  if (typeof expected === 'string' && typeof actual === 'number' && numberMarks[expected]?.(actual) === true) return [];
  if (Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length) return [`${path}: wanted ${expected.length} items, got ${actual.length}: ${shown(expected)} / ${shown(actual)}`];
    return expected.flatMap((item, index) => differences(item, actual[index], `${path}[${index}]`));
  }
  if (typeof expected === 'object' && expected !== null && typeof actual === 'object' && actual !== null && !Array.isArray(expected) && !Array.isArray(actual)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return [...keys].flatMap((key) => {
      const at = `${path}.${key}`;
      if (!Object.hasOwn(actual, key)) return [`${at}: missing ${shown((expected as Record<string, unknown>)[key])}`];
      if (!Object.hasOwn(expected, key)) return [`${at}: unexpected ${shown((actual as Record<string, unknown>)[key])}`];
      return differences((expected as Record<string, unknown>)[key], (actual as Record<string, unknown>)[key], at);
    });
  }
  return expected === actual ? [] : [`${path}: wanted ${shown(expected)}, got ${shown(actual)}`];
}

function bodyOf(recorded: Recorded): { body?: unknown; raw?: string } {
  const { request } = recorded;
  if (request.body === '<as the name says>') {
    return { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', annotations: { 'example.com/big': 'x'.repeat(262_145) } } } };
  }
  return { ...(request.body === undefined ? {} : { body: request.body }), ...(request.raw === undefined ? {} : { raw: request.raw }) };
}

function compare(recorded: Recorded, answer: TestAnswer): string[] {
  const { response } = recorded;
  if (response.status !== answer.status) return [`status: wanted ${response.status}, got ${answer.status}: ${shown(answer.text)}; wanted ${shown(response.body)}`];
  if (recorded.stable === false) return [];
  const found: string[] = [];
  if (response.contentType !== answer.contentType) found.push(`content type: wanted ${response.contentType}, got ${answer.contentType}`);
  if ((response.warning ?? '') !== (answer.warning ?? '')) found.push(`warning: wanted ${response.warning ?? ''}, got ${answer.warning ?? ''}`);
  if (typeof response.body === 'string') {
    // The recording tool did not look into YAML for versions.
    const expected = response.body.replaceAll(/resourceVersion: "\d+"/g, 'resourceVersion: "<rv>"');
    return matchesText(expected, answer.text) ? found : [...found, `body: wanted ${shown(expected)}, got ${shown(answer.text)}`];
  }
  return [...found, ...differences(response.body, answer.json)];
}

export interface Replayed {
  readonly recorded: Recorded;
  /** Empty: the answers agree. */
  readonly differences: readonly string[];
}

export async function callRecorded(server: TestServer, recorded: Recorded): Promise<TestAnswer> {
  const { request } = recorded;
  const token = request.token ?? 'tok';
  return server.call({
    method: request.method, target: request.query === undefined ? request.path : `${request.path}?${request.query}`, ...bodyOf(recorded),
    headers: {
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...(request.contentType === undefined ? {} : { 'content-type': request.contentType }),
      ...(request.accept === undefined ? {} : { accept: request.accept }),
    },
  });
}

/** When the answers were recorded: some requests name times, and the answers their ages. */
const recordedAtMs = Date.UTC(2026, 10, 21, 12);

/** Ages and the times of managed fields must not depend on how fast this machine is, nor on the day. */
function stoppedClock(): Host {
  const host = createRealHost(silentLogger);
  return { ...host, clock: { nowMs: () => recordedAtMs, monotonicMs: () => host.clock.monotonicMs() } };
}

/** All of them, in order, against a new server with every stage in place. */
export async function replay(all: readonly Recorded[]): Promise<readonly Replayed[]> {
  const server = await startTestServer({}, stoppedClock());
  try {
    const results: Replayed[] = [];
    for (const recorded of all) results.push({ recorded, differences: compare(recorded, await callRecorded(server, recorded)) });
    return results;
  } finally {
    await server.stop();
  }
}
