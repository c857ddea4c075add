import { validFieldPath, type JsonObject } from '@coxswain/api';
import { celEnvironment, nameDeclType, optionalDecl, schemaDeclType, type DeclType, type Environment, type Program } from '@coxswain/cel';
import { isObject, text } from '../../registry/object.ts';

/** One entry of `x-kubernetes-validations`, compiled. */
export interface CompiledRule {
  readonly rule: JsonObject;
  readonly program: Program | undefined;
  /** Why there is no program. */
  readonly trouble: string | undefined;
  readonly usesOldSelf: boolean;
  /** oldSelf may be absent, and the rule says what then. */
  readonly optionalOldSelf: boolean;
  readonly message: Program | undefined;
  readonly messageTrouble: string | undefined;
  /** Where the error is said to stand, below the rule's place; '' for the place itself. */
  readonly fieldPath: string;
}

/** Which libraries an expression may use: only what was there before may use those that are about to come. */
export type ExpressionAge = (expression: string) => 'new' | 'stored';

export function rulesOf(schema: JsonObject): JsonObject[] {
  const rules = schema['x-kubernetes-validations'];
  return Array.isArray(rules) ? rules.filter(isObject) : [];
}

/** The type that rules at this place see; undefined: none can be there. */
export function declTypeOf(schema: JsonObject, isRoot: boolean): DeclType | undefined {
  return schemaDeclType(schema, { isResourceRoot: isRoot || schema['x-kubernetes-embedded-resource'] === true });
}

class Environments {
  readonly #type: DeclType;
  readonly #made = new Map<string, Environment>();

  constructor(type: DeclType) {
    this.#type = nameDeclType(type, 'selfType');
  }

  get(age: 'new' | 'stored', optional: boolean): Environment {
    const key = `${age} ${optional}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = celEnvironment({ expressions: age, variables: { self: this.#type, oldSelf: optional ? optionalDecl(this.#type) : this.#type } });
    this.#made.set(key, made);
    return made;
  }
}

interface Message {
  readonly message: Program | undefined;
  readonly messageTrouble: string | undefined;
}

function compileMessage(environment: Environment, expression: string): Message {
  if (expression === '') return { message: undefined, messageTrouble: undefined };
  const compiled = environment.compile(expression);
  if (!compiled.ok) return { message: undefined, messageTrouble: `messageExpression compilation failed: ${compiled.message}` };
  if (compiled.program.resultType.kind !== 'string') return { message: undefined, messageTrouble: 'messageExpression must evaluate to a string' };
  return { message: compiled.program, messageTrouble: undefined };
}

function compileRule(schema: JsonObject, rule: JsonObject, environments: Environments, age: ExpressionAge): CompiledRule {
  const source = text(rule, 'rule');
  const optionalOldSelf = rule['optionalOldSelf'] === true;
  const failed = (trouble: string | undefined): CompiledRule => ({ rule, program: undefined, trouble, usesOldSelf: false, optionalOldSelf, message: undefined, messageTrouble: undefined, fieldPath: '' });
  if (source.trim() === '') return failed(undefined);
  const compiled = environments.get(age(source), optionalOldSelf).compile(source);
  if (!compiled.ok) return failed(`compilation failed: ${compiled.message}`);
  const { program } = compiled;
  if (program.resultType.kind !== 'bool') return failed('cel expression must evaluate to a bool');
  const expression = text(rule, 'messageExpression');
  const path = text(rule, 'fieldPath');
  const found = path === '' ? undefined : validFieldPath(path, schema);
  return {
    rule, program, trouble: undefined, usesOldSelf: program.references('oldSelf'), optionalOldSelf,
    ...compileMessage(environments.get(age(expression), optionalOldSelf), expression), fieldPath: found !== undefined && 'text' in found ? found.text : '',
  };
}

export function compileRules(schema: JsonObject, type: DeclType, age: ExpressionAge): CompiledRule[] {
  const environments = new Environments(type);
  return rulesOf(schema).map((rule) => compileRule(schema, rule, environments, age));
}
