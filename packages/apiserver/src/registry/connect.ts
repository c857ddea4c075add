import type { Json, JsonObject } from '@coxswain/api';
import { queryFlag } from '../node-proxy/query-flag.ts';
import { attributes, type Operation } from './context.ts';

type Read = (query: URLSearchParams, name: string) => Json | undefined;

const flag: Read = (query, name) => (queryFlag(query, name) ? true : undefined);
const one: Read = (query, name) => query.get(name) || undefined;
const many: Read = (query, name) => (query.has(name) ? query.getAll(name) : undefined);
const numbers: Read = (query, name) => (query.has(name) ? query.getAll(name).flatMap((text) => text.split(',')).map(Number) : undefined);

interface ConnectOptions {
  readonly kind: string;
  readonly fields: Readonly<Record<string, Read>>;
}

const streams = { stdin: flag, stdout: flag, stderr: flag, tty: flag, container: one };

/** What admission is shown of requests that connect. */
const connects: Readonly<Record<string, ConnectOptions>> = {
  'pods/exec': { kind: 'PodExecOptions', fields: { ...streams, command: many } },
  'pods/attach': { kind: 'PodAttachOptions', fields: streams },
  'pods/portforward': { kind: 'PodPortForwardOptions', fields: { ports: numbers } },
  'pods/proxy': { kind: 'PodProxyOptions', fields: { path: one } },
  'services/proxy': { kind: 'ServiceProxyOptions', fields: { path: one } },
  'nodes/proxy': { kind: 'NodeProxyOptions', fields: { path: one } },
};

function optionsOf({ kind, fields }: ConnectOptions, { info }: Operation): JsonObject {
  const object: JsonObject = { kind, apiVersion: 'v1' };
  for (const [name, read] of Object.entries(fields)) {
    const value = name === 'path' ? `/${info.parts.slice(3).join('/')}` : read(info.query, name);
    if (value !== undefined && value !== '/') object[name] = value;
  }
  return object;
}

/** Before a connection is made. Other subresources with handlers of their own (pods/log) only read. */
export async function admitConnect(operation: Operation): Promise<void> {
  const { info, context, kind } = operation;
  const options = kind.api.group === '' ? connects[`${info.resource}/${info.subresource}`] : undefined;
  if (options === undefined) return;
  const object = optionsOf(options, operation);
  const input = attributes(operation, { operation: 'CONNECT', name: info.name, object, oldObject: undefined, dryRun: false, options: {}, objectKind: { group: '', version: 'v1', kind: options.kind } });
  await context.admission.admit(input);
  await context.admission.validate(input);
}
