/**
 * The interface of the package: environments of declared variables, expressions compiled against them, programs evaluated over plain JSON.
 * Everything is pure and synchronous; environments and programs are immutable and meant to be kept by whoever made them.
 */

export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export type ScalarKind = 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null' | 'timestamp' | 'duration' | 'dyn';

/**
 * A type as variables are declared with, and how large values of it may get, which the cost estimate uses (upstream's DeclType).
 * `maxElements`: bytes of a string, entries of a list or map. Make it by `schemaDeclType` or the helpers of `decl-types.ts`.
 */
export type DeclType =
  | { readonly kind: ScalarKind; readonly maxElements?: number; readonly minSerializedSize: number; readonly nullable?: boolean; readonly format?: 'int-or-string' | 'date' | 'date-time' | 'duration' | 'byte' | 'any' }
  | { readonly kind: 'list'; readonly element: DeclType; readonly maxElements?: number; readonly minSerializedSize: number; readonly nullable?: boolean; readonly listType?: 'atomic' | 'set' | 'map'; readonly mapKeys?: readonly string[] }
  | { readonly kind: 'map'; readonly key: DeclType; readonly value: DeclType; readonly maxElements?: number; readonly minSerializedSize: number; readonly nullable?: boolean }
  | ObjectDeclType
  | { readonly kind: 'optional'; readonly of: DeclType; readonly minSerializedSize: number; readonly nullable?: boolean }
  /** `kubernetes.authorization.Authorizer`, `kubernetes.authorization.ResourceCheck`. */
  | { readonly kind: 'opaque'; readonly name: string; readonly minSerializedSize: number };

export interface ObjectDeclType {
  readonly kind: 'object';
  /** Shown in errors: 'object' until named (`nameDeclType`). */
  readonly name: string;
  /** By escaped name (`__dash__`, `__namespace__`), as expressions select them. */
  readonly fields: ReadonlyMap<string, DeclField>;
  readonly minSerializedSize: number;
  /** Properties outside of `fields` are no error at run time only because expressions cannot name them. */
  readonly preserveUnknownFields?: boolean;
  readonly nullable?: boolean;
}

export interface DeclField {
  /** Its name in JSON. */
  readonly jsonName: string;
  readonly type: DeclType;
  readonly required: boolean;
}

/** What the checker found; `text` is as messages show it (`list(string)`, `map(string, dyn)`, `optional_type(int)`, `kubernetes.Quantity`). */
export interface ResultType {
  readonly kind: 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null' | 'timestamp' | 'duration' | 'dyn' | 'any' | 'list' | 'map' | 'object' | 'optional' | 'type' | 'opaque' | 'error';
  readonly text: string;
  /** As messages about the result show it: `null_type` for `null`, `google.protobuf.Any` for `any`. */
  readonly runtimeText: string;
}

export interface EnvironmentOptions {
  readonly variables?: Readonly<Record<string, DeclType>>;
  /**
   * 'new': what an object that is being written may use (libraries of 1.31, as upstream's compatibility version of 1.32 is);
   * 'stored': what may already be stored or stands in configuration files; 'device': that, and semantic versions. Default 'stored'.
   */
  readonly expressions?: 'new' | 'stored' | 'device';
  /** What expressions of mutating policies may do besides: construct `Object{…}`, `Object.spec{…}` and `JSONPatch{…}`, and call `jsonpatch.escapeKey`. */
  readonly patchTypes?: boolean;
}

export interface Environment {
  readonly variables: ReadonlyMap<string, DeclType>;
  /** A copy with more variables; cheap. */
  extend(options: EnvironmentOptions): Environment;
  /** Parses and type-checks. Never throws for what a user wrote. */
  compile(expression: string): CompileResult;
}

