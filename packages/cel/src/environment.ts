import type { Expr } from './ast.ts';
import { dynType, listOf, mapOf, optionalOf, paramType, type CheckType } from './check-types.ts';
import { check, type Checked, type Declarations } from './checker.ts';
import { checkTypeOf, objectTypesIn } from './decl-types.ts';
import { AuthorizerValue, ResourceCheck, type ResourceQuestion } from './lib/authorizer.ts';
import { functionsOf, patchFunctionTable, type FunctionTable } from './library.ts';
import { deviceMacros, newMacros, storedMacros, type MacroSet } from './macros.ts';
import { parse } from './parser.ts';
import { PlanError, plan, type Plan } from './plan.ts';
import { CelProgram } from './program.ts';
import { showErrors } from './source-error.ts';
import { isPatchType, makeObject, patchFieldType } from './structs.ts';
import type { BoundValue, CompileResult, DeclType, Environment, EnvironmentOptions, ObjectDeclType } from './types.ts';
import { validateExpression } from './validate.ts';

const standardTypes: ReadonlyMap<string, CheckType> = new Map<string, CheckType>([
  ['bool', { kind: 'bool' }], ['bytes', { kind: 'bytes' }], ['double', { kind: 'double' }], ['int', { kind: 'int' }], ['uint', { kind: 'uint' }], ['string', { kind: 'string' }],
  ['null_type', { kind: 'null' }], ['list', listOf(dynType)], ['map', mapOf(dynType, dynType)], ['type', { kind: 'type', params: [] }], ['optional_type', optionalOf(paramType('V'))],
  ['google.protobuf.Timestamp', { kind: 'timestamp' }], ['google.protobuf.Duration', { kind: 'duration' }],
  ['net.IP', { kind: 'opaque', name: 'net.IP', params: [] }], ['net.CIDR', { kind: 'opaque', name: 'net.CIDR', params: [] }],
]);

interface Parts {
  readonly variables: ReadonlyMap<string, DeclType>;
  /** `Object`, `JSONPatch`. */
  readonly patchTypes: boolean;
  readonly functions: FunctionTable;
  readonly macros: MacroSet;
}

const macrosOf: Readonly<Record<NonNullable<EnvironmentOptions['expressions']>, MacroSet>> = { new: newMacros, stored: storedMacros, device: deviceMacros };

function dialect(expressions: NonNullable<EnvironmentOptions['expressions']>): Pick<Parts, 'functions' | 'macros'> {
  return { functions: functionsOf[expressions], macros: macrosOf[expressions] };
}

/** An environment of Kubernetes 1.32 with these variables. */
export function celEnvironment(options: EnvironmentOptions = {}): Environment {
  return new CelEnvironment({ variables: new Map(), patchTypes: false, ...dialect('stored') }).extend(options);
}

class CelEnvironment implements Environment {
  readonly #parts: Parts;
  readonly #checkTypes = new Map<string, CheckType>();
  readonly #objects = new Map<string, ObjectDeclType>();
  readonly #declarations: Declarations;

  constructor(parts: Parts) {
    this.#parts = parts;
    for (const [name, type] of parts.variables) {
      this.#checkTypes.set(name, checkTypeOf(type));
      objectTypesIn(type, this.#objects);
    }
    this.#declarations = {
      variable: (name) => this.#checkTypes.get(name),
      typeNamed: (name) => standardTypes.get(name) ?? (this.#objects.has(name) || (parts.patchTypes && isPatchType(name)) ? { kind: 'object', name } : undefined),
      fieldsOf: (name) => {
        const type = this.#objects.get(name);
        if (type === undefined && parts.patchTypes && isPatchType(name)) return (field) => patchFieldType(name, field);
        return type === undefined ? undefined : (field) => {
          // Keywords that the grammar lets stand as names (`self.namespace`) need no escape.
          const declared = (type.fields.get(field) ?? type.fields.get(`__${field}__`))?.type;
          return declared === undefined ? undefined : checkTypeOf(declared);
        };
      },
      function: (name) => parts.functions.get(name) ?? (parts.patchTypes ? patchFunctionTable.get(name) : undefined),
    };
  }

  get variables(): ReadonlyMap<string, DeclType> {
    return this.#parts.variables;
  }

  extend({ variables = {}, patchTypes = this.#parts.patchTypes, expressions }: EnvironmentOptions): Environment {
    const { functions, macros } = this.#parts;
    return new CelEnvironment({
      variables: new Map([...this.#parts.variables, ...Object.entries(variables)]),
      patchTypes,
      ...(expressions === undefined ? { functions, macros } : dialect(expressions)),
    });
  }

  compile(expression: string): CompileResult {
    const parsed = parse(expression, this.#parts.macros);
    if ('errors' in parsed) return { ok: false, kind: 'compile', message: showErrors(parsed.errors, expression) };
    const { checked, errors } = check(parsed.expr, this.#declarations);
    const found = errors.length > 0 ? errors : validateExpression(parsed.expr, checked);
    if (found.length > 0) return { ok: false, kind: 'compile', message: showErrors(found, expression) };
    const planned = this.#plan(parsed.expr, checked);
    if (typeof planned === 'string') return { ok: false, kind: 'program', message: planned };
    return { ok: true, program: new CelProgram({ expression, expr: parsed.expr, checked, plan: planned, variables: this.#parts.variables, objects: this.#objects }) };
  }

  #plan(expr: Expr, checked: Checked): Plan | string {
    try {
      return plan(expr, checked, makeObject);
    } catch (error) {
      if (error instanceof PlanError) return error.message;
      throw error;
    }
  }
}


/** The request's authorizer, for variables of `authorizerDecl`. */
export const authorizerValue: BoundValue = { boundValue: new AuthorizerValue() };

/** `authorizer.requestResource`: the check of the request's own resource. */
export const requestResourceValue = (question: ResourceQuestion): BoundValue => ({ boundValue: new ResourceCheck(question) });
