import { anyDecl, dynDecl, mapDecl, objectDecl, stringDecl } from './decl-types.ts';
import { celEnvironment } from './environment.ts';
import { parseQuantity } from './lib/quantity.ts';
import { parseSemver } from './lib/semver.ts';
import type { BoundValue, CompileResult, DeclType, Environment } from './types.ts';
import { CelError, MapValue, type CelValue } from './values.ts';

/** One of the four. */
export interface DeviceAttributeValue {
  readonly int?: number | bigint;
  readonly bool?: boolean;
  readonly string?: string;
  readonly version?: string;
}

export interface DeviceFacts {
  readonly driver: string;
  /** By name, with or without a domain; the driver's is meant where there is none. */
  readonly attributes: Readonly<Record<string, DeviceAttributeValue>>;
  readonly capacity: Readonly<Record<string, string>>;
}

/** Of a selector's evaluation. */
export const deviceCostLimit = 1_000_000;
const maxEntries = 32;
const quantityDecl: DeclType = { kind: 'opaque', name: 'kubernetes.Quantity', minSerializedSize: 1 };
const deviceDecl = objectDecl('kubernetes.DRADevice', {
  driver: stringDecl, attributes: mapDecl(mapDecl(anyDecl, maxEntries), maxEntries), capacity: mapDecl(mapDecl(quantityDecl, maxEntries), maxEntries),
});

/** In which device selectors are compiled: the variable `device`, and semantic versions. */
export const deviceEnvironment: Environment = celEnvironment({ expressions: 'device', variables: { device: deviceDecl } });

/** What `estimateCost` goes by: nobody says how large a device is, so all that depends on it may cost anything. */
export const deviceSizes: DeclType = dynDecl;

/** A selector: what it says of a device is true or false. */
export function compileDeviceSelector(expression: string): CompileResult {
  const compiled = deviceEnvironment.compile(expression);
  if (!compiled.ok) return compiled.kind === 'compile' ? { ...compiled, message: `compilation failed: ${compiled.message}` } : compiled;
  const { kind, runtimeText } = compiled.program.resultType;
  return kind === 'bool' || kind === 'any' ? compiled : { ok: false, kind: 'compile', message: `must evaluate to bool or the unknown type, not ${runtimeText}` };
}

class Fields extends MapValue {
  readonly #values: ReadonlyMap<string, CelValue>;
  readonly #otherwise: CelValue | undefined;
  constructor(values: ReadonlyMap<string, CelValue>, otherwise?: CelValue) {
    super();
    this.#values = values;
    this.#otherwise = otherwise;
  }
  get size(): number { return this.#values.size; }
  find(key: CelValue): CelValue | undefined { return typeof key === 'string' ? this.#values.get(key) ?? this.#otherwise : undefined; }
  keys(): Iterable<CelValue> { return this.#values.keys(); }
}

function attributeValue({ int, bool, string, version }: DeviceAttributeValue): CelValue {
  return int === undefined ? bool ?? string ?? (version === undefined ? new CelError('unsupported attribute value') : parseSemver(version)) : BigInt(int);
}

const nothing = new Fields(new Map());

/** By domain, then by name; a domain of which nothing is known has no names. */
function byDomain<T>(values: Readonly<Record<string, T>>, driver: string, valueOf: (value: T) => CelValue): Fields {
  const domains = new Map<string, Map<string, CelValue>>();
  for (const [name, value] of Object.entries(values)) {
    const slash = name.indexOf('/');
    const domain = slash < 0 ? driver : name.slice(0, slash);
    const names = domains.get(domain) ?? new Map<string, CelValue>();
    domains.set(domain, names.set(name.slice(slash + 1), valueOf(value)));
  }
  return new Fields(new Map([...domains].map(([domain, names]) => [domain, new Fields(names)])), nothing);
}

/** A device, as `device` of the environment. */
export function deviceBinding({ driver, attributes, capacity }: DeviceFacts): BoundValue {
  const fields = new Map<string, CelValue>([['driver', driver], ['attributes', byDomain(attributes, driver, attributeValue)], ['capacity', byDomain(capacity, driver, parseQuantity)]]);
  return { boundValue: new Fields(fields) };
}
