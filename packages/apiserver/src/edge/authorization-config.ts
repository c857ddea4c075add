import { readFileSync } from 'node:fs';
import { UsageError, type FlagValues } from '@coxswain/service';
import { parseAbacPolicies } from '../authz/abac.ts';
import { parseAuthorizationFile } from '../authz/config-file.ts';
import type { AuthorizationMode, AuthorizerConfig } from '../authz/config.ts';
import { compileReviewConditions } from '../authz/review-conditions.ts';
import type { PartsConfig } from '../parts.ts';
import { followedFile } from './follow-file.ts';
import { readKubeconfigFile } from './kubeconfig-file.ts';

const modes: Readonly<Record<AuthorizationMode, true>> = { Node: true, RBAC: true, ABAC: true, Webhook: true, AlwaysAllow: true, AlwaysDeny: true };
const webhookTimeoutMs = 30_000;

function read(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--${flag}: cannot read ${path}: ${(error as Error).message}`);
  }
}

async function webhookOf(flags: FlagValues): Promise<AuthorizerConfig['webhook']> {
  const flag = 'authorization-webhook-config-file';
  const path = flags.string(flag);
  if (path === '') throw new UsageError(`--${flag} is required for the mode Webhook`);
  const version = flags.string('authorization-webhook-version');
  if (version !== 'v1' && version !== 'v1beta1') throw new UsageError(`--authorization-webhook-version: ${JSON.stringify(version)} is not one of v1, v1beta1`);
  return {
    kubeconfig: await readKubeconfigFile(`--${flag}`, path), version, failurePolicy: 'NoOpinion', timeoutMs: webhookTimeoutMs,
    authorizedTtlMs: flags.durationMs('authorization-webhook-cache-authorized-ttl'), unauthorizedTtlMs: flags.durationMs('authorization-webhook-cache-unauthorized-ttl'),
  };
}

function policiesOf(flags: FlagValues): AuthorizerConfig['policies'] {
  const path = flags.string('authorization-policy-file');
  if (path === '') throw new UsageError('--authorization-policy-file is required for the mode ABAC');
  return parseAbacPolicies(path, read('authorization-policy-file', path));
}

async function authorizer(flags: FlagValues, type: string): Promise<AuthorizerConfig> {
  if (!Object.hasOwn(modes, type)) throw new UsageError(`--authorization-mode: ${JSON.stringify(type)} is not one of ${Object.keys(modes).join(', ')}`);
  return {
    type: type as AuthorizationMode, name: type.toLowerCase(), webhook: type === 'Webhook' ? await webhookOf(flags) : undefined, policies: type === 'ABAC' ? policiesOf(flags) : undefined,
  };
}

function refuseUnused(flags: FlagValues, given: readonly string[]): void {
  const needs: readonly (readonly [flag: string, mode: string])[] = [['authorization-policy-file', 'ABAC'], ['authorization-webhook-config-file', 'Webhook']];
  const unused = needs.find(([flag, mode]) => flags.string(flag) !== '' && !given.includes(mode));
  if (unused !== undefined) throw new UsageError(`--${unused[0]} is for the mode ${unused[1]}, which --authorization-mode does not name`);
}

/** The chain, from a file or from flags. */
export async function authorizationConfig(flags: FlagValues): Promise<Pick<PartsConfig, 'authorizers' | 'live'>> {
  const path = flags.string('authorization-config');
  if (path !== '') {
    const other = ['authorization-mode', 'authorization-webhook-config-file', 'authorization-webhook-version', 'authorization-webhook-cache-authorized-ttl', 'authorization-webhook-cache-unauthorized-ttl'].find((flag) => flags.isSet(flag));
    if (other !== undefined) throw new UsageError(`--authorization-config and --${other} cannot be given together`);
    const text = read('authorization-config', path);
    const parse = (next: string): Promise<readonly AuthorizerConfig[]> => parseAuthorizationFile(path, next, { readKubeconfig: (file) => readKubeconfigFile(path, file), compileConditions: compileReviewConditions });
    return { authorizers: await parse(text), live: { authorization: { ...followedFile(path, text), parse } } };
  }
  const given = flags.strings('authorization-mode');
  refuseUnused(flags, given);
  const twice = given.find((mode, index) => given.indexOf(mode) !== index);
  if (twice !== undefined) throw new UsageError(`--authorization-mode: ${twice} is given twice`);
  return { authorizers: await Promise.all((given.length === 0 ? ['AlwaysAllow'] : given).map((type) => authorizer(flags, type))) };
}
