import { parse } from 'yaml';
import type { JsonObject } from '@coxswain/api';
import type { Toleration } from 'kubernetes-types/core/v1';
import { Fields, readConfigFile } from '../config-file/fields.ts';
import { defaultAdmissionFile, type AdmissionFile, type WebhookAccess } from './config.ts';
import { defaultLimitCacheSize, type EventLimit, type LimitType } from './event-rate-limit.ts';
import { levelProblem, modes, parseLevel, parseVersion, versionProblem, type LevelVersion, type Mode, type Policy } from './pod-security/levels.ts';
import type { ImagePolicyConfig } from './image-policy.ts';
import type { PodSecurityConfig } from './pod-security/config.ts';
import { parseLabelList, type TolerationConfig } from './pod-placement.ts';
import type { LimitedResource } from './resource-quota.ts';

function checkKind(fields: Fields, kind: string, apiVersions: readonly string[]): void {
  if (fields.text('kind') !== kind) throw fields.wrong('kind', `must be ${kind}`);
  if (!apiVersions.includes(fields.text('apiVersion'))) throw fields.wrong('apiVersion', `must be ${apiVersions.join(' or ')}`);
}

function levelVersion(defaults: Fields | undefined, mode: Mode): LevelVersion {
  const level = parseLevel(defaults?.text(mode, 'privileged') ?? 'privileged');
  const minor = parseVersion(defaults?.text(`${mode}-version`, 'latest') ?? 'latest');
  if (level === undefined) throw (defaults as Fields).wrong(mode, levelProblem);
  if (minor === undefined) throw (defaults as Fields).wrong(`${mode}-version`, versionProblem);
  return { level, minor };
}

function distinct(fields: Fields | undefined, name: string, valid: (text: string) => boolean): readonly string[] {
  const all = fields?.texts(name) ?? [];
  all.forEach((text, index) => {
    if (!valid(text)) throw (fields as Fields).wrong(`${name}[${index}]`, `Invalid value: ${JSON.stringify(text)}`);
    if (all.indexOf(text) !== index) throw (fields as Fields).wrong(`${name}[${index}]`, `Duplicate value: ${JSON.stringify(text)}`);
  });
  return all;
}

function podSecurity(fields: Fields): PodSecurityConfig {
  checkKind(fields, 'PodSecurityConfiguration', ['v1', 'v1beta1', 'v1alpha1'].map((version) => `pod-security.admission.config.k8s.io/${version}`));
  const defaults = fields.child('defaults');
  const policy = Object.fromEntries(modes.map((mode) => [mode, levelVersion(defaults, mode)])) as unknown as Policy;
  defaults?.done();
  const exempt = fields.child('exemptions');
  const label = (text: string): boolean => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
  const exemptions = {
    usernames: distinct(exempt, 'usernames', (text) => text !== ''), namespaces: distinct(exempt, 'namespaces', label),
    runtimeClasses: distinct(exempt, 'runtimeClasses', (text) => text.length <= 253 && text.split('.').every((part) => /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(part))),
  };
  exempt?.done();
  return { defaults: policy, exemptions };
}

const limitTypes: Readonly<Record<LimitType, true>> = { Server: true, Namespace: true, User: true, SourceAndObject: true };

function eventLimit(fields: Fields): EventLimit {
  const type = fields.required('type');
  if (!Object.hasOwn(limitTypes, type)) throw fields.wrong('type', `Unsupported value: ${JSON.stringify(type)}: supported values: ${Object.keys(limitTypes).map((one) => JSON.stringify(one)).join(', ')}`);
  const positive = (name: string): number => {
    const value = fields.number(name) ?? 0;
    if (!(value > 0)) throw fields.wrong(name, `Invalid value: ${value}: must be positive`);
    return value;
  };
  const limit = { type: type as LimitType, burst: positive('burst'), qps: positive('qps'), cacheSize: fields.number('cacheSize') ?? 0 };
  if (limit.cacheSize < 0) throw fields.wrong('cacheSize', `Invalid value: ${limit.cacheSize}: must not be negative`);
  fields.done();
  return { ...limit, cacheSize: limit.cacheSize === 0 ? defaultLimitCacheSize : limit.cacheSize };
}

function eventLimits(fields: Fields): readonly EventLimit[] {
  checkKind(fields, 'Configuration', ['eventratelimit.admission.k8s.io/v1alpha1']);
  const limits = fields.children('limits').map(eventLimit);
  if (limits.length === 0) throw fields.wrong('limits', 'must not be empty');
  return limits;
}

function nodeSelectors(fields: Fields): Readonly<Record<string, string>> {
  const selectors = fields.child('podNodeSelectorPluginConfig');
  const names = Object.keys((fields.raw('podNodeSelectorPluginConfig') ?? {}) as JsonObject);
  return Object.fromEntries(names.map((name) => {
    const text = selectors?.text(name) ?? '';
    try {
      parseLabelList(text);
    } catch (error) {
      throw (selectors as Fields).wrong(name, (error as Error).message);
    }
    return [name, text];
  }));
}

function toleration(fields: Fields): Toleration {
  const text = (name: string): object => (fields.has(name) ? { [name]: fields.text(name) } : {});
  const seconds = fields.number('tolerationSeconds');
  const out = { ...text('key'), ...text('operator'), ...text('value'), ...text('effect'), ...(seconds === undefined ? {} : { tolerationSeconds: seconds }) };
  fields.done();
  return out;
}

