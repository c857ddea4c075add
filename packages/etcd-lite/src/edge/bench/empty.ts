import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { clientTls, type CertificateFiles } from './certificates.ts';
import type { EmptyServerOptions } from './empty-server.ts';
import type { ClientTls } from '@coxswain/host';

const program = fileURLToPath(new URL('empty-server.ts', import.meta.url));

export interface EmptyTarget { readonly endpoint: string; readonly tls: ClientTls | undefined }

/** Runs the empty server as a process, as the real ones are. */
export async function withEmptyServer<T>(options: Omit<EmptyServerOptions, 'tls'>, files: CertificateFiles | undefined, act: (target: EmptyTarget) => Promise<T>): Promise<T> {
  const tls = files === undefined ? {} : { tls: { cert: files.memberCert, key: files.memberKey, ca: files.ca } };
  const child = spawn(process.execPath, [program, JSON.stringify({ ...options, ...tls })], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [port] = await once(child.stdout, 'data') as [Buffer];
    return await act({ endpoint: `${files === undefined ? 'http' : 'https'}://127.0.0.1:${port.toString().trim()}`, tls: files === undefined ? undefined : clientTls(files) });
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}
