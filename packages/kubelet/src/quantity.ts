const suffixes: Readonly<Record<string, number>> = {
  '': 1, n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
};

/** A quantity that the API server has already validated, as a number: enough for cgroup values and sizes below 2^53. */
export function quantityNumber(text: string | number | undefined): number {
  if (text === undefined) return 0;
  const match = /^([+-]?[0-9.]+)(?:([eE][+-]?[0-9]+)|([numkKMGTPEi]*))$/.exec(String(text));
  if (match === null) return 0;
  const base = Number(`${match[1]}${match[2] ?? ''}`);
  return base * (suffixes[match[3] ?? ''] ?? 1);
}

/** Rounded up, as upstream does for fractions of a milli-CPU or of a byte. */
export function milliValue(text: string | number | undefined): number {
  return Math.ceil(Number((quantityNumber(text) * 1000).toPrecision(15)));
}

export function wholeValue(text: string | number | undefined): number {
  return Math.ceil(Number(quantityNumber(text).toPrecision(15)));
}
