import type { FlagSet } from '@coxswain/service';

export const encryptionFlags: FlagSet = {
  'encryption-provider-config': { kind: 'string', default: '', help: 'File with the EncryptionConfiguration: how values of which resources are encrypted in the store.' },
  'encryption-provider-config-automatic-reload': { kind: 'bool', default: false, help: 'Use the file of --encryption-provider-config again when it changes.' },
};
