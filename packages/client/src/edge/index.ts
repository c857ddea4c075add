import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import process from 'node:process';
import { execRunner } from './exec-credential.ts';
import { inClusterConfig, parseKubeconfig, type KubeconfigResult } from '../kubeconfig.ts';

/** Relative paths inside the file are relative to it, as kubectl reads them. */
export async function loadKubeconfig(path: string): Promise<KubeconfigResult> {
  return await parseKubeconfig(await readFile(path, 'utf8'), (file) => readFile(isAbsolute(file) ? file : join(dirname(path), file)), execRunner(dirname(path)));
}

export function loadInClusterConfig(): Promise<KubeconfigResult> {
  return inClusterConfig(process.env, (path) => readFile(path));
}
