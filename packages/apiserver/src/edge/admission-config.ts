import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UsageError, type FlagValues } from '@coxswain/service';
import { parseAdmissionFile } from '../admission/config-file.ts';
import type { AdmissionFile, WebhookAccess } from '../admission/config.ts';
import { readWebhookCredentials } from './webhook-credentials.ts';
import { readKubeconfigFile } from './kubeconfig-file.ts';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--admission-control-config-file: cannot read ${path}: ${(error as Error).message}`);
  }
}

function withWebhookCredentials(path: string, file: AdmissionFile): AdmissionFile {
  const found = (access: WebhookAccess | undefined): WebhookAccess | undefined => access && { ...access, credentials: readWebhookCredentials(`${path}: kubeConfigFile`, access.kubeConfigFile) };
  const [mutating, validating] = [found(file.webhooks?.mutating), found(file.webhooks?.validating)];
  return { ...file, webhooks: { ...(mutating && { mutating }), ...(validating && { validating }) } };
}

/** Paths in the file are relative to it. */
export async function admissionFile(flags: FlagValues): Promise<AdmissionFile | undefined> {
  const path = flags.string('admission-control-config-file');
  if (path === '') return undefined;
  const file = withWebhookCredentials(path, parseAdmissionFile(path, read(path), (named) => read(resolve(dirname(path), named))));
  if (file.imagePolicy === undefined) return file;
  const kubeconfig = await readKubeconfigFile(`${path}: imagePolicy.kubeConfigFile`, resolve(dirname(path), file.imagePolicy.kubeConfigFile));
  return { ...file, imagePolicy: { ...file.imagePolicy, kubeconfig } };
}
