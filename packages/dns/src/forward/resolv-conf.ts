/** What of resolv.conf says where to ask. */
export interface ResolvConf {
  readonly nameservers: readonly string[];
}

/** Lines that are not understood are passed over, as resolvers do. Link-local zones (`%eth0`) are kept. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, value] = line.replace(/[#;].*$/, '').trim().split(/\s+/);
    if (keyword === 'nameserver' && value !== undefined) nameservers.push(value);
  }
  return { nameservers };
}
