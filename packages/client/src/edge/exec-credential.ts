import { execFile } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { KubeconfigError, type ExecConfig, type ExecCredential, type RunExec } from '../kubeconfig.ts';

interface Held {
  readonly credential: ExecCredential;
  readonly expiresMs: number;
}

const outputLimitBytes = 1024 * 1024;
const timeLimitMs = 60_000;

function execInfo({ apiVersion, cluster }: ExecConfig): string {
  const spec = {
    interactive: false,
    ...(cluster === undefined ? {} : { cluster: { server: cluster.server, ...(cluster.caPem === undefined ? {} : { 'certificate-authority-data': Buffer.from(cluster.caPem).toString('base64') }) } }),
  };
  return JSON.stringify({ kind: 'ExecCredential', apiVersion, spec });
}

function run(config: ExecConfig, directory: string): Promise<string> {
  const file = config.command.includes('/') && !config.command.startsWith('/') ? join(directory, config.command) : config.command;
  const env = { ...process.env, ...Object.fromEntries(config.env.map(({ name, value }) => [name, value])), KUBERNETES_EXEC_INFO: execInfo(config) };
  return new Promise((resolve, reject) => {
    execFile(file, config.args, { env, maxBuffer: outputLimitBytes, timeout: timeLimitMs, encoding: 'utf8' }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(new KubeconfigError(`kubeconfig: exec: ${config.command}: ${error.message.split('\n')[0]}${config.installHint === '' ? '' : `: ${config.installHint}`}`));
    });
  });
}

function stringField(fields: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function credentialOf(config: ExecConfig, output: string): Held {
  let value: { apiVersion?: unknown; kind?: unknown; status?: Readonly<Record<string, unknown>> } | null;
  try {
    value = JSON.parse(output) as typeof value;
  } catch (error) {
    throw new KubeconfigError(`kubeconfig: exec: ${config.command} printed no JSON: ${(error as Error).message}`);
  }
  if (value?.kind !== 'ExecCredential' || value.apiVersion !== config.apiVersion) throw new KubeconfigError(`kubeconfig: exec: ${config.command} printed no ExecCredential of ${config.apiVersion}`);
  const { status } = value;
  if (status === undefined) throw new KubeconfigError(`kubeconfig: exec: ${config.command} printed no status`);
  const credential = { token: stringField(status, 'token'), certPem: stringField(status, 'clientCertificateData'), keyPem: stringField(status, 'clientKeyData') };
  if (credential.token === undefined && credential.certPem === undefined) throw new KubeconfigError(`kubeconfig: exec: ${config.command} printed neither a token nor a certificate`);
  const expires = Date.parse(stringField(status, 'expirationTimestamp') ?? '');
  return { credential, expiresMs: Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires };
}

/** Programs are found in the PATH, or from the directory of the kubeconfig. What one printed is good until it says; it runs once at a time. */
export function execRunner(directory: string): RunExec {
  let held: Held | undefined;
  let running: Promise<Held> | undefined;
  return async (config) => {
    if (held !== undefined && Date.now() < held.expiresMs) return held.credential;
    running ??= run(config, directory).then((output) => credentialOf(config, output)).finally(() => { running = undefined; });
    held = await running;
    return held.credential;
  };
}
