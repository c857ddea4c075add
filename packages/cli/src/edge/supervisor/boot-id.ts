import { readFileSync } from 'node:fs';

/** Differs after every boot; pids and start times of another boot name nobody. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
