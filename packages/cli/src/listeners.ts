/** A socket that something on this machine listens on (TCP) or is bound to (UDP). */
export interface Listener {
  /** Undefined: every address. */
  readonly address: string | undefined;
  readonly port: number;
  readonly inode: string;
}

const listening = '0A';
const unconnected = '07';

function addressOf(hex: string): string | undefined {
  if (/^0+$/.test(hex)) return undefined;
  // IPv4 and IPv4 mapped into IPv6; each word is in the machine's order, which is little-endian on what we run on.
  const word = hex.slice(-8);
  return [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16)).join('.');
}

/** `text`: /proc/net/tcp, tcp6, udp or udp6. */
export function parseListeners(text: string): readonly Listener[] {
  return text.split('\n').slice(1).map((line) => line.trim().split(/\s+/)).filter((fields) => fields[3] === listening || fields[3] === unconnected).map((fields) => {
    const [address, port] = (fields[1] as string).split(':') as [string, string];
    return { address: addressOf(address), port: Number.parseInt(port, 16), inode: fields[9] ?? '' };
  });
}

export interface WantedPort {
  readonly address: string;
  readonly port: number;
  /** What to do if it is taken. */
  readonly advice: string;
}

/** The first wanted port that cannot be had, and who has it. */
export function findConflict(wanted: readonly WantedPort[], listeners: readonly Listener[]): { readonly wanted: WantedPort; readonly listener: Listener } | undefined {
  for (const one of wanted) {
    const listener = listeners.find((candidate) => candidate.port === one.port && (candidate.address === undefined || candidate.address === one.address));
    if (listener !== undefined) return { wanted: one, listener };
  }
  return undefined;
}
