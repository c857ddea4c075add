import { UsageError, type FlagValues } from '@coxswain/service';
import type { EncryptionConfig } from '../encryption/encryption.ts';
import { parseEncryptionConfig } from '../encryption/config-file.ts';
import { followedFile } from './follow-file.ts';
import { connectKms } from './kms-client.ts';
import { readFlagFile } from './config-from-flags.ts';

export function encryptionConfig(values: FlagValues): EncryptionConfig | undefined {
  const file = values.string('encryption-provider-config');
  const reload = values.bool('encryption-provider-config-automatic-reload');
  const text = readFlagFile(values, 'encryption-provider-config');
  if (text === undefined) {
    if (reload) throw new UsageError('--encryption-provider-config-automatic-reload must be set with --encryption-provider-config');
    return undefined;
  }
  return { resources: parseEncryptionConfig(file, text), connectKms, reload: reload ? { ...followedFile(file, text), parse: (next) => parseEncryptionConfig(file, next) } : undefined };
}

