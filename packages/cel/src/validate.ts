import { childrenOf, type Expr } from './ast.ts';
import { sameType, typeText, unwrapOptional, type CheckType } from './check-types.ts';
import type { Checked } from './checker.ts';
import { FormatProblem, clauseMistake, parseFormat, type Clause } from './lib/format-string.ts';
import { compilePattern } from './lib/regex.ts';
import type { SourceError } from './source-error.ts';
import { parseDuration, parseTimestamp, timestamp } from './time.ts';
import { CelError, Timestamp, type CelValue } from './values.ts';

/** What upstream refuses in an expression whose types are right: literals that cannot be read, mixed lists, wrong formats. */
export function validateExpression(expr: Expr, checked: Checked): readonly SourceError[] {
  const errors: SourceError[] = [];
  const visit = (node: Expr, inFormat: boolean): void => {
    if (node.kind === 'call') checkLiteral(node, checked, errors);
    if (!inFormat) checkAggregate(node, checked, errors);
    if (node.kind === 'call' && node.name === 'format') checkFormat(node, checked, errors);
    for (const child of childrenOf(node)) visit(child, inFormat || (node.kind === 'call' && node.name === 'format'));
  };
  visit(expr, false);
  return errors;
}

function checkLiteral(call: Expr & { readonly kind: 'call' }, checked: Checked, errors: SourceError[]): void {
  const name = checked.functions.get(call)?.decl.name;
  const [arg] = call.args;
  if (arg?.kind !== 'literal' || name === undefined) return;
  const { value } = arg;
  const wrong = name === 'duration' ? typeof value !== 'string' || parseDuration(value) === undefined
    : name === 'timestamp' ? !(timestampOf(value) instanceof Timestamp)
      : name === 'matches' && typeof value === 'string' && compilePattern(value) instanceof CelError;
  if (wrong) errors.push({ offset: arg.offset, message: `invalid ${name} argument` });
}

const timestampOf = (value: CelValue): CelValue | undefined => (typeof value === 'string' ? parseTimestamp(value) : typeof value === 'bigint' ? timestamp(value * 1_000_000_000n) : value);

function checkAggregate(node: Expr, checked: Checked, errors: SourceError[]): void {
  const typeOf = (expr: Expr, optional: boolean): CheckType => {
    const type = checked.types.get(expr) as CheckType;
    return optional ? unwrapOptional(type).type : type;
  };
  const differs = (expr: Expr, expected: CheckType, actual: CheckType): boolean => {
    if (sameType(expected, actual)) return false;
    errors.push({ offset: expr.offset, message: `expected type '${typeText(expected)}' but found '${typeText(actual)}'` });
    return true;
  };
  if (node.kind === 'list') {
    const types = node.elements.map((element, index) => typeOf(element, node.optional.has(index)));
    for (const [index, element] of node.elements.entries()) if (differs(element, types[0] as CheckType, types[index] as CheckType)) break;
  } else if (node.kind === 'map') {
    const [first] = node.entries;
    for (const entry of node.entries.slice(1)) {
      if (first === undefined) break;
      differs(entry.key, typeOf(first.key, false), typeOf(entry.key, false));
      differs(entry.value, typeOf(first.value, first.optional), typeOf(entry.value, entry.optional));
    }
  }
}

const accepted: Readonly<Record<Clause, readonly string[]>> = {
  s: ['list', 'map', 'int', 'uint', 'double', 'bool', 'string', 'timestamp', 'bytes', 'duration', 'type', 'null'],
  d: ['int', 'uint'], f: ['double', 'string'], e: ['double', 'string'], b: ['int', 'uint', 'bool'], x: ['int', 'uint', 'string', 'bytes'], X: ['int', 'uint', 'string', 'bytes'], o: ['int', 'uint'],
};

const runtimeName: Readonly<Record<string, string>> = { timestamp: 'google.protobuf.Timestamp', duration: 'google.protobuf.Duration', null: 'null_type' };

/** The first argument (or part of it) that the clause cannot take. */
function misfit(kind: Clause, arg: Expr, checked: Checked): Expr | undefined {
  const type = checked.types.get(arg) as CheckType;
  if (type.kind !== 'dyn' && !accepted[kind].includes(type.kind)) return arg;
  if (kind !== 's' || (arg.kind !== 'list' && arg.kind !== 'map')) return undefined;
  for (const child of childrenOf(arg)) {
    const found = misfit(kind, child, checked);
    if (found !== undefined) return found;
  }
  return undefined;
}

function checkFormat(call: Expr & { readonly kind: 'call' }, checked: Checked, errors: SourceError[]): void {
  const [list] = call.args;
  const { target } = call;
  if (target?.kind !== 'literal' || typeof target.value !== 'string' || list?.kind !== 'list' || call.args.length !== 1) return;
  let seen = 0;
  try {
    for (const { clause } of parseFormat(target.value)) {
      if (clause === undefined) continue;
      const arg = list.elements[seen];
      if (arg === undefined) throw new FormatProblem(`index ${seen} out of range`);
      seen++;
      const wrong = misfit(clause.kind, arg, checked);
      if (wrong === undefined) continue;
      const type = checked.types.get(wrong) as CheckType;
      errors.push({ offset: wrong.offset, message: `error during formatting: ${clauseMistake[clause.kind](runtimeName[type.kind] ?? ('name' in type ? type.name : type.kind))}` });
      return;
    }
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    errors.push({ offset: call.offset, message: error.message });
    return;
  }
  if (list.elements.length > seen) errors.push({ offset: call.offset, message: `too many arguments supplied to string.format (expected ${seen}, got ${list.elements.length})` });
}
