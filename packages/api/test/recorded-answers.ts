import { existsSync, readFileSync } from 'node:fs';
import { builtinResources } from '../src/description/resources.ts';
import type { ApiResource, JsonObject } from '../src/resource.ts';

export interface RecordedAnswer {
  readonly name: string;
  readonly stable?: boolean;
  readonly request: { readonly method: string; readonly path: string; readonly query?: string; readonly contentType?: string; readonly accept?: string; readonly body?: JsonObject; readonly raw?: string };
  readonly response: { readonly status: number; readonly warning?: string; readonly body: JsonObject };
}

/** What a real API server answered, in order; undefined (with a printed line) where the shared data is absent. */
export function recordedAnswers(): readonly RecordedAnswer[] | undefined {
  const file = new URL('../../../../shared/data/recorded-answers-1.32.jsonl', import.meta.url);
  if (!existsSync(file)) {
    console.log(`skipped: no ${file.pathname}`);
    return undefined;
  }
  return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as RecordedAnswer);
}

const marks: Readonly<Record<string, string>> = {
  '"<node-port>"': '30000', '<time>': '2026-01-01T00:00:00Z', '<micro-time>': '2026-01-01T00:00:00.000000Z', '<uid>': '8d1c1a4e-3a50-4b0e-9d35-2f1f7a9c0d11',
  '<random>': 'abcde', '<rv>': '7', '<cluster-ip>': '10.96.0.7',
};

/** The same with a real value for each mark, so that they decode. */
export function unmarked<T>(value: T): T {
  let text = JSON.stringify(value);
  for (const [mark, real] of Object.entries(marks)) text = text.replaceAll(mark, real);
  return JSON.parse(text) as T;
}

const collectionPath = /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))\/(?:namespaces\/[^/]+\/)?([^/]+)$/;

/** The built-in resource whose collection stands at this path. */
export function resourceOfCollection(path: string): ApiResource | undefined {
  const match = collectionPath.exec(path);
  if (match === null) return undefined;
  return builtinResources.find((resource) => resource.group === (match[2] ?? '') && resource.version === (match[1] ?? match[3]) && resource.resource === match[4]);
}
