import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { JsonObject } from '@coxswain/api';
import { utf8 } from '@coxswain/host';
import { UsageError } from '@coxswain/service';
import { parse } from 'yaml';
import { credentialsFor, type FindCredentials, type WebhookCredentials } from '../callouts/credentials.ts';
import { Fields } from '../config-file/fields.ts';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

/** Inline or in a file beside the kubeconfig. */
function pem(user: Fields, name: string, directory: string): string | undefined {
  const inline = user.text(`${name}-data`);
  const path = user.text(name);
  if (inline !== '') return Buffer.from(inline, 'base64').toString('utf8');
  return path === '' ? undefined : read(resolve(directory, path));
}

/** Sent as `Impersonate-*`. */
function impersonation(user: Fields): Readonly<Record<string, string>> {
  const name = user.text('as');
  if (user.texts('as-groups').length > 0 || user.has('as-user-extra')) throw user.wrong('as-groups', 'impersonation of groups and extra is not built');
  const uid = user.text('as-uid');
  return name === '' ? {} : { 'impersonate-user': name, ...(uid === '' ? {} : { 'impersonate-uid': uid }) };
}

function credentialsOf(user: Fields, directory: string): WebhookCredentials {
  for (const name of ['exec', 'auth-provider']) if (user.has(name)) throw user.wrong(name, 'is not built for webhooks; use a certificate, a token, a tokenFile or a username and password');
  const [certPem, keyPem] = [pem(user, 'client-certificate', directory), pem(user, 'client-key', directory)];
  if ((certPem === undefined) !== (keyPem === undefined)) throw user.wrong('client-certificate', 'client-certificate and client-key go together');
  const [token, tokenFile, username, password] = [user.text('token'), user.text('tokenFile'), user.text('username'), user.text('password')];
  const always = impersonation(user);
  user.done();
  const authorization = async (): Promise<string | undefined> => {
    if (tokenFile !== '') return `Bearer ${(await readFile(resolve(directory, tokenFile), 'utf8')).trim()}`;
    if (token !== '') return `Bearer ${token}`;
    return username === '' && password === '' ? undefined : `Basic ${utf8(`${username}:${password}`).toBase64()}`;
  };
  return {
    certPem, keyPem,
    async headers() {
      const value = await authorization();
      return value === undefined ? always : { ...always, authorization: value };
    },
  };
}

/** The kubeconfig of a WebhookAdmissionConfiguration: its users are named after those who are called. `named`: what names the file. */
export function readWebhookCredentials(named: string, path: string): FindCredentials {
  try {
    const file = new Fields(path, '', (parse(read(path)) ?? {}) as JsonObject);
    const users = new Map<string, WebhookCredentials>();
    for (const entry of file.children('users')) users.set(entry.required('name'), credentialsOf(entry.child('user') ?? new Fields(path, 'users', {}), dirname(path)));
    const context = file.children('contexts').find((one) => one.text('name') === file.text('current-context'));
    const current = context?.child('context')?.text('user');
    return (target) => credentialsFor(users, current, target);
  } catch (error) {
    throw new UsageError(`${named}: ${(error as Error).message.split('\n')[0] ?? ''}`);
  }
}
