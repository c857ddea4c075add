import type { Crypto } from '@coxswain/host';
import { UsageError, type FlagValues } from '@coxswain/service';
import { authoritiesOf, LiveAuthorities } from '../authn/authorities.ts';
import type { AuthenticationInfo } from '../bootstrap/authentication-info.ts';
import { readFlagFile } from './config-from-flags.ts';

type Flag = 'client-ca-file' | 'requestheader-client-ca-file';

function authorities(crypto: Crypto, flags: FlagValues, flag: Flag, pem: string | undefined): ReadonlySet<string> {
  const found = authoritiesOf(crypto, pem ?? '');
  if (pem !== undefined && found.size === 0) throw new UsageError(`--${flag}: ${flags.string(flag)}: data does not contain any valid RSA or ECDSA certificates`);
  return found;
}

/** The authorities of users and of proxies, as their files say by the last look. */
export class Trust {
  readonly clients: LiveAuthorities;
  readonly proxies: LiveAuthorities;
  readonly #flags: FlagValues;
  readonly #crypto: Crypto;
  #pems: Readonly<Record<Flag, string | undefined>>;

  constructor(flags: FlagValues, crypto: Crypto) {
    this.#flags = flags;
    this.#crypto = crypto;
    this.#pems = this.#read();
    this.clients = new LiveAuthorities(this.#of('client-ca-file'));
    this.proxies = new LiveAuthorities(this.#of('requestheader-client-ca-file'));
  }

  #read(): Readonly<Record<Flag, string | undefined>> {
    return { 'client-ca-file': readFlagFile(this.#flags, 'client-ca-file'), 'requestheader-client-ca-file': readFlagFile(this.#flags, 'requestheader-client-ca-file') };
  }

  #of(flag: Flag): ReadonlySet<string> {
    return authorities(this.#crypto, this.#flags, flag, this.#pems[flag]);
  }

  /** Throws where a file cannot be used, and then nothing is another. */
  reload(): void {
    const next = this.#read();
    const [clients, proxies] = (['client-ca-file', 'requestheader-client-ca-file'] as const).map((flag) => authorities(this.#crypto, this.#flags, flag, next[flag]));
    this.#pems = next;
    this.clients.set(clients ?? new Set());
    this.proxies.set(proxies ?? new Set());
  }

  /** For the ConfigMap that extension servers read. */
  get info(): AuthenticationInfo {
    const flags = this.#flags;
    const now = (flag: Flag): string | undefined => this.#pems[flag];
    return {
      get clientCaPem() { return now('client-ca-file'); },
      get requestHeaderCaPem() { return now('requestheader-client-ca-file'); },
      requestHeaderAllowedNames: flags.strings('requestheader-allowed-names'), requestHeaderUsernameHeaders: flags.strings('requestheader-username-headers'),
      requestHeaderGroupHeaders: flags.strings('requestheader-group-headers'), requestHeaderExtraHeaders: flags.strings('requestheader-extra-headers-prefix'),
    };
  }
}
