import { operators, qualifiedName, type CallExpr, type ComprehensionExpr, type Expr, type SelectExpr } from './ast.ts';
import { assignable, assignableAll, mostGeneral, substitute, type Substitutions } from './assign.ts';
import { boolType, dynType, errorType, intType, listOf, mapOf, optionalOf, paramType, paramsOf, sameType, stringType, typeOf, typeText, unwrapOptional, type CheckType } from './check-types.ts';
import type { FunctionDecl } from './functions.ts';
import type { SourceError } from './source-error.ts';
import { Duration, Timestamp, Uint, type CelValue } from './values.ts';

/** What names stand for outside of the expression. */
export interface Declarations {
  variable(name: string): CheckType | undefined;
  /** A name that is a type: `int`, `google.protobuf.Timestamp`, `Object.spec`. */
  typeNamed(name: string): CheckType | undefined;
  /** Fields of an object type; undefined: there is no such type. */
  fieldsOf(typeName: string): ((field: string) => CheckType | undefined) | undefined;
  function(name: string): FunctionDecl | undefined;
}

/** What checking found out, by node. */
export interface Checked {
  readonly types: ReadonlyMap<Expr, CheckType>;
  readonly overloads: ReadonlyMap<Expr, readonly string[]>;
  /** Idents and selects that are a variable (their full name) … */
  readonly variables: ReadonlyMap<Expr, string>;
  /** … or a type. */
  readonly typeNames: ReadonlyMap<Expr, string>;
  /** Calls `a.b(…)` that are calls of the function `a.b`, and the resolved name of the others. */
  readonly functions: ReadonlyMap<Expr, { readonly decl: FunctionDecl; readonly target: Expr | undefined }>;
}

export function check(expr: Expr, declarations: Declarations): { readonly checked: Checked; readonly errors: readonly SourceError[] } {
  const checker = new Checker(declarations);
  checker.check(expr);
  return { checked: checker.finish(), errors: checker.errors };
}

function literalType(value: CelValue): CheckType {
  switch (typeof value) {
    case 'boolean': return boolType;
    case 'bigint': return intType;
    case 'number': return { kind: 'double' };
    case 'string': return stringType;
    default:
      if (value instanceof Uint) return { kind: 'uint' };
      if (value instanceof Timestamp) return { kind: 'timestamp' };
      if (value instanceof Duration) return { kind: 'duration' };
      return { kind: value === null ? 'null' : 'bytes' };
  }
}

class Checker {
  readonly errors: SourceError[] = [];
  readonly #declarations: Declarations;
  readonly #types = new Map<Expr, CheckType>();
  readonly #overloads = new Map<Expr, readonly string[]>();
  readonly #variables = new Map<Expr, string>();
  readonly #typeNames = new Map<Expr, string>();
  readonly #functions = new Map<Expr, { readonly decl: FunctionDecl; readonly target: Expr | undefined }>();
  #substitutions: Substitutions = new Map();
  #freeTypes = 0;
  /** Variables of comprehensions, innermost last. */
  readonly #scopes: Map<string, CheckType>[] = [];

  constructor(declarations: Declarations) {
    this.#declarations = declarations;
  }

  finish(): Checked {
    for (const [expr, type] of this.#types) this.#types.set(expr, substitute(this.#substitutions, type, true));
    return { types: this.#types, overloads: this.#overloads, variables: this.#variables, typeNames: this.#typeNames, functions: this.#functions };
  }

  check(expr: Expr): CheckType {
    const type = this.#typeOf(expr);
    this.#types.set(expr, type);
    return type;
  }

  #typeOf(expr: Expr): CheckType {
    switch (expr.kind) {
      case 'literal': return literalType(expr.value);
      case 'ident': return this.#ident(expr);
      case 'select': return this.#select(expr);
      case 'call': return expr.name === operators.optionalSelect ? this.#optionalSelect(expr) : this.#call(expr);
      case 'list': return this.#list(expr);
      case 'map': return this.#map(expr);
      case 'struct': return this.#struct(expr);
      case 'comprehension': return this.#comprehension(expr);
    }
  }

  #error(expr: { readonly offset: number }, message: string): void {
    this.errors.push({ offset: expr.offset, message });
  }

