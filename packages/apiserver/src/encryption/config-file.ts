import { readConfigFile, type Fields } from '../config-file/fields.ts';

export interface NamedKey {
  readonly name: string;
  readonly secret: Uint8Array;
}

export type ProviderConfig =
  | { readonly kind: 'aescbc' | 'aesgcm' | 'secretbox'; readonly keys: readonly NamedKey[] }
  | { readonly kind: 'kms'; readonly name: string; readonly endpoint: string; readonly timeoutMs: number }
  /** `cacheSize`: keys that are remembered. */
  | { readonly kind: 'kms-v1'; readonly name: string; readonly endpoint: string; readonly timeoutMs: number; readonly cacheSize: number }
  | { readonly kind: 'identity' };

/** The first provider writes what lies under these resources, all read it. */
export interface ResourceEncryption {
  /** `secrets`, `deployments.apps`, `*.apps`, `*.` (the core group), `*.*`. */
  readonly resources: readonly string[];
  readonly providers: readonly ProviderConfig[];
}

const aesSizes = [16, 24, 32];
const keySizes: Readonly<Record<'aescbc' | 'aesgcm' | 'secretbox', readonly number[]>> = { aescbc: aesSizes, aesgcm: aesSizes, secretbox: [32] };
const defaultTimeoutMs = 3000;
const defaultCacheSize = 1000;
const withoutApi = new Set(['apiserveripinfo', 'serviceipallocations', 'servicenodeportallocations']);

function secretOf(fields: Fields, sizes: readonly number[]): Uint8Array {
  const text = fields.required('secret');
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) throw fields.wrong('secret', 'Invalid value: "REDACTED": secrets must be base64 encoded');
  const secret = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  if (!sizes.includes(secret.length)) throw fields.wrong('secret', `Invalid value: "REDACTED": secret is not of the expected length, got ${secret.length}, expected one of [${sizes.join(' ')}]`);
  return secret;
}

function keysOf(fields: Fields, sizes: readonly number[]): readonly NamedKey[] {
  const keys = fields.children('keys').map((key) => {
    const named = { name: key.required('name'), secret: secretOf(key, sizes) };
    key.done();
    return named;
  });
  if (keys.length === 0) throw fields.wrong('keys', 'Required value: at least one keys is required');
  fields.done();
  return keys;
}

/** Go's durations, as far as timeouts are written. */
function durationMs(fields: Fields, name: string, given: number): number {
  const text = fields.text(name);
  if (text === '') return given;
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const total = parts.reduce((sum, part) => sum + Number(part[1]) * (units[part[2] as string] as number), 0);
  if (parts.map((part) => part[0]).join('') !== text || total <= 0) throw fields.wrong(name, `Invalid value: ${JSON.stringify(text)}: timeout should be a positive value`);
  return total;
}

function kmsOf(fields: Fields, names: Set<string>, kmsV1: boolean): ProviderConfig {
  const name = fields.required('name');
  if (name.includes(':')) throw fields.wrong('name', `Invalid value: ${JSON.stringify(name)}: invalid KMS provider name ${name}, must not contain ':'`);
  if (names.has(name)) throw fields.wrong('name', `Invalid value: ${JSON.stringify(name)}: duplicate KMS provider name ${name}, names must be unique`);
  names.add(name);
  const version = fields.text('apiVersion', 'v1');
  if (version !== 'v1' && version !== 'v2') throw fields.wrong('apiVersion', `Invalid value: ${JSON.stringify(version)}: unsupported apiVersion ${version} for KMS provider, only v1 and v2 are supported`);
  if (version === 'v1' && !kmsV1) throw fields.wrong('apiVersion', 'KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead.  Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature.');
  const cacheSize = fields.number('cachesize');
  if (version === 'v2' && cacheSize !== undefined) throw fields.wrong('cachesize', 'cachesize is not supported in v2');
  if (cacheSize === 0) throw fields.wrong('cachesize', 'Invalid value: 0: cachesize should be a non-zero value');
  const endpoint = fields.required('endpoint');
  if (!/^unix:\/\/(?:\/|@)./.test(endpoint)) throw fields.wrong('endpoint', `Invalid value: ${JSON.stringify(endpoint)}: unsupported scheme for remote KMS provider, must be unix:///PATH`);
  const where = { name, endpoint, timeoutMs: durationMs(fields, 'timeout', defaultTimeoutMs) };
  fields.done();
  return version === 'v2' ? { kind: 'kms', ...where } : { kind: 'kms-v1', ...where, cacheSize: cacheSize ?? defaultCacheSize };
}

