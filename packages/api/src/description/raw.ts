import types from '../../data/types.json' with { type: 'json' };

/** What a field holds, as the codecs see it. */
export type Shape =
  | { readonly kind: 'string' | 'boolean' | 'int32' | 'int64' | 'double' | 'bytes' }
  | { readonly kind: 'time' | 'micro-time' | 'duration' | 'quantity' | 'int-or-string' | 'any' }
  | { readonly kind: 'object'; readonly type: string }
  | { readonly kind: 'list' | 'map'; readonly of: Shape };

export interface GoField {
  readonly name: string;
  readonly shape: Shape;
  /** Go's name of the type, as its JSON errors print it: `v1.PullPolicy`, `[]v1.Container`. */
  readonly goType: string;
  readonly presence: 'pointer' | 'value' | 'slice' | 'map';
  readonly omitEmpty: boolean;
  readonly required: boolean;
  readonly inline: boolean;
  /** 0: not in protobuf. */
  readonly protoNumber: number;
  readonly protoName: string;
  readonly extras: FieldExtras;
}

export interface FieldExtras {
  readonly lt?: string;
  readonly lk?: readonly string[];
  readonly mt?: string;
  readonly ps?: string;
  readonly mk?: string;
  readonly e?: readonly string[];
  readonly d?: unknown;
  readonly g?: string;
  readonly n?: string;
}

/** A Go struct as declared: inlined structs are still fields of their own. */
export interface GoStruct {
  readonly name: string;
  /** `Pod`, as error texts name it. */
  readonly simpleName: string;
  readonly fields: readonly GoField[];
  readonly gvks: readonly string[];
  readonly mapType: 'atomic' | 'granular' | undefined;
  /** False for types that a server knows of but does not publish in OpenAPI. */
  readonly published: boolean;
}

type RawField = readonly [string, string, string, number, FieldExtras?];
interface RawType { readonly k?: readonly string[]; readonly m?: string; readonly p?: number; readonly f: readonly RawField[] }

const data = types as unknown as Readonly<Record<string, Readonly<Record<string, RawType>>>>;
const structs = new Map<string, GoStruct>();
const scalars: Readonly<Record<string, Shape>> = {
  s: { kind: 'string' }, b: { kind: 'boolean' }, i: { kind: 'int32' }, l: { kind: 'int64' }, d: { kind: 'double' }, y: { kind: 'bytes' },
  T: { kind: 'time' }, M: { kind: 'micro-time' }, D: { kind: 'duration' }, Q: { kind: 'quantity' }, I: { kind: 'int-or-string' }, '*': { kind: 'any' },
};
const goNames: Readonly<Record<Exclude<Shape['kind'], 'object' | 'list' | 'map'>, string>> = {
  string: 'string', boolean: 'bool', int32: 'int32', int64: 'int64', double: 'float64', bytes: '[]uint8', time: 'v1.Time', 'micro-time': 'v1.MicroTime',
  duration: 'v1.Duration', quantity: 'resource.Quantity', 'int-or-string': 'intstr.IntOrString', any: 'runtime.RawExtension',
};
const presences = { p: 'pointer', v: 'value', s: 'slice', m: 'map' } as const;

function parseShape(text: string, inPackage: string): Shape {
  if (text.startsWith('[]')) return { kind: 'list', of: parseShape(text.slice(2), inPackage) };
  if (text.startsWith('{}')) return { kind: 'map', of: parseShape(text.slice(2), inPackage) };
  if (text.startsWith('@')) return { kind: 'object', type: text.includes('.') ? text.slice(1) : `${inPackage}.${text.slice(1)}` };
  return scalars[text] as Shape;
}

export function goTypeOf(shape: Shape): string {
  switch (shape.kind) {
    case 'list': return `[]${goTypeOf(shape.of)}`;
    case 'map': return `map[string]${goTypeOf(shape.of)}`;
    case 'object': return shape.type.split('.').slice(-2).join('.');
    default: return goNames[shape.kind];
  }
}

function parseField([name, text, flags, protoNumber, extras = {}]: RawField, inPackage: string): GoField {
  const shape = parseShape(text, inPackage);
  return {
    name, shape, protoNumber, extras,
    goType: extras.g ?? goTypeOf(shape),
    presence: presences[flags[0] as keyof typeof presences],
    omitEmpty: flags.includes('o'),
    required: flags.includes('q'),
    inline: flags.includes('i'),
    protoName: extras.n ?? name,
  };
}

function rawType(name: string): RawType | undefined {
  const dot = name.lastIndexOf('.');
  const inPackage = data[name.slice(0, dot)];
  const simple = name.slice(dot + 1);
  return inPackage !== undefined && Object.hasOwn(inPackage, simple) ? inPackage[simple] : undefined;
}

export function hasStruct(name: string): boolean {
  return structs.has(name) || rawType(name) !== undefined;
}

/** Parsed when first asked for: a process pays only for the types that it touches. */
export function structOf(name: string): GoStruct | undefined {
  const known = structs.get(name);
  if (known !== undefined) return known;
  const raw = rawType(name);
  if (raw === undefined) return undefined;
  const dot = name.lastIndexOf('.');
  const struct: GoStruct = {
    name, simpleName: name.slice(dot + 1),
    fields: raw.f.map((field) => parseField(field, name.slice(0, dot))),
    gvks: raw.k ?? [], mapType: raw.m as GoStruct['mapType'], published: raw.p === 1,
  };
  structs.set(name, struct);
  return struct;
}

/** Names of all types, in no promised order. */
export function structNames(): string[] {
  return Object.entries(data).flatMap(([inPackage, types]) => Object.keys(types).map((name) => `${inPackage}.${name}`));
}

export function packageNames(): string[] {
  return Object.keys(data);
}
