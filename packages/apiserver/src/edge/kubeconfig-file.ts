import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { KubeconfigError, parseKubeconfig, type KubeconfigResult } from '@coxswain/client';
import { UsageError } from '@coxswain/service';

/** The file a flag or another file names; paths in it are relative to it. */
export async function readKubeconfigFile(named: string, path: string): Promise<KubeconfigResult> {
  try {
    return await parseKubeconfig(await readFile(path, 'utf8'), (file) => readFile(resolve(dirname(path), file)));
  } catch (error) {
    const why = error instanceof KubeconfigError ? error.message : `cannot read ${path}: ${(error as Error).message}`;
    throw new UsageError(`${named}: ${why}`);
  }
}
