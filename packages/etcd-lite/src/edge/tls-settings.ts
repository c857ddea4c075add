import type { TlsVersion } from '@coxswain/host';
import { UsageError, type FlagValues } from '@coxswain/service';

export interface TlsSettings {
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
  readonly ciphers?: string;
}

/** The suites of TLS 1.2 that Go knows and OpenSSL still has, by IANA's name. */
const openSslNames: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256', TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384', TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'ECDHE-ECDSA-CHACHA20-POLY1305', TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305', TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256', TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 'ECDHE-RSA-AES128-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA', TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA', TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256', TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_RSA_WITH_AES_128_CBC_SHA256: 'AES128-SHA256', TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA', TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
};

const versions: Readonly<Record<string, TlsVersion>> = { 'TLS1.2': 'TLSv1.2', 'TLS1.3': 'TLSv1.3' };

function versionOf(flags: FlagValues, flag: string): TlsVersion | undefined {
  const text = flags.string(flag);
  if (text === '') return undefined;
  const version = Object.hasOwn(versions, text) ? versions[text] : undefined;
  if (version === undefined) throw new UsageError(`--${flag}: unexpected TLS version ${JSON.stringify(text)} (must be one of: TLS1.2, TLS1.3)`);
  return version;
}

/** `--cipher-suites`, `--tls-min-version` and `--tls-max-version`, in etcd's words if they do not fit. */
export function tlsSettings(flags: FlagValues): TlsSettings {
  const minVersion = versionOf(flags, 'tls-min-version');
  const maxVersion = versionOf(flags, 'tls-max-version');
  const suites = flags.strings('cipher-suites');
  if (minVersion === 'TLSv1.3' && maxVersion === 'TLSv1.2') throw new UsageError('min version (TLS1.3) is greater than max version (TLS1.2)');
  if (minVersion === 'TLSv1.3' && suites.length > 0) throw new UsageError('cipher suites cannot be configured when only TLS1.3 is enabled');
  const names = suites.map((suite) => {
    const name = Object.hasOwn(openSslNames, suite) ? openSslNames[suite] : undefined;
    if (name === undefined) throw new UsageError(`unexpected TLS cipher suite ${JSON.stringify(suite)}`);
    return name;
  });
  return {
    ...(minVersion === undefined ? {} : { minVersion }), ...(maxVersion === undefined ? {} : { maxVersion }),
    // Those of TLS 1.3 are not chosen by this, but the list must name them or they are off.
    ...(names.length === 0 ? {} : { ciphers: [...names, 'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'].join(':') }),
  };
}
