import { paramType, type CheckType } from './check-types.ts';
import type { AuthorizerAttributes, AuthorizerDecision } from './types.ts';
import { CelError, Duration, ListValue, MapValue, OptionalValue, Timestamp, TypeValue, Uint, isError, noSuchOverload, typeNameOf, type CelValue } from './values.ts';

export type Run = (args: readonly CelValue[], tools: CallTools) => CelValue;

/** What a call may reach besides its arguments. */
export interface CallTools {
  /** Asks the caller's authorizer; throws out of the evaluation where the answer is not known yet. */
  readonly ask: (attributes: AuthorizerAttributes) => AuthorizerDecision;
}

export interface Overload {
  readonly id: string;
  readonly member: boolean;
  readonly args: readonly CheckType[];
  readonly result: CheckType;
  readonly typeParams: readonly string[];
  readonly run?: Run;
}

export interface FunctionDecl {
  readonly name: string;
  readonly overloads: readonly Overload[];
  /** Serves all overloads and looks at its arguments itself. */
  readonly run?: Run;
  /** Which first arguments it takes at all: others are `no such overload: NAME`. */
  readonly takes?: (value: CelValue) => boolean;
}

/** One of Kubernetes' types that have no fields; `kubernetes.Quantity`. */
const words = /[A-Za-z_.]+|[(),]/g;
const scalars = new Set(['bool', 'int', 'uint', 'double', 'string', 'bytes', 'null', 'timestamp', 'duration', 'dyn']);
/** Names with a dot are objects, except those that upstream declares as opaque. */
const opaque = new Set(['net.IP', 'net.CIDR', 'jsonpatch.JSONPatch']);

function readType(tokens: string[], params: Set<string>): CheckType {
  const name = tokens.shift() as string;
  if (scalars.has(name)) return { kind: name as 'bool' };
  const inner: CheckType[] = [];
  if (tokens[0] === '(') {
    for (let separator: string | undefined = tokens.shift(); separator !== ')'; separator = tokens.shift()) inner.push(readType(tokens, params));
  }
  switch (name) {
    case 'list': return { kind: 'list', params: [inner[0] as CheckType] };
    case 'map': return { kind: 'map', params: [inner[0] as CheckType, inner[1] as CheckType] };
    case 'optional': return { kind: 'opaque', name: 'optional_type', params: inner };
    case 'type': return { kind: 'type', params: inner };
    default:
      if (opaque.has(name)) return { kind: 'opaque', name, params: [] };
      if (name.includes('.')) return { kind: 'object', name };
      params.add(name);
      return paramType(name);
  }
}

/** Reads `string.contains: (string, string) -> bool` without the name: `member? (A, list(A)) -> bool`. */
export function overload(id: string, signature: string, run?: Run): Overload {
  const member = signature.startsWith('.');
  const tokens = (member ? signature.slice(1) : signature).match(words) ?? [];
  const params = new Set<string>();
  const args: CheckType[] = [];
  tokens.shift();
  while (tokens[0] !== ')') {
    if (tokens[0] === ',') tokens.shift();
    else args.push(readType(tokens, params));
  }
  tokens.shift();
  const result = readType(tokens, params);
  return { id, member, args, result, typeParams: [...params], ...(run === undefined ? {} : { run }) };
}

/** Of a map one entry is looked at. */
function firstEntryMatches(type: CheckType & { readonly kind: 'map' }, value: MapValue): boolean {
  for (const key of value.keys()) return matches(type.params[0], key) && matches(type.params[1], value.find(key) as CelValue);
  return true;
}

/** Whether a value is what an overload says it takes; of lists the first element is looked at, as upstream does. */
export function matches(type: CheckType, value: CelValue): boolean {
  switch (type.kind) {
    case 'dyn': case 'param': case 'error': return true;
    case 'bool': return typeof value === 'boolean';
    case 'int': return typeof value === 'bigint';
    case 'double': return typeof value === 'number';
    case 'string': return typeof value === 'string';
    case 'null': return value === null;
    case 'uint': return value instanceof Uint;
    case 'bytes': return value instanceof Uint8Array;
    case 'timestamp': return value instanceof Timestamp;
    case 'duration': return value instanceof Duration;
    case 'list': return value instanceof ListValue && (value.size === 0 || matches(type.params[0], value.at(0)));
    case 'map': return value instanceof MapValue && firstEntryMatches(type, value);
    case 'type': return value instanceof TypeValue;
    case 'opaque': if (type.name === 'optional_type') return value instanceof OptionalValue; return typeNameOf(value) === type.name;
    case 'object': return typeNameOf(value) === type.name;
  }
}

function noSuchOverloadOf(name: string, args: readonly CelValue[]): CelError {
  const error = args.find(isError);
  return error ?? new CelError(`no such overload: ${name}(${args.map(typeNameOf).join(', ')})`);
}

/** These say themselves that they do not know a function. */
const isReceiver = (value: CelValue): boolean => typeof value === 'string' || value instanceof Timestamp || value instanceof Duration;

/** By the overload the checker found, or by what the arguments are. */
export function callFunction(decl: FunctionDecl, overloadId: string | undefined, args: readonly CelValue[], tools: CallTools): CelValue {
  if (decl.run !== undefined) {
    if (decl.takes !== undefined && !decl.takes(args[0] as CelValue)) return isReceiver(args[0] as CelValue) ? noSuchOverload : new CelError(`no such overload: ${decl.name}`);
    return decl.run(args, tools);
  }
  for (const candidate of decl.overloads) {
    if (overloadId !== undefined && candidate.id !== overloadId) continue;
    if (candidate.run === undefined || candidate.args.length !== args.length) continue;
    if (candidate.args.every((type, index) => matches(type, args[index] as CelValue))) return candidate.run(args, tools);
  }
  return noSuchOverloadOf(decl.name, args);
}
