import type { Expr } from './ast.ts';
import { sameType } from './check-types.ts';
import { Range, type CallEstimate, type SizeOf } from './estimate-range.ts';

/** The estimates of Kubernetes' own libraries and of the string extensions; undefined: cel's own rules hold. */

const one = new Range(1, 1);
const nominal = (): CallEstimate => ({ cost: one });
const none: Range = new Range(0, 0);

type Estimate = (call: { readonly id: string; readonly target: Expr | undefined; readonly args: readonly Expr[]; readonly sizes: SizeOf }) => CallEstimate | undefined;

/** cel-go gives a call without receiver a receiver of no size. */
const sizeOf = (sizes: SizeOf, expr: Expr | undefined): Range => (expr === undefined ? Range.unknown : sizes.size(expr));

const selector: Estimate = ({ args, sizes }) => {
  if (args.length !== 1) return undefined;
  const length = sizeOf(sizes, args[0]);
  return { cost: new Range(10, 10).add(length.scale(0.1)).add(length.scale(0.5).scale(50)) };
};

const traverseList: Estimate = ({ target, sizes }) => {
  const size = sizeOf(sizes, target);
  const element = target === undefined ? undefined : sizes.elements(target);
  if (element === undefined) return { cost: size.scale(0.1) };
  const each = element.type.kind === 'string' || element.type.kind === 'bytes' ? one.add(element.size.scale(0.1)) : one;
  return { cost: size.multiply(each) };
};

const ofArgument: Estimate = ({ args, sizes }) => {
  if (args.length !== 1) return undefined;
  const size = sizeOf(sizes, args[0]);
  return { cost: size.scale(0.1), size };
};

const ofTarget: Estimate = ({ target, sizes }) => {
  const size = sizeOf(sizes, target);
  return { cost: size.scale(0.1), size };
};

const parse: Estimate = ({ args, sizes }) => ({ cost: sizeOf(sizes, args[0]).scale(0.1) });

function replaceBound(size: number, searched: number, fresh: number, grows: boolean, whole: boolean): { readonly count: number; readonly kept: number } {
  if (whole) return { count: size + 1, kept: size };
  return grows ? { count: Math.ceil(size / searched), kept: 0 } : { count: 0, kept: size };
}

const replace: Estimate = ({ target, args, sizes }) => {
  if (args.length < 2) return undefined;
  const size = sizeOf(sizes, target);
  const searched = sizeOf(sizes, args[0]);
  const fresh = sizeOf(sizes, args[1]);
  const longest = replaceBound(size.max, searched.min, fresh.max, fresh.max > searched.min, searched.min === 0);
  const shortest = replaceBound(size.min, searched.max, fresh.min, searched.max > fresh.min, searched.max === 0);
  return { cost: size.scale(0.2), size: new Range(shortest.count, longest.count).multiply(fresh).add(new Range(shortest.kept, longest.kept)) };
};

const split: Estimate = ({ target, args, sizes }) => {
  const size = sizeOf(sizes, target);
  const limit = args[1];
  const max = limit?.kind === 'literal' && typeof limit.value === 'bigint' ? Number(BigInt.asUintN(64, limit.value)) : size.max;
  return { cost: size.scale(0.2), size: new Range(0, max) };
};

const join: Estimate = ({ target, args, sizes }) => {
  const list = sizeOf(sizes, target);
  const element = target === undefined ? undefined : sizes.elements(target);
  let size = element === undefined ? none : list.multiply(element.size);
  if (args.length > 0) size = size.add(sizeOf(sizes, args[0]).multiply(new Range(Math.max(0, list.min - 1), Math.max(0, list.max - 1))));
  return { cost: size.scale(0.1), size };
};

const search: Estimate = ({ target, args, sizes }) => {
  if (args.length < 1) return undefined;
  const size = sizeOf(sizes, target);
  return { cost: size.add(one).scale(0.1).multiply(sizeOf(sizes, args[0]).scale(0.25)), size: new Range(0, size.max) };
};

const addressSize = new Range(4, 16);

const containsIp: Estimate = ({ id, args, sizes }) => {
  const cost = addressSize.add(addressSize).scale(0.1);
  return { cost: id === 'cidr_contains_ip_string' ? cost.add(sizeOf(sizes, args[0]).scale(0.1)) : cost };
};

const containsCidr: Estimate = ({ id, args, sizes }) => {
  const cost = addressSize.add(addressSize).scale(0.1).add(addressSize.scale(0.1)).add(one);
  return { cost: id === 'cidr_contains_cidr_string' ? cost.add(sizeOf(sizes, args[0]).scale(0.1)) : cost };
};

const flat = new Set(['net.IP', 'net.CIDR', 'kubernetes.Quantity', 'kubernetes.Semver', ...['Authorizer', 'PathCheck', 'GroupCheck', 'ResourceCheck', 'Decision'].map((name) => `kubernetes.authorization.${name}`)]);

const equals: Estimate = ({ args, sizes }) => {
  const [left, right] = args;
  if (left === undefined || right === undefined || args.length !== 2) return undefined;
  const type = sizes.type(left);
  if (!('name' in type) || !sameType(type, sizes.type(right))) return undefined;
  if (flat.has(type.name)) return nominal();
  if (type.name === 'kubernetes.NamedFormat') return { cost: new Range(1, 64).scale(0.1) };
  if (type.name !== 'kubernetes.URL') return undefined;
  const size = sizes.computed(right);
  return { cost: new Range(1, size?.max ?? 1).scale(0.1) };
};

const table: Readonly<Record<string, Estimate>> = {
  check: () => ({ cost: new Range(350_000, 350_000) }),
  ...Object.fromEntries([
    'serviceAccount', 'path', 'group', 'resource', 'subresource', 'namespace', 'name', 'allowed', 'reason', 'error', 'errored',
    'masked', 'prefixLength', 'family', 'isUnspecified', 'isLoopback', 'isLinkLocalMulticast', 'isLinkLocalUnicast', 'isGlobalUnicast', 'format.named',
    'sign', 'asInteger', 'isInteger', 'asApproximateFloat', 'isGreaterThan', 'isLessThan', 'compareTo', 'add', 'sub', 'getScheme', 'getHostname', 'getHost', 'getPort', 'getEscapedPath', 'getQuery',
  ].map((name) => [name, nominal])),
  fieldSelector: selector, labelSelector: selector,
  isSorted: traverseList, sum: traverseList, max: traverseList, min: traverseList, indexOf: traverseList, lastIndexOf: traverseList,
  url: ofArgument, 'jsonpatch.escapeKey': ofArgument, lowerAscii: ofTarget, upperAscii: ofTarget, substring: ofTarget, trim: ofTarget,
  replace, split, join, find: search, findAll: search,
  cidr: parse, isIP: parse, isCIDR: parse, quantity: parse, isQuantity: parse,
  ip: (call) => (call.id === 'cidr_ip' ? nominal() : parse(call)),
  'ip.isCanonical': ({ args, sizes }) => ({ cost: sizeOf(sizes, args[0]).scale(0.2) }),
  containsIP: containsIp, containsCIDR: containsCidr,
  validate: ({ args, sizes }) => ({ cost: sizeOf(sizes, args[0]).scale(0.1).scale(128 * 0.25) }),
  '_==_': equals,
};

export function libraryEstimate(name: string, id: string, target: Expr | undefined, args: readonly Expr[], sizes: SizeOf): CallEstimate | undefined {
  return Object.hasOwn(table, name) ? table[name]?.({ id, target, args, sizes }) : undefined;
}
