import { X509Certificate } from 'node:crypto';
import { readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import * as tls from 'node:tls';
import { knownResources } from '@coxswain/api';
import type { Host, Listener, ServerTls } from '@coxswain/host';
import { UsageError, type FlagValues } from '@coxswain/service';
import { RE2JS } from 're2js';
import type { PartsConfig } from '../parts.ts';
import type { ApiServerConfig } from '../config.ts';
import { checkFeatureGates } from '../serving/feature-gates.ts';
import type { HttpPolicy } from '../serving/http-policy.ts';
import { runtimeConfigOf, servedVersions } from '../serving/runtime-config.ts';
import { serverTls } from './config-from-flags.ts';
import { identityFlags, type Followed } from './client-identities.ts';

const lookAgainMs = 60_000;
const maxGoawayChance = 0.02;

const suites: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256', TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256', TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'ECDHE-ECDSA-CHACHA20-POLY1305', TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'ECDHE-RSA-CHACHA20-POLY1305', TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA', TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA', TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256', TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384', TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA', TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256', TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384', TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
};
const versions: Readonly<Record<string, 'TLSv1.2' | 'TLSv1.3'>> = { VersionTLS12: 'TLSv1.2', VersionTLS13: 'TLSv1.3' };

function ciphers(values: FlagValues): string | undefined {
  const names = values.strings('tls-cipher-suites');
  if (names.length === 0) return undefined;
  const chosen = names.map((name) => {
    const suite = Object.hasOwn(suites, name) ? suites[name] : undefined;
    if (suite === undefined) throw new UsageError(`--tls-cipher-suites: Cipher suite ${name} not supported or doesn't exist`);
    return suite;
  });
  // TLS 1.3 chooses for itself.
  return [...new Set([...chosen, 'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])].join(':');
}

function minVersion(values: FlagValues): 'TLSv1.2' | 'TLSv1.3' | undefined {
  const name = values.string('tls-min-version');
  if (name === '') return undefined;
  const version = Object.hasOwn(versions, name) ? versions[name] : undefined;
  if (version === undefined) throw new UsageError(`--tls-min-version: ${name} is not one of ${Object.keys(versions).join(', ')}`);
  return version;
}

function namesIn(certPem: string): readonly string[] {
  const certificate = new X509Certificate(certPem);
  const dns = [...(certificate.subjectAltName ?? '').matchAll(/DNS:([^,\s]+)/g)].map((match) => match[1] as string);
  const common = /^CN=(.+)$/m.exec(certificate.subject)?.[1];
  return dns.length > 0 || common === undefined ? dns : [common];
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--tls-sni-cert-key: cannot read ${path}: ${(error as Error).message}`);
  }
}

/** Parts come apart at commas: a certificate, a key that may end in `:NAME`, and further names. */
function serverNames(values: FlagValues): NonNullable<ServerTls['byServerName']> {
  const entries: { cert: string; key: string; names: string[] }[] = [];
  let cert: string | undefined;
  for (const part of values.strings('tls-sni-cert-key')) {
    const last = entries.at(-1);
    if (cert !== undefined) {
      const [key = '', ...names] = part.split(':');
      entries.push({ cert, key, names });
      cert = undefined;
    } else if (last !== undefined && last.names.length > 0 && !part.includes('/')) last.names.push(part);
    else cert = part;
  }
  if (cert !== undefined) throw new UsageError(`--tls-sni-cert-key: expected comma separated certificate and key file paths, got ${cert}`);
  return entries.map(({ cert: path, key, names }) => {
    const certPem = readPem(path);
    return { certPem, keyPem: readPem(key), names: names.length > 0 ? names : namesIn(certPem) };
  });
}

/** Everything of TLS that flags and files say, checked. */
export function servingTls(values: FlagValues): ServerTls {
  const min = minVersion(values);
  const suitesText = ciphers(values);
  const options: ServerTls = { ...serverTls(values), ...(min === undefined ? {} : { minVersion: min }), ...(suitesText === undefined ? {} : { ciphers: suitesText }), byServerName: serverNames(values) };
  for (const pair of [options, ...(options.byServerName ?? [])]) checkPair(pair);
  return options;
}

function checkPair({ certPem, keyPem }: { readonly certPem: string; readonly keyPem: string }): void {
  try {
    tls.createSecureContext({ cert: certPem, key: keyPem });
  } catch (error) {
    throw new UsageError(`the serving certificate and its key cannot be used: ${(error as Error).message}`);
  }
}

/** New connections use what the files say now; what cannot be used leaves the former in place. */
export function followTls(values: FlagValues, listener: Pick<Listener, 'updateTls'>, host: Host, { trust, identities }: Followed): () => void {
  let known = JSON.stringify(servingTls(values));
  const serving = (): boolean => {
    const next = servingTls(values);
    const text = JSON.stringify(next);
    if (text === known) return false;
    known = text;
    trust.reload();
    listener.updateTls(next);
    return true;
  };
  const load = (what: string, again: () => boolean): void => {
    try {
      if (again()) host.log.info(`The ${what} certificates were loaded again`);
    } catch (error) {
      host.log.error(`The new ${what} certificates are not used`, { error: (error as Error).message });
    }
  };
  const look = (): void => {
    load('serving', serving);
    load('client', () => identities.reload());
  };
  const byName = values.strings('tls-sni-cert-key').map((part) => part.replace(/:.*/, '')).filter((part) => part.includes('/'));
  const files = [...['tls-cert-file', 'tls-private-key-file', 'client-ca-file', 'requestheader-client-ca-file', ...identityFlags].map((flag) => values.string(flag)), ...byName].filter((path) => path !== '');
  const watchers = [...new Set(files.map((path) => dirname(path)))].map((directory) => watch(directory, { persistent: false }, look));
  for (const watcher of watchers) watcher.on('error', () => watcher.close());
  const timer = setInterval(look, lookAgainMs).unref();
  return () => {
    clearInterval(timer);
    for (const watcher of watchers) watcher.close();
  };
}

function originMatcher(values: FlagValues): (origin: string) => boolean {
  const patterns = values.strings('cors-allowed-origins').map((text) => {
    const wrong = (why: string): UsageError => new UsageError(`--cors-allowed-origins has an invalid regular expression: ${why}`);
    if (!/\^|\/\//.test(text) || !/\$|:/.test(text)) throw wrong('regular expression does not pin to start/end of host in the origin header');
    try {
      return RE2JS.compile(text);
    } catch (error) {
      throw wrong((error as Error).message);
    }
  });
  return (origin) => patterns.some((pattern) => pattern.matcher(origin).find());
}

function goawayChance(values: FlagValues): number {
  const chance = Number(values.string('goaway-chance'));
  if (!(chance >= 0 && chance <= maxGoawayChance)) throw new UsageError(`--goaway-chance can not be less than 0 or greater than ${maxGoawayChance}`);
  return chance;
}

function hstsDirectives(values: FlagValues): readonly string[] {
  const directives = values.strings('strict-transport-security-directives');
  for (const directive of directives) {
    if (!/^(?:max-age=\d+|includeSubDomains|preload)$/.test(directive)) throw new UsageError(`--strict-transport-security-directives: invalid value ${directive}: allowed are max-age=SECONDS, includeSubDomains and preload`);
  }
  if (directives.length > 0 && !directives.some((directive) => directive.startsWith('max-age='))) throw new UsageError('--strict-transport-security-directives: max-age is a required directive');
  return directives;
}

const settableFeatures: ReadonlySet<string> = new Set(['MutatingAdmissionPolicy', 'DynamicResourceAllocation', 'DRAAdminAccess', 'DRAResourceClaimDeviceStatus']);
const policyVersion = ['admissionregistration.k8s.io', 'v1alpha1'] as const;

const servedBy = (values: FlagValues): ReturnType<typeof servedVersions> => servedVersions(runtimeConfigOf(values.strings('runtime-config')), knownResources);

/** Features that can be switched, where others ask for them. */
export function features(values: FlagValues): Pick<PartsConfig, 'mutatingAdmissionPolicy' | 'features'> {
  const given = checkFeatureGates(values.map('feature-gates'), settableFeatures);
  const mutatingAdmissionPolicy = given.get('MutatingAdmissionPolicy') ?? false;
  // The original begins and then refuses every write, as it waits for policies that nobody serves.
  if (mutatingAdmissionPolicy && !servedBy(values)(...policyVersion)) throw new UsageError(`--feature-gates: MutatingAdmissionPolicy=true needs --runtime-config=${policyVersion.join('/')}=true`);
  return { mutatingAdmissionPolicy, features: new Set([...settableFeatures].filter((name) => given.get(name) === true)) };
}

export function servingConfig(values: FlagValues): Pick<ApiServerConfig, 'minRequestTimeoutSeconds' | 'isServed' | 'httpPolicy' | 'livezGraceMs' | 'deleteCollectionWorkers'> {
  for (const version of values.strings('emulated-version')) {
    if (!/^(?:kube=)?v?1\.32(?:\.\d+)?$/.test(version)) throw new UsageError(`--emulated-version: ${version} is not 1.32`);
  }
  if (!['', '1.31'].includes(values.string('show-hidden-metrics-for-version'))) throw new UsageError('--show-hidden-metrics-for-version must be omitted or have the value \'1.31\'. Only the previous minor version is allowed');
  if (!values.bool('enable-garbage-collector')) throw new UsageError('--enable-garbage-collector=false is not built');
  features(values);
  const httpPolicy: HttpPolicy = { strictTransportSecurity: hstsDirectives(values), isOriginAllowed: originMatcher(values), goawayChance: goawayChance(values), sendRetryAfter: values.bool('shutdown-send-retry-after'), connectionBytesPerSecond: values.int('max-connection-bytes-per-sec') };
  return { minRequestTimeoutSeconds: values.int('min-request-timeout'), isServed: servedBy(values), httpPolicy, livezGraceMs: values.durationMs('livez-grace-period'), deleteCollectionWorkers: values.int('delete-collection-workers') };
}
