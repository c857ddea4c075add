import { existsSync, readFileSync } from 'node:fs';
import type { JsonObject } from '../src/resource.ts';

export interface RecordedAnswer {
  readonly name: string;
  readonly stable?: boolean;
  readonly request: { readonly method: string; readonly path: string; readonly query?: string; readonly contentType?: string; readonly body?: JsonObject };
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
