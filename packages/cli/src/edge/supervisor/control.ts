import { createHash } from 'node:crypto';
import * as http from 'node:http';
import { UsageError } from '@coxswain/service';
import type { ComponentSpec, ComponentStatus } from '../../component.ts';
import { nobodyThere } from './keeper.ts';

export const runFolder = '/run/coxswain';

/** Under /run, since a socket's path has at most 107 bytes; one for each data directory. */
export function supervisorSocket(data: string): string {
  return `${runFolder}/supervisor-${createHash('sha256').update(data).digest('hex').slice(0, 12)}.sock`;
}

function call(data: string, method: string, path: string, body?: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: supervisorSocket(data), method, path }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`supervisor: ${text}`));
      });
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

export async function supervisorAlive(data: string): Promise<boolean> {
  try {
    await supervisorStatus(data);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (nobodyThere.includes(code)) return false;
    if (code === 'EACCES') throw new UsageError('the cluster belongs to root: run it with sudo');
    throw error;
  }
}

export async function supervisorStatus(data: string): Promise<readonly ComponentStatus[]> {
  return (await call(data, 'GET', '/status')) as ComponentStatus[];
}

export async function ensureComponents(data: string, specs: readonly ComponentSpec[]): Promise<void> {
  await call(data, 'PUT', '/components', specs);
}

export async function stopComponents(data: string, names: readonly string[]): Promise<void> {
  await call(data, 'POST', '/stop', names);
}

export async function endSupervisor(data: string): Promise<void> {
  await call(data, 'POST', '/exit');
}