function providerOf(fields: Fields, names: Set<string>, kmsV1: boolean): ProviderConfig {
  const kinds = (['kms', 'aesgcm', 'aescbc', 'secretbox', 'identity'] as const).filter((kind) => fields.child(kind) !== undefined);
  const [kind] = kinds;
  if (kind === undefined) throw fields.wrong('', 'provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity');
  if (kinds.length > 1) throw fields.wrong('', 'more than one provider specified in a single element, should split into different list elements');
  fields.done();
  const own = fields.child(kind) as Fields;
  if (kind === 'kms') return kmsOf(own, names, kmsV1);
  if (kind !== 'identity') return { kind, keys: keysOf(own, keySizes[kind]) };
  own.done();
  return { kind };
}

function split(resource: string): { readonly name: string; readonly group: string } {
  const dot = resource.indexOf('.');
  return dot < 0 ? { name: resource, group: '' } : { name: resource.slice(0, dot), group: resource.slice(dot + 1) };
}

function resourceProblem(resource: string): string | undefined {
  const { name, group } = split(resource);
  if (/[A-Z]/.test(resource)) return 'resource name should not contain capital letters';
  if (resource === '*') return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources";
  if (withoutApi.has(resource)) return 'resources which do not have REST API/s cannot be encrypted';
  if (group === 'events.k8s.io') return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file";
  if (group === 'extensions') return "'extensions' group has been removed and cannot be used for encryption";
  if (group === '*' && name !== '*') return 'encrypting the same resource across groups is not supported';
  return undefined;
}

function overlaps(resources: readonly string[]): boolean {
  return resources.some((one, index) => resources.some((other, at) => at !== index && (one === '*.*' || (split(one).group === split(other).group && one !== other && (split(one).name === '*' || split(other).name === '*')))));
}

function resourcesOf(fields: Fields): readonly string[] {
  const resources = fields.texts('resources');
  if (resources.length === 0) throw fields.wrong('resources', 'Required value: at least one resource is required');
  if (new Set(resources).size < resources.length) throw fields.wrong('resources', 'the same resource cannot be specified multiple times');
  if (overlaps(resources)) throw fields.wrong('resources', "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked");
  resources.forEach((resource, index) => {
    const problem = resourceProblem(resource);
    if (problem !== undefined) throw fields.wrong(`resources[${index}]`, `Invalid value: ${JSON.stringify(resource)}: ${problem}`);
  });
  return resources;
}

/** What an entry of a list stands for: `secrets`, `*.apps`, `*.`, `*.*` as written, the core group without its dot. */
function checkMasked(fields: Fields, resources: readonly string[], before: ReadonlySet<string>): void {
  for (const resource of resources) {
    const mask = [`*.${split(resource).group}`, '*.*'].find((one) => before.has(one));
    if (mask !== undefined) throw fields.wrong('resources', `resource ${JSON.stringify(resource)} is masked by earlier rule ${JSON.stringify(mask)}`);
  }
}

/** --encryption-provider-config. Throws UsageError; no secret is in its text. */
export function parseEncryptionConfig(file: string, text: string, { kmsV1 = false }: { readonly kmsV1?: boolean } = {}): readonly ResourceEncryption[] {
  const fields = readConfigFile(file, text, { kind: 'EncryptionConfiguration', apiVersions: ['apiserver.config.k8s.io/v1'] });
  const names = new Set<string>();
  const before = new Set<string>();
  const entries = fields.children('resources').map((entry) => {
    const resources = resourcesOf(entry);
    checkMasked(entry, resources, before);
    for (const resource of resources) before.add(resource);
    const providers = entry.children('providers').map((provider) => providerOf(provider, names, kmsV1));
    if (providers.length === 0) throw entry.wrong('providers', 'Required value: at least one provider is required');
    entry.done();
    return { resources, providers };
  });
  if (entries.length === 0) throw fields.wrong('resources', 'Required value: at least one resources is required');
  fields.done();
  return entries;
}
