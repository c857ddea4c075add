import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UsageError, type FlagValues } from '@coxswain/service';
import { parseAdmissionFile } from '../admission/config-file.ts';
import type { AdmissionFile } from '../admission/config.ts';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--admission-control-config-file: cannot read ${path}: ${(error as Error).message}`);
  }
}

/** Paths in the file are relative to it. */
export function admissionFile(flags: FlagValues): AdmissionFile | undefined {
  const path = flags.string('admission-control-config-file');
  return path === '' ? undefined : parseAdmissionFile(path, read(path), (named) => read(resolve(dirname(path), named)));
}