export type CompileResult =
  | { readonly ok: true; readonly program: Program }
  /** `program`: types are right but a constant argument is wrong (upstream's `program instantiation failed`). `message`: all errors as upstream joins them: `ERROR: <input>:1:5: undeclared reference to 'foo' (in container '')\n | foo\n | ^`. */
  | { readonly ok: false; readonly kind: 'compile' | 'program'; readonly message: string };

/** Saturates at 2^64 - 1 (as a double). */
export interface CostEstimate {
  readonly min: number;
  readonly max: number;
}

export interface Program {
  readonly expression: string;
  readonly resultType: ResultType;
  /** The result's type to declare a variable with; undefined where only dyn would do. */
  readonly declaredResult: DeclType | undefined;
  /** Whether the expression mentions a variable: `oldSelf` makes a transition rule. */
  references(variable: string): boolean;
  /** From the sizes in the variables' types; with `root` every variable is taken for that one (as CRDs do with `self`, for oldSelf too). */
  estimateCost(root?: DeclType): CostEstimate;
  evaluate(bindings: Bindings, limits?: EvaluationLimits): Evaluation;
}

export interface EvaluationLimits {
  /** Default `perCallLimit` (1,000,000). */
  readonly costLimit?: number;
  /** Decisions of the authorizer that are known so far. */
  readonly authorizer?: DecisionSource | undefined;
  /** Evaluated for a field of `lazyFields`, inside of another evaluation. */
  readonly nested?: boolean;
}

/**
 * JSON is read by the variable's declared type and neither copied nor changed; it must not change while it is evaluated.
 * `undefined`: the variable is not bound (`no such attribute(s): x`), or optional.none() where it is declared optional.
 */
export type Binding = Json | undefined | BoundValue;
export type Bindings = Readonly<Record<string, Binding>>;

/** A value that is no JSON: made by `lazyFields`, `authorizerValue`, `requestResourceValue`, `resultBinding`. */
export interface BoundValue {
  readonly boundValue: unknown;
}

export type Evaluation =
  | { readonly kind: 'value'; readonly value: CelResult; readonly cost: number }
  /** `message` in cel's words: `no such key: x`, `division by zero`, `operation cancelled: actual cost limit exceeded` (then `overLimit`). */
  | { readonly kind: 'error'; readonly message: string; readonly overLimit: boolean; readonly cost: number }
  /** The authorizer has to be asked and the source did not know the answer yet: ask, remember, evaluate again.  */
  | { readonly kind: 'ask'; readonly attributes: AuthorizerAttributes; readonly cost: number };

export interface CelResult {
  /** As `type(x)` names it: `bool`, `string`, `list`, `optional_type`, … */
  readonly typeName: string;
  /** true/false/string/… of scalar results: boolean, string; int and uint as bigint, double as number, null; undefined for all others. */
  readonly scalar: boolean | string | bigint | number | null | undefined;
  /** Of an optional: its value, or 'none'. */
  readonly optional: CelResult | 'none' | undefined;
  /** Of objects that an expression constructed: those whose type is not that of their place below `Object`, in upstream's words. */
  misplacedTypes(): readonly string[];
  /** The items of a list; undefined: it is none. */
  items(): readonly CelResult[] | undefined;
  /** A field of an object that an expression constructed; undefined: it was not given. */
  field(name: string): CelResult | undefined;
  /** As JSON (timestamps and durations as their strings, bytes as base64); undefined where it has none (types, optional.none). */
  json(): Json | undefined;
}

/** One `check(verb)` of the authorizer library. */
export interface AuthorizerAttributes {
  /** The serviceAccount(namespace, name) that is asked about instead of the request's user. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly verb: string;
  readonly isResourceRequest: boolean;
  readonly path: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface AuthorizerDecision {
  readonly allowed: boolean;
  readonly reason: string;
  /** The authorizer failed: `errored()` and `error()`. */
  readonly error?: string;
}

export interface DecisionSource {
  /** `undefined`: not known yet. */
  decide(attributes: AuthorizerAttributes): AuthorizerDecision | undefined;
}
