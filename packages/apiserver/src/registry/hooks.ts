import { EtcdError } from '@coxswain/etcd-lite/client';
import type { FinishWrite, RegistryWrite } from '../types.ts';
import type { Operation } from './context.ts';

/** Begins every hook of the kind; if one refuses, those before it are told that nothing was written. */
async function beginHooks(operation: Operation, write: RegistryWrite): Promise<FinishWrite> {
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

/**
 * Runs `write` between begin and finish of the hooks. If nobody knows whether it was stored they are told nothing: what they
 * took must stay taken, for a stored object may hold it.
 */
export async function withHooks<T>(operation: Operation, write: RegistryWrite, run: () => Promise<{ readonly committed: boolean; readonly value: T }>): Promise<T> {
  const finish = await beginHooks(operation, write);
  let result: { readonly committed: boolean; readonly value: T };
  try {
    result = await run();
  } catch (error) {
    if (!(error instanceof EtcdError && error.outcomeUnknown)) await finish(false);
    throw error;
  }
  await finish(result.committed);
  return result.value;
}
