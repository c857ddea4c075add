import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import type { ClientTls, Host, ServerTls } from '@coxswain/host';
import { UsageError, type FlagValues } from '@coxswain/service';
import { createSpdyCodec } from '@coxswain/streaming/edge';
import type { Followed } from './client-identities.ts';
import { pageCodecs } from './page-codecs.ts';
import type { PartsConfig } from '../parts.ts';

/** The content of the file that a flag names; undefined without the flag. */
export function readFlagFile(flags: FlagValues, name: string): string | undefined {
  const path = flags.string(name);
  return path === '' ? undefined : readFile(name, path);
}

function readFile(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--${name}: cannot read ${path}: ${(error as Error).message}`);
  }
}

function required(flags: FlagValues, name: string): string {
  const content = readFlagFile(flags, name);
  if (content === undefined) throw new UsageError(`--${name} is required`);
  return content;
}

export function clientTls(flags: FlagValues, names: { readonly ca: string; readonly cert: string; readonly key: string }): ClientTls {
  const caPem = readFlagFile(flags, names.ca);
  const certPem = readFlagFile(flags, names.cert);
  const keyPem = readFlagFile(flags, names.key);
  if ((certPem === undefined) !== (keyPem === undefined)) throw new UsageError(`--${names.cert} and --${names.key} go together`);
  return { ...(caPem === undefined ? {} : { caPem }), ...(certPem === undefined || keyPem === undefined ? {} : { certPem, keyPem }) };
}

export function serverTls(flags: FlagValues): ServerTls {
  const authorities = ['client-ca-file', 'requestheader-client-ca-file'].map((name) => readFlagFile(flags, name)).filter((pem) => pem !== undefined);
  // Which of them vouched for whom is asked later.
  const clientCaPem = authorities.length === 0 ? undefined : authorities.join('\n');
  return {
    certPem: required(flags, 'tls-cert-file'), keyPem: required(flags, 'tls-private-key-file'),
    ...(clientCaPem === undefined ? {} : { clientCaPem, clientCertificate: 'request' }),
  };
}

/** Where other members of the cluster find this server. */
function advertiseAddress(flags: FlagValues): string {
  const given = flags.string('advertise-address');
  if (given !== '') return given;
  const bound = flags.string('bind-address');
  if (bound !== '' && bound !== '0.0.0.0' && bound !== '::') return bound;
  const outside = Object.values(networkInterfaces()).flat().find((one) => one !== undefined && !one.internal && one.family === 'IPv4');
  if (outside === undefined) throw new UsageError('--advertise-address is required: no interface has an address');
  return outside.address;
}

function serviceRanges(flags: FlagValues): readonly string[] {
  const given = flags.strings('service-cluster-ip-range');
  return given.length === 0 ? ['10.0.0.0/24'] : given;
}

function tokenFile(flags: FlagValues): PartsConfig['tokenAuthFile'] {
  const path = flags.string('token-auth-file');
  return path === '' ? undefined : { path, text: readFile('token-auth-file', path) };
}

function checkFixed(flags: FlagValues): void {
  const cloud = flags.string('cloud-provider');
  if (cloud !== '' && cloud !== 'external') throw new UsageError(`unknown --cloud-provider: ${cloud}`);
  if (flags.isSet('admission-control') && (flags.isSet('enable-admission-plugins') || flags.isSet('disable-admission-plugins'))) throw new UsageError('admission-control and enable-admission-plugins/disable-admission-plugins flags are mutually exclusive');
  const reconciler = flags.string('endpoint-reconciler-type');
  if (!['lease', 'none', 'master-count'].includes(reconciler)) throw new UsageError(`--endpoint-reconciler-type: unknown endpoint reconciler type: ${reconciler}`);
  if (reconciler === 'master-count') throw new UsageError('--endpoint-reconciler-type: master-count, which the original deprecates, is not built; use lease or none');
}

export function partsConfigFrom(flags: FlagValues, host: Host, { trust, identities }: Followed): PartsConfig {
  checkFixed(flags);
  return {
    hostname: hostname(), serverId: host.random.uuid(), authorizationModes: [],
    alwaysAllowPaths: [],
    anonymousAuth: flags.bool('anonymous-auth'), tokenAuthFile: tokenFile(flags), enableBootstrapTokenAuth: flags.bool('enable-bootstrap-token-auth'),
    serviceAccountIssuers: flags.strings('service-account-issuer'), serviceAccountSigningKeyPem: required(flags, 'service-account-signing-key-file'),
    serviceAccountKeyPems: flags.strings('service-account-key-file').map((path) => readFile('service-account-key-file', path)),
    serviceAccountMaxExpirationSeconds: Math.floor(flags.durationMs('service-account-max-token-expiration') / 1000),
    serviceAccountJwksUri: flags.string('service-account-jwks-uri') === '' ? undefined : flags.string('service-account-jwks-uri'),
    apiAudiences: flags.strings('api-audiences'),
    onlyAdmissionPlugins: flags.isSet('admission-control') ? flags.strings('admission-control') : undefined,
    enableAdmissionPlugins: flags.strings('enable-admission-plugins'), disableAdmissionPlugins: flags.strings('disable-admission-plugins'),
    defaultNotReadyTolerationSeconds: flags.int('default-not-ready-toleration-seconds'), defaultUnreachableTolerationSeconds: flags.int('default-unreachable-toleration-seconds'),
    serviceClusterIpRanges: serviceRanges(flags), serviceNodePortRange: flags.string('service-node-port-range'),
    advertiseAddress: advertiseAddress(flags), securePort: flags.int('secure-port'),
    externalHostname: flags.string('external-hostname') === '' ? undefined : flags.string('external-hostname'), reconcileEndpoints: flags.string('endpoint-reconciler-type') !== 'none',
    kubernetesServiceNodePort: flags.int('kubernetes-service-node-port') === 0 ? undefined : flags.int('kubernetes-service-node-port'),
    kubeletTls: identities.kubelet, kubeletPreferredAddressTypes: flags.strings('kubelet-preferred-address-types'), spdyHeaderCodec: createSpdyCodec, pageCodecs,
    authenticationInfo: trust.info,
  };
}
