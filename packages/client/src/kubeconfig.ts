import { fromUtf8, type ClientTls } from '@coxswain/host';
import { parse } from 'yaml';

export interface KubeconfigResult {
  readonly server: string;
  readonly tls: ClientTls;
  readonly bearerToken?: string | (() => Promise<string>);
  /** Of the context; `default` where it names none. */
  readonly namespace: string;
}

/** One clear line for whoever wrote the file. */
export class KubeconfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'KubeconfigError';
  }
}

type ReadFile = (path: string) => Promise<Uint8Array>;

/** `users[].user.exec`: a program that prints an ExecCredential. */
export interface ExecConfig {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly installHint: string;
  /** Given to the program if it asked for it. */
  readonly cluster: { readonly server: string; readonly caPem: string | undefined } | undefined;
}

export interface ExecCredential {
  readonly token?: string | undefined;
  readonly certPem?: string | undefined;
  readonly keyPem?: string | undefined;
}

/** Runs the program, or answers what it printed before while that is good. */
export type RunExec = (config: ExecConfig) => Promise<ExecCredential>;
type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Fields : {};
}

function text(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function entry(config: Fields, list: string, kind: string, name: string): Fields {
  const items: unknown = config[list];
  const found = (Array.isArray(items) ? items : []).map(fieldsOf).find((item) => item['name'] === name);
  if (found === undefined) throw new KubeconfigError(`kubeconfig: no ${kind} named ${JSON.stringify(name)}`);
  return fieldsOf(found[kind]);
}

async function dataOrFile(fields: Fields, name: string, readFile: ReadFile): Promise<string | undefined> {
  const data = text(fields, `${name}-data`);
  if (data !== undefined) return fromUtf8(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
  const path = text(fields, name);
  return path === undefined ? undefined : fromUtf8(await readFile(path));
}

function bearerTokenOf(user: Fields, readFile: ReadFile): string | (() => Promise<string>) | undefined {
  const token = text(user, 'token');
  if (token !== undefined) return token;
  const path = text(user, 'tokenFile');
  // Read for every request, since bound tokens are rotated in place.
  return path === undefined ? undefined : async () => fromUtf8(await readFile(path)).trim();
}

function parseYaml(yaml: string): Fields {
  try {
    return fieldsOf(parse(yaml));
  } catch (error) {
    throw new KubeconfigError(`kubeconfig: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
  }
}

function execOf(user: Fields, server: string, caPem: string | undefined): ExecConfig | undefined {
  if (user['exec'] === undefined) return undefined;
  const exec = fieldsOf(user['exec']);
  const apiVersion = text(exec, 'apiVersion') ?? '';
  const command = text(exec, 'command');
  if (command === undefined) throw new KubeconfigError('kubeconfig: exec.command is not set');
  if (apiVersion !== 'client.authentication.k8s.io/v1' && apiVersion !== 'client.authentication.k8s.io/v1beta1') {
    throw new KubeconfigError(`kubeconfig: exec.apiVersion ${JSON.stringify(apiVersion)} is neither client.authentication.k8s.io/v1 nor v1beta1`);
  }
  if (exec['interactiveMode'] === 'Always') throw new KubeconfigError('kubeconfig: exec.interactiveMode Always cannot be had: there is no terminal');
  const list = (name: string): readonly unknown[] => (Array.isArray(exec[name]) ? exec[name] : []);
  return {
    apiVersion, command, args: list('args').map(String), installHint: text(exec, 'installHint') ?? '',
    env: list('env').map(fieldsOf).map((one) => ({ name: text(one, 'name') ?? '', value: text(one, 'value') ?? '' })),
    cluster: exec['provideClusterInfo'] === true ? { server, caPem } : undefined,
  };
}

/** A certificate is taken as it is at the start, a token is asked for anew. */
async function execCredentials(exec: ExecConfig | undefined, runExec: RunExec | undefined): Promise<{ readonly tls: ClientTls; readonly bearerToken?: () => Promise<string> }> {
  if (exec === undefined || runExec === undefined) return { tls: {} };
  const first = await runExec(exec);
  const tls = first.certPem === undefined || first.keyPem === undefined ? {} : { certPem: first.certPem, keyPem: first.keyPem };
  return first.token === undefined ? { tls } : { tls, bearerToken: async () => (await runExec(exec)).token ?? '' };
}

/** Reads the current context. Without `runExec` a user with `exec` is refused. Paths in it are passed to `readFile` as they are written; relative ones are the caller's to resolve. */
export async function parseKubeconfig(yaml: string, readFile: ReadFile, runExec?: RunExec): Promise<KubeconfigResult> {
  const config = parseYaml(yaml);
  const current = text(config, 'current-context');
  if (current === undefined) throw new KubeconfigError('kubeconfig: current-context is not set');
  const context = entry(config, 'contexts', 'context', current);
  const cluster = entry(config, 'clusters', 'cluster', text(context, 'cluster') ?? '');
  const userName = text(context, 'user');
  const user = userName === undefined ? {} : entry(config, 'users', 'user', userName);
  for (const field of [...(runExec === undefined ? ['exec'] : []), 'auth-provider', 'username']) {
    if (user[field] !== undefined) throw new KubeconfigError(`kubeconfig: user field ${field} is not supported; use a client certificate or a token`);
  }
  const server = text(cluster, 'server');
  if (server === undefined) throw new KubeconfigError(`kubeconfig: cluster of context ${JSON.stringify(current)} has no server`);
  const caPem = await dataOrFile(cluster, 'certificate-authority', readFile);
  const certPem = await dataOrFile(user, 'client-certificate', readFile);
  const keyPem = await dataOrFile(user, 'client-key', readFile);
  const serverName = text(cluster, 'tls-server-name');
  const fromExec = await execCredentials(execOf(user, server, caPem), runExec);
  const bearerToken = bearerTokenOf(user, readFile) ?? fromExec.bearerToken;
  return {
    server, namespace: text(context, 'namespace') ?? 'default',
    ...(bearerToken === undefined ? {} : { bearerToken }),
    tls: {
      ...fromExec.tls,
      ...(caPem === undefined ? {} : { caPem }), ...(certPem === undefined ? {} : { certPem }), ...(keyPem === undefined ? {} : { keyPem }),
      ...(serverName === undefined ? {} : { serverName }), ...(cluster['insecure-skip-tls-verify'] === true ? { insecureSkipVerify: true } : {}),
    },
  };
}

const serviceAccountRoot = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The configuration that every pod has: the `kubernetes` Service and the mounted service account. */
export async function inClusterConfig(environment: Readonly<Record<string, string | undefined>>, readFile: ReadFile): Promise<KubeconfigResult> {
  const address = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'];
  if (address === undefined || port === undefined) throw new KubeconfigError('no --kubeconfig was given, and this is no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set)');
  const read = async (name: string): Promise<string> => fromUtf8(await readFile(`${serviceAccountRoot}/${name}`)).trim();
  return {
    server: `https://${address.includes(':') ? `[${address}]` : address}:${port}`, namespace: await read('namespace'),
    tls: { caPem: await read('ca.crt') }, bearerToken: () => read('token'),
  };
}
