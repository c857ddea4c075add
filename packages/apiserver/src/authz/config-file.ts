import type { UsageError } from '@coxswain/service';
import type { KubeconfigResult } from '@coxswain/client';
import { readConfigFile, type Fields } from '../config-file/fields.ts';
import type { AuthorizationMode, AuthorizerConfig } from './config.ts';
import type { MatchReview, WebhookAuthorizerConfig } from './webhook.ts';

const types: Readonly<Record<Exclude<AuthorizationMode, 'ABAC'>, true>> = { AlwaysAllow: true, AlwaysDeny: true, Node: true, RBAC: true, Webhook: true };
const maxConditions = 64;
const maxTimeoutMs = 30_000;

export interface AuthorizationFileTools {
  readKubeconfig(path: string): Promise<KubeconfigResult>;
  /** Throws an Error that says what is wrong with an expression; the index is that of the condition. */
  compileConditions(expressions: readonly string[], wrong: (index: number, why: string) => UsageError): MatchReview;
}

const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's durations: `1m30s`. Undefined: it is none. */
function parseDurationMs(text: string): number | undefined {
  if (!/^([0-9]*\.?[0-9]+(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/([0-9]*\.?[0-9]+)(ns|us|µs|ms|s|m|h)/g)].reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ''] ?? 0), 0);
}

function duration(fields: Fields, name: string, mostMs = Infinity): number {
  const text = fields.required(name);
  const ms = parseDurationMs(text);
  if (ms === undefined || ms <= 0 || ms > mostMs) throw fields.wrong(name, `Invalid value: ${JSON.stringify(text)}: must be > 0s${mostMs === Infinity ? '' : ` and <= ${mostMs / 1000}s`}`);
  return ms;
}

function oneOf<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T {
  const text = fields.required(name);
  const found = allowed.find((one) => one === text);
  if (found === undefined) throw fields.wrong(name, `Unsupported value: ${JSON.stringify(text)}: supported values: ${allowed.map((one) => JSON.stringify(one)).join(', ')}`);
  return found;
}

function conditions(fields: Fields, tools: AuthorizationFileTools): MatchReview | undefined {
  const all = fields.children('matchConditions');
  const version = fields.text('matchConditionSubjectAccessReviewVersion');
  if (all.length === 0) return undefined;
  if (version !== 'v1') throw fields.wrong('matchConditionSubjectAccessReviewVersion', version === '' ? 'Required value: required if match conditions are specified' : `Unsupported value: ${JSON.stringify(version)}: supported values: "v1"`);
  if (all.length > maxConditions) throw fields.wrong('matchConditions', `Too many: ${all.length}: must have at most ${maxConditions} items`);
  const expressions = all.map((condition) => {
    const expression = condition.required('expression');
    condition.done();
    return expression;
  });
  expressions.forEach((expression, index) => {
    if (expressions.indexOf(expression) !== index) throw (all[index] as Fields).wrong('expression', `Duplicate value: ${JSON.stringify(expression)}`);
  });
  return tools.compileConditions(expressions, (index, why) => (all[index] as Fields).wrong('expression', why));
}

async function webhook(fields: Fields, tools: AuthorizationFileTools): Promise<WebhookAuthorizerConfig> {
  const connection = fields.child('connectionInfo');
  if (connection === undefined) throw fields.wrong('connectionInfo', 'Required value');
  if (oneOf(connection, 'type', ['InClusterConfig', 'KubeConfigFile']) === 'InClusterConfig') throw connection.wrong('type', 'InClusterConfig is not built');
  const path = connection.required('kubeConfigFile');
  if (!path.startsWith('/')) throw connection.wrong('kubeConfigFile', `Invalid value: ${JSON.stringify(path)}: must be an absolute path`);
  connection.done();
  const config = {
    kubeconfig: await tools.readKubeconfig(path), version: oneOf(fields, 'subjectAccessReviewVersion', ['v1', 'v1beta1']), failurePolicy: oneOf(fields, 'failurePolicy', ['NoOpinion', 'Deny']),
    authorizedTtlMs: duration(fields, 'authorizedTTL'), unauthorizedTtlMs: duration(fields, 'unauthorizedTTL'), timeoutMs: duration(fields, 'timeout', maxTimeoutMs), matches: conditions(fields, tools),
  };
  fields.done();
  return config;
}

function nameOf(fields: Fields): string {
  const name = fields.required('name');
  if (name.length > 253 || !name.split('.').every((part) => /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(part))) throw fields.wrong('name', `Invalid value: ${JSON.stringify(name)}: authorizer name is invalid`);
  return name;
}

/** --authorization-config. Throws UsageError. */
export async function parseAuthorizationFile(file: string, text: string, tools: AuthorizationFileTools): Promise<readonly AuthorizerConfig[]> {
  const fields = readConfigFile(file, text, { kind: 'AuthorizationConfiguration', apiVersions: ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`) });
  const out: AuthorizerConfig[] = [];
  for (const one of fields.children('authorizers')) {
    const type = oneOf(one, 'type', Object.keys(types) as (keyof typeof types)[]);
    if (type !== 'Webhook' && out.some((other) => other.type === type)) throw one.wrong('type', `Duplicate value: ${JSON.stringify(type)}`);
    const name = nameOf(one);
    if (out.some((other) => other.name === name)) throw one.wrong('name', `Duplicate value: ${JSON.stringify(name)}`);
    if (type !== 'Webhook' && name !== type.toLowerCase()) throw one.wrong('name', `expected name ${type.toLowerCase()} for authorizer ${type} instead of ${name}`);
    const own = one.child('webhook');
    if (type === 'Webhook' && own === undefined) throw one.wrong('webhook', 'Required value: required when type=Webhook');
    if (type !== 'Webhook' && own !== undefined) throw one.wrong('webhook', 'may only be specified when type=Webhook');
    out.push({ type, name, webhook: own === undefined ? undefined : await webhook(own, tools) });
    one.done();
  }
  if (out.length === 0) throw fields.wrong('authorizers', 'Required value: at least one authorization mode must be defined');
  fields.done();
  return out;
}