  #mismatch(expr: Expr, expected: CheckType, actual: CheckType): void {
    this.#error(expr, `expected type '${typeText(expected)}' but found '${typeText(actual)}'`);
  }

  #assignable(to: CheckType, from: CheckType): boolean {
    const next = assignable(this.#substitutions, to, from);
    if (next !== undefined) this.#substitutions = next;
    return next !== undefined;
  }

  #freeType(): CheckType {
    return paramType(`_var${this.#freeTypes++}`);
  }

  /** The type of a name, noted for the node; a leading dot means no scope of the expression. */
  #lookup(expr: Expr, dotted: string): CheckType | undefined {
    const absolute = dotted.startsWith('.');
    const name = absolute ? dotted.slice(1) : dotted;
    if (!absolute) {
      const local = this.#scopes.findLast((scope) => scope.has(name))?.get(name);
      if (local !== undefined) {
        this.#variables.set(expr, name);
        return local;
      }
    }
    const variable = this.#declarations.variable(name);
    if (variable !== undefined) {
      this.#variables.set(expr, name);
      return variable;
    }
    const type = this.#declarations.typeNamed(name);
    if (type === undefined) return undefined;
    this.#typeNames.set(expr, name);
    return typeOf(type);
  }

  #undeclared(expr: Expr, name: string): CheckType {
    this.#error(expr, `undeclared reference to '${name}' (in container '')`);
    return errorType;
  }

  #ident(expr: Expr & { readonly kind: 'ident' }): CheckType {
    return this.#lookup(expr, expr.name) ?? this.#undeclared(expr, expr.name);
  }

  #select(expr: SelectExpr): CheckType {
    const name = qualifiedName(expr);
    const found = name === undefined ? undefined : this.#lookup(expr, name);
    if (found !== undefined) return found;
    const type = this.#field(expr, expr.operand, expr.field, false);
    return expr.testOnly ? boolType : substitute(this.#substitutions, type, false);
  }

  #optionalSelect(expr: CallExpr): CheckType {
    const [operand, field] = expr.args as readonly [Expr, Expr & { readonly kind: 'literal' }];
    this.#overloads.set(expr, ['select_optional_field']);
    this.#types.set(field, stringType);
    return substitute(this.#substitutions, this.#field(expr, operand, field.value as string, true), false);
  }

  #field(expr: Expr, operand: Expr, field: string, optional: boolean): CheckType {
    const operandType = substitute(this.#substitutions, this.check(operand), false);
    const { type: target, optional: isOptional } = unwrapOptional(operandType);
    const result = this.#fieldOf(expr, target, field);
    return isOptional || optional ? optionalOf(result) : result;
  }

  #fieldOf(expr: Expr, target: CheckType, field: string): CheckType {
    switch (target.kind) {
      case 'map': return target.params[1];
      case 'object': return this.#objectField(expr, target.name, field) ?? errorType;
      case 'param':
        this.#assignable(dynType, target);
        return dynType;
      case 'dyn': case 'error': return dynType;
      default:
        this.#error(expr, `type '${typeText(target)}' does not support field selection`);
        return dynType;
    }
  }

  #objectField(at: { readonly offset: number }, typeName: string, field: string): CheckType | undefined {
    const fields = this.#declarations.fieldsOf(typeName);
    if (fields === undefined) {
      this.#error(at, `unexpected failed resolution of '${typeName}'`);
      return undefined;
    }
    const type = fields(field);
    if (type === undefined) this.#error(at, `undefined field '${field}'`);
    return type;
  }

  #call(expr: CallExpr): CheckType {
    for (const arg of expr.args) this.check(arg);
    const { target } = expr;
    if (target === undefined) {
      const decl = this.#declarations.function(expr.name.startsWith('.') ? expr.name.slice(1) : expr.name);
      return decl === undefined ? this.#undeclared(expr, expr.name) : this.#resolve(expr, decl, undefined);
    }
    const prefix = qualifiedName(target);
    const namespaced = prefix === undefined ? undefined : this.#declarations.function(`${prefix.startsWith('.') ? prefix.slice(1) : prefix}.${expr.name}`);
    if (namespaced !== undefined) return this.#resolve(expr, namespaced, undefined);
    this.check(target);
    const decl = this.#declarations.function(expr.name);
    return decl === undefined ? this.#undeclared(expr, expr.name) : this.#resolve(expr, decl, target);
  }

  #resolve(expr: CallExpr, decl: FunctionDecl, target: Expr | undefined): CheckType {
    this.#functions.set(expr, { decl, target });
    const args = target === undefined ? expr.args : [target, ...expr.args];
    const argTypes = args.map((arg) => this.#types.get(arg) as CheckType);
    if (decl.name === operators.and || decl.name === operators.or) return this.#logical(expr, decl, argTypes);
    let result: CheckType | undefined;
    const ids: string[] = [];
    for (const overload of decl.overloads) {
      if (overload.member !== (target !== undefined)) continue;
      const fresh: Substitutions = new Map(overload.typeParams.map((name) => [name, this.#freeType()]));
      const wanted = overload.args.map((type) => substitute(fresh, type, false));
      const next = assignableAll(this.#substitutions, argTypes, wanted);
      if (next === undefined) continue;
      this.#substitutions = next;
      ids.push(overload.id);
      const type = substitute(this.#substitutions, substitute(fresh, overload.result, false), false);
      if (result === undefined) result = type;
      else if (result.kind !== 'dyn' && !sameType(type, result)) result = dynType;
    }
    if (result === undefined) {
      const shown = argTypes.map((type) => typeText(substitute(this.#substitutions, type, true)));
      const signature = target === undefined ? `(${shown.join(', ')})` : `${shown[0]}.(${shown.slice(1).join(', ')})`;
      this.#error(expr, `found no matching overload for '${decl.name}' applied to '${signature}'`);
      return errorType;
    }
    this.#overloads.set(expr, ids);
    return result;
  }

  #logical(expr: CallExpr, decl: FunctionDecl, argTypes: readonly CheckType[]): CheckType {
    let fits = true;
    argTypes.forEach((type, index) => {
      if (this.#assignable(type, boolType)) return;
      this.#mismatch(expr.args[index] as Expr, boolType, type);
      fits = false;
    });
    if (!fits) return errorType;
    this.#overloads.set(expr, [decl.overloads[0]?.id ?? '']);
    return boolType;
  }

  #unwrapped(expr: Expr, type: CheckType, optional: boolean): CheckType {
    if (!optional) return type;
    const { type: inner, optional: isOptional } = unwrapOptional(type);
    if (!isOptional && inner.kind !== 'dyn') this.#mismatch(expr, optionalOf(inner), inner);
    return inner;
  }

  #list(expr: Expr & { readonly kind: 'list' }): CheckType {
    let type: CheckType | undefined;
    expr.elements.forEach((element, index) => {
      const elementType = this.#unwrapped(element, this.check(element), expr.optional.has(index));
      type = this.#join(type, elementType);
    });
    return listOf(type ?? this.#freeType());
  }

  #map(expr: Expr & { readonly kind: 'map' }): CheckType {
    let key: CheckType | undefined;
    let value: CheckType | undefined;
    for (const entry of expr.entries) {
      key = this.#join(key, this.check(entry.key));
      value = this.#join(value, this.#unwrapped(entry.value, this.check(entry.value), entry.optional));
    }
    return mapOf(key ?? this.#freeType(), value ?? this.#freeType());
  }

  #join(previous: CheckType | undefined, current: CheckType): CheckType {
    if (previous === undefined) return current;
    if (this.#assignable(previous, current)) return mostGeneral(previous, current);
    // Mixed literals are refused later, and not where format() takes them.
    return dynType;
  }

  #struct(expr: Expr & { readonly kind: 'struct' }): CheckType {
    const name = expr.type.startsWith('.') ? expr.type.slice(1) : expr.type;
    const variable = this.#declarations.variable(name);
    const named = variable === undefined ? this.#declarations.typeNamed(name) : undefined;
    if (variable !== undefined) this.#error(expr, `'${typeText(variable)}' is not a type`);
    else if (named === undefined) return this.#undeclared(expr, expr.type);
    const isMessage = named?.kind === 'object' && this.#declarations.fieldsOf(named.name) !== undefined;
    if (named !== undefined && !isMessage) this.#error(expr, `'${typeText(named)}' is not a message type`);
    for (const field of expr.fields) {
      const fieldType = this.#objectField(field, name, field.field) ?? errorType;
      const valueType = this.#unwrapped(field.value, this.check(field.value), field.optional);
      if (!this.#assignable(fieldType, valueType)) {
        this.#error(field, `expected type of field '${field.field}' is '${typeText(fieldType)}' but provided type is '${typeText(valueType)}'`);
      }
    }
    this.#typeNames.set(expr, name);
    return isMessage ? named : errorType;
  }

  #comprehension(expr: ComprehensionExpr): CheckType {
    this.check(expr.range);
    const accuType = this.check(expr.accuInit);
    const rangeType = substitute(this.#substitutions, this.#types.get(expr.range) as CheckType, false);
    this.#scopes.push(new Map([[expr.accuVar, accuType]]));
    this.#scopes.push(this.#iterationVariables(expr, rangeType));
    this.#assertType(expr.condition, boolType, this.check(expr.condition));
    this.#assertType(expr.step, accuType, this.check(expr.step));
    this.#scopes.pop();
    const result = this.check(expr.result);
    this.#scopes.pop();
    return substitute(this.#substitutions, result, false);
  }

  #iterationVariables(expr: ComprehensionExpr, range: CheckType): Map<string, CheckType> {
    const variables = new Map<string, CheckType>();
    const put = (first: CheckType, second: CheckType): void => {
      variables.set(expr.iterVar, first);
      if (expr.iterVar2 !== undefined) variables.set(expr.iterVar2, second);
    };
    const [first, second] = paramsOf(range) as readonly [CheckType, CheckType];
    switch (range.kind) {
      case 'list': put(expr.iterVar2 === undefined ? first : intType, first); break;
      case 'map': put(first, second); break;
      case 'dyn': case 'error': case 'param':
        this.#assignable(dynType, range);
        put(dynType, dynType);
        break;
      default:
        this.#error(expr.range, `expression of type '${typeText(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`);
        put(errorType, errorType);
    }
    return variables;
  }

  #assertType(expr: Expr, expected: CheckType, actual: CheckType): void {
    if (!this.#assignable(expected, actual)) this.#mismatch(expr, expected, actual);
  }
}
