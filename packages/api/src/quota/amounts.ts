import { addQuantity, compareQuantity, formatQuantity, subtractQuantity, type Quantity } from '../quantity/index.ts';

/** Quantities by name of the resource. */
export type Amounts = Readonly<Record<string, string>>;

function text(value: Quantity | string): string {
  return typeof value === 'string' ? value : formatQuantity(value);
}

function combine(left: Amounts, right: Amounts, how: (left: string, right: string) => Quantity | string): Amounts {
  return Object.fromEntries([...new Set([...Object.keys(left), ...Object.keys(right)])].map((name) => [name, text(how(left[name] ?? '0', right[name] ?? '0'))]));
}

export function addAmounts(left: Amounts, right: Amounts): Amounts { return combine(left, right, addQuantity); }
export function subtractAmounts(left: Amounts, right: Amounts): Amounts { return combine(left, right, subtractQuantity); }
export function maxAmounts(left: Amounts, right: Amounts): Amounts { return combine(left, right, (a, b) => (compareQuantity(a, b) >= 0 ? a : b)); }

export function pickAmounts(amounts: Amounts, names: Iterable<string>): Amounts {
  return Object.fromEntries([...names].flatMap((name) => (amounts[name] === undefined ? [] : [[name, amounts[name]]])));
}

/** Names that are above zero. */
export function positiveAmounts(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([, amount]) => compareQuantity(amount, '0') > 0));
}

/** `a=1,b=2`, sorted, as quota errors list them. */
export function amountsText(amounts: Amounts): string {
  return Object.keys(amounts).toSorted((a, b) => (a < b ? -1 : 1)).map((name) => `${name}=${amounts[name] ?? ''}`).join(',');
}
