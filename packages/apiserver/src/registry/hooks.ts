import type { FinishWrite, RegistryWrite } from '../types.ts';
import type { Operation } from './context.ts';

/** Begins every hook of the kind; if one refuses, those before it are told that nothing was written. */
export async function beginHooks(operation: Operation, write: RegistryWrite): Promise<FinishWrite> {
  const begun: FinishWrite[] = [];
  const finish: FinishWrite = async (committed) => {
    for (const end of begun.toReversed()) await end(committed);
  };
  try {
    for (const hook of operation.context.hooksOf(operation.kind)) begun.push(await hook.begin(write));
  } catch (error) {
    await finish(false);
    throw error;
  }
  return finish;
}

/** Runs `write` between begin and finish of the hooks. */
export async function withHooks<T>(operation: Operation, write: RegistryWrite, run: () => Promise<{ readonly committed: boolean; readonly value: T }>): Promise<T> {
  const finish = await beginHooks(operation, write);
  let committed = false;
  try {
    const result = await run();
    committed = result.committed;
    return result.value;
  } finally {
    await finish(committed);
  }
}
