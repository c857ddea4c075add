import { createInterface } from 'node:readline/promises';
import { UsageError, type FlagSet } from '@coxswain/service';

export const yesFlag = { yes: { kind: 'bool', default: false, help: 'do it without asking' } } as const satisfies FlagSet;

/** Says what is about to be done and asks. Throws if the answer is not yes, or nobody is there to give it. */
export async function confirm(lines: readonly string[], yes: boolean): Promise<void> {
  process.stdout.write(`${lines.join('\n')}\n`);
  if (yes) return;
  if (!process.stdin.isTTY) throw new UsageError('nothing was done: there is nobody to ask; add --yes');
  const asked = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await asked.question('go on? [y/N] ');
  asked.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('nothing was done');
}
