import { openSync, closeSync, fstatSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ComponentStatus } from '../../component.ts';
import { lastWords } from '../../last-words.ts';
import type { DataPaths } from '../../paths.ts';

const pollMs = 250;
/** Short runs in a row after which a component is not waited for any more: about six seconds. */
const failuresMax = 5;
const tailBytes = 8192;

function readTail(file: string): string {
  const open = openSync(file, 'r');
  try {
    const { size } = fstatSync(open);
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    readSync(open, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8');
  } finally {
    closeSync(open);
  }
}

/** A component's end in one line: how it ended, its last words, and where there are more. */
export function describeFailure(paths: DataPaths, component: ComponentStatus): string {
  const words = lastWords(readTail(`${paths.logs}/${component.name}.log`));
  return `${component.name} ended (${component.lastExit ?? component.phase})${words === '' ? '' : `: ${words}`} (more: cox logs ${component.name})`;
}

/** Rejects as soon as a component keeps ending, since nobody needs to wait for what does not come. */
export async function watchFailures(paths: DataPaths, status: () => Promise<readonly ComponentStatus[]>, signal: AbortSignal): Promise<never> {
  for (;;) {
    await sleep(pollMs, undefined, { signal });
    const failing = (await status()).find((component) => component.phase === 'backing-off' && component.failures >= failuresMax);
    if (failing !== undefined) throw new Error(describeFailure(paths, failing));
  }
}