function tolerations(fields: Fields): TolerationConfig {
  checkKind(fields, 'Configuration', ['podtolerationrestriction.admission.k8s.io/v1alpha1']);
  return { default: fields.children('default').map(toleration), whitelist: fields.children('whitelist').map(toleration) };
}

function limitedResource(fields: Fields): LimitedResource {
  const scopes = fields.children('matchScopes').map((scope) => {
    const out = { scopeName: scope.required('scopeName'), operator: scope.required('operator'), values: scope.texts('values') };
    scope.done();
    return out;
  });
  const out = { group: fields.text('apiGroup'), resource: fields.required('resource'), matchContains: fields.texts('matchContains'), matchScopes: scopes };
  fields.done();
  return out;
}

function limitedResources(fields: Fields): readonly LimitedResource[] {
  const named = fields.text('kind') === 'ResourceQuotaConfiguration';
  if (named) checkKind(fields, 'ResourceQuotaConfiguration', ['apiserver.config.k8s.io/v1']);
  else checkKind(fields, 'Configuration', ['resourcequota.admission.k8s.io/v1beta1', 'resourcequota.admission.k8s.io/v1alpha1']);
  return fields.children('limitedResources').map(limitedResource);
}

const disabled = -1;

/** In `unitMs`; 0 is the default, -1 none. */
function scaled(fields: Fields, name: string, unitMs: number, { least, most, given }: { readonly least: number; readonly most: number; readonly given: number }): number {
  const value = fields.number(name) ?? 0;
  if (value === disabled) return 0;
  if (value === 0) return given;
  const ms = value * unitMs;
  if (ms < least || ms > most) throw fields.wrong(name, `Invalid value: ${value}: valid value is between ${least} ms and ${most} ms`);
  return ms;
}

const ttl = { least: 1000, most: 1_800_000 };

function imagePolicy(fields: Fields): ImagePolicyConfig {
  const policy = fields.child('imagePolicy');
  if (policy === undefined) throw fields.wrong('imagePolicy', 'Required value');
  const out = {
    kubeConfigFile: policy.required('kubeConfigFile'), allowTtlMs: scaled(policy, 'allowTTL', 1000, { ...ttl, given: 300_000 }), denyTtlMs: scaled(policy, 'denyTTL', 1000, { ...ttl, given: 30_000 }),
    retryBackoffMs: scaled(policy, 'retryBackoff', 1, { least: 1, most: 300_000, given: 500 }), defaultAllow: policy.bool('defaultAllow') ?? false,
  };
  policy.done();
  return out;
}

function webhookAccess(fields: Fields): WebhookAccess {
  const latest = fields.text('kind') === 'WebhookAdmissionConfiguration';
  if (latest) checkKind(fields, 'WebhookAdmissionConfiguration', ['apiserver.config.k8s.io/v1']);
  else checkKind(fields, 'WebhookAdmission', ['apiserver.config.k8s.io/v1alpha1']);
  const kubeConfigFile = fields.text('kubeConfigFile');
  if (!kubeConfigFile.startsWith('/')) throw fields.wrong('kubeConfigFile', `Invalid value: ${JSON.stringify(kubeConfigFile)}: must be an absolute file path`);
  return { kubeConfigFile };
}

/** By plugin: what it makes of its configuration. */
const readers: Readonly<Record<string, (fields: Fields, before: AdmissionFile) => Partial<AdmissionFile>>> = {
  MutatingAdmissionWebhook: (fields, { webhooks }) => ({ webhooks: { ...webhooks, mutating: webhookAccess(fields) } }),
  ValidatingAdmissionWebhook: (fields, { webhooks }) => ({ webhooks: { ...webhooks, validating: webhookAccess(fields) } }),
  PodSecurity: (fields) => ({ podSecurity: podSecurity(fields) }),
  EventRateLimit: (fields) => ({ eventLimits: eventLimits(fields) }),
  PodNodeSelector: (fields) => ({ podNodeSelectors: nodeSelectors(fields) }),
  PodTolerationRestriction: (fields) => ({ podTolerations: tolerations(fields) }),
  ImagePolicyWebhook: (fields) => ({ imagePolicy: imagePolicy(fields) }),
  ResourceQuota: (fields) => ({ limitedResources: limitedResources(fields) }),
};

/** `readFile` takes paths as they stand in the file. Throws UsageError. */
export function parseAdmissionFile(file: string, text: string, readFile: (path: string) => string): AdmissionFile {
  const fields = readConfigFile(file, text, { kind: 'AdmissionConfiguration', apiVersions: ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1alpha1', 'apiserver.k8s.io/v1alpha1'] });
  let result = defaultAdmissionFile;
  for (const plugin of fields.children('plugins')) {
    const name = plugin.required('name');
    const reader = readers[name];
    if (reader === undefined) throw plugin.wrong('name', `${name} takes no configuration that is built`);
    const path = plugin.text('path');
    const inline = plugin.child('configuration');
    plugin.done();
    const own = inline ?? (path === '' ? undefined : new Fields(path, '', (parse(readFile(path)) ?? {}) as JsonObject));
    if (own === undefined) continue;
    result = { ...result, ...reader(own, result) };
    own.done();
  }
  fields.done();
  return result;
}
