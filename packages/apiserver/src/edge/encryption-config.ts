import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UsageError, type FlagValues } from '@coxswain/service';
import type { EncryptionConfig } from '../encryption/encryption.ts';
import { parseEncryptionConfig } from '../encryption/config-file.ts';
import { connectKms } from './kms-client.ts';
import { readFlagFile } from './config-from-flags.ts';

const lookAgainMs = 60_000;

/** Looks when the directory says that something changed (files are often replaced by a link), and once a minute anyway. */
function follow(file: string, first: string): NonNullable<EncryptionConfig['follow']> {
  return (changed, signal) => {
    let known = first;
    let working = Promise.resolve();
    const look = (): void => {
      working = working.then(async () => {
        const text = await readFile(file, 'utf8').catch(() => known);
        if (text === known || signal.aborted) return;
        known = text;
        await changed(file, text);
      });
    };
    const timer = setInterval(look, lookAgainMs).unref();
    const watcher = watch(dirname(file), { persistent: false, signal }, look);
    watcher.on('error', () => watcher.close());
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  };
}

export function encryptionConfig(values: FlagValues): EncryptionConfig | undefined {
  const file = values.string('encryption-provider-config');
  const reload = values.bool('encryption-provider-config-automatic-reload');
  const text = readFlagFile(values, 'encryption-provider-config');
  if (text === undefined) {
    if (reload) throw new UsageError('--encryption-provider-config-automatic-reload must be set with --encryption-provider-config');
    return undefined;
  }
  return { resources: parseEncryptionConfig(file, text), connectKms, follow: reload ? follow(file, text) : undefined };
}

