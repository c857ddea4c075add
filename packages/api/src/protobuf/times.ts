const form = Uint8Array.from('0000-00-00T00:00:00Z', (char) => char.charCodeAt(0));
const zero = 0x30;
const nine = 0x39;

function isOfForm(bytes: Uint8Array, start: number): boolean {
  for (let index = 0; index < form.length; index += 1) {
    const byte = bytes[start + index] as number;
    if (form[index] === zero ? byte < zero || byte > nine : byte !== form[index]) return false;
  }
  return true;
}

function numberAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) - zero) * 10 + (bytes[at + 1] as number) - zero;
}

/** Reads times where they lie. The same few days come again and again: the last one is remembered. */
export class Times {
  #day = -1;
  #daySeconds = -1;

  /** Unix seconds of `2026-11-22T08:00:00Z`; -1: of another form, or before 1970. */
  secondsOf(bytes: Uint8Array, start: number, end: number): number {
    if (end - start !== form.length || !isOfForm(bytes, start)) return -1;
    const hour = numberAt(bytes, start + 11);
    const minute = numberAt(bytes, start + 14);
    const second = numberAt(bytes, start + 17);
    const day = ((numberAt(bytes, start) * 100 + numberAt(bytes, start + 2)) * 100 + numberAt(bytes, start + 5)) * 100 + numberAt(bytes, start + 8);
    if (day !== this.#day) this.#remember(day);
    if (this.#daySeconds < 0 || hour > 23 || minute > 59 || second > 59) return -1;
    return this.#daySeconds + hour * 3600 + minute * 60 + second;
  }

  #remember(day: number): void {
    const digits = String(day).padStart(8, '0');
    const ms = Date.parse(`${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}T00:00:00Z`);
    this.#day = day;
    this.#daySeconds = ms >= 0 ? ms / 1000 : -1;
  }
}
