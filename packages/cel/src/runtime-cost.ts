import { Format } from './lib/formats.ts';
import { ListValue, MapValue, OpaqueValue, costSize, type CelValue } from './values.ts';
import { work } from './work.ts';

/** What calls cost as they are made, in upstream's units: the same tables as cel-go and Kubernetes keep. */

const traversal = 0.1;
const regexFactor = 0.25;

export const costs = { ident: 1, list: 10, map: 30, struct: 40 } as const;

type Args = readonly CelValue[];
const size = (value: CelValue | undefined): number => (value === undefined ? 1 : costSize(value));
const scaled = (units: number, factor = traversal): number => Math.ceil(units * factor);
const regexCost = (text: number, pattern: number): number => scaled(1 + text) * scaled(pattern, regexFactor);

/** All values in it: what sorting or summing has to look at. */
function traversalCost(value: CelValue): number {
  work();
  if (typeof value === 'string') return Math.trunc(utf8Length(value) * traversal);
  if (value instanceof Uint8Array) return Math.trunc(value.length * traversal);
  if (value instanceof ListValue) {
    let cost = 0;
    for (const item of value) cost += traversalCost(item);
    return cost;
  }
  if (value instanceof MapValue) {
    let cost = 0;
    for (const key of value.keys()) cost += traversalCost(key) + traversalCost(value.find(key) as CelValue);
    return cost;
  }
  return 1;
}

function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) length += unit > 0x7ff && (unit & 0xf800) !== 0xd800 ? 2 : 1;
  }
  return length;
}

const one = (): number => 1;
const ofFirst = (args: Args): number | undefined => (args.length >= 1 ? scaled(size(args[0])) : undefined);
const ofFirstTwice = (args: Args): number | undefined => (args.length >= 1 ? scaled(size(args[0]) * 2) : undefined);
const selector = (args: Args): number | undefined => (args.length < 2 ? undefined : 10 + scaled(size(args[1])) + scaled(scaled(size(args[1]), 0.5), 50));
const search = (args: Args): number | undefined => (args.length >= 2 ? regexCost(size(args[0]), size(args[1])) : undefined);
const traverse = (args: Args): number => (args[0] === undefined ? 0 : traversalCost(args[0]));

type Rule = (args: Args, result: CelValue, overload: string) => number | undefined;

/** By function, whatever the overload. */
const byFunction: Readonly<Record<string, Rule>> = {
  check: () => 350_000,
  ...Object.fromEntries(['serviceAccount', 'path', 'group', 'resource', 'subresource', 'namespace', 'name', 'allowed', 'reason', 'error', 'errored'].map((name) => [name, one])),
  fieldSelector: selector, labelSelector: selector,
  isSorted: traverse, sum: traverse, max: traverse, min: traverse, indexOf: traverse, lastIndexOf: traverse,
  url: ofFirst, lowerAscii: ofFirst, upperAscii: ofFirst, substring: ofFirst, trim: ofFirst, 'jsonpatch.escapeKey': ofFirst,
  replace: ofFirstTwice, split: ofFirstTwice, join: (_args, result) => scaled(size(result) * 2),
  find: search, findAll: search,
  cidr: ofFirst, isIP: ofFirst, isCIDR: ofFirst, ip: (args, _result, overload) => (overload === 'cidr_ip' ? 1 : ofFirst(args)), 'ip.isCanonical': ofFirstTwice,
  ...Object.fromEntries(['masked', 'prefixLength', 'family', 'isUnspecified', 'isLoopback', 'isLinkLocalMulticast', 'isLinkLocalUnicast', 'isGlobalUnicast'].map((name) => [name, one])),
  containsIP: ([network, other], _result, overload) => scaled(size(network) * 2) + (overload === 'cidr_contains_ip_string' ? scaled(size(other)) : 0),
  containsCIDR: ([network, other], _result, overload) => scaled(size(network) * 2) + scaled(size(network)) + 1 + (overload === 'cidr_contains_cidr_string' ? scaled(size(other)) : 0),
  quantity: ofFirst, isQuantity: ofFirst,
  validate: ([format, text]) => (format instanceof Format ? regexCost(size(text), format.maxRegexSize) : undefined),
  'format.named': one,
  ...Object.fromEntries(['sign', 'asInteger', 'isInteger', 'asApproximateFloat', 'isGreaterThan', 'isLessThan', 'compareTo', 'add', 'sub'].map((name) => [name, one])),
  ...Object.fromEntries(['getScheme', 'getHostname', 'getHost', 'getPort', 'getEscapedPath', 'getQuery'].map((name) => [name, one])),
  '_==_': (args) => (args[0] instanceof OpaqueValue ? 1 : undefined),
};

const smaller: Rule = ([left, right]) => scaled(Math.min(size(left), size(right)));
const both: Rule = ([left, right]) => scaled(size(left) + size(right));
const sets = (factor: number): Rule => ([left, right]) => 1 + Math.trunc(size(left) * size(right) * factor);

const byOverload: Readonly<Record<string, Rule>> = {
  starts_with_string: ofFirst, ends_with_string: ofFirst, string_to_bytes: ofFirst, bytes_to_string: ofFirst, strings_quote: ofFirst, string_format: ofFirst,
  in_list: ([, list]) => size(list),
  ...Object.fromEntries(['less', 'greater', 'less_equals', 'greater_equals'].flatMap((name) => [[`${name}_string`, smaller], [`${name}_bytes`, smaller]])),
  equals: smaller, not_equals: smaller, add_string: both, add_bytes: both,
  matches_string: ([text, pattern]) => regexCost(size(text), size(pattern)),
  contains_string: ([text, part]) => scaled(size(text)) * scaled(size(part)),
};

const setsOverloads: Readonly<Record<string, Rule>> = { list_sets_contains_list: sets(1), list_sets_intersects_list: sets(1), list_sets_equivalent_list: sets(2) };

const own = (rules: Readonly<Record<string, Rule>>, name: string): Rule | undefined => (Object.hasOwn(rules, name) ? rules[name] : undefined);

/** Found once when a call is planned. */
export function callCost(name: string, overload: string): (args: Args, result: CelValue) => number {
  const first = own(setsOverloads, overload) ?? own(byFunction, name);
  const second = own(byOverload, overload);
  return (args, result) => first?.(args, result, overload) ?? second?.(args, result, overload) ?? 1;
}
