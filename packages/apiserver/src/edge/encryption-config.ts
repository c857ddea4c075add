import { UsageError, type FlagValues } from '@coxswain/service';
import type { EncryptionConfig } from '../encryption/encryption.ts';
import { parseEncryptionConfig } from '../encryption/config-file.ts';
import { followedFile } from './follow-file.ts';
import { checkFeatureGates } from '../serving/feature-gates.ts';
import { connectKms, connectKmsV1 } from './kms-client.ts';
import { readFlagFile } from './config-from-flags.ts';

export function encryptionConfig(values: FlagValues): EncryptionConfig | undefined {
  const file = values.string('encryption-provider-config');
  const reload = values.bool('encryption-provider-config-automatic-reload');
  const text = readFlagFile(values, 'encryption-provider-config');
  if (text === undefined) {
    if (reload) throw new UsageError('--encryption-provider-config-automatic-reload must be set with --encryption-provider-config');
    return undefined;
  }
  const gates = { kmsV1: checkFeatureGates(values.map('feature-gates')).get('KMSv1') === true };
  return { resources: parseEncryptionConfig(file, text, gates), connectKms, connectKmsV1, reload: reload ? { ...followedFile(file, text), parse: (next) => parseEncryptionConfig(file, next, gates) } : undefined };
}

