import type { Json, JsonObject } from '../resource.ts';
import { since } from './human-duration.ts';

/** `additionalPrinterColumns` of a custom resource's definition. */
export interface CustomColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

type Step = (values: readonly Json[]) => Json[];

function member(key: string): Step {
  return (values) => values.flatMap((value) => (value !== null && typeof value === 'object' && !Array.isArray(value) && Object.hasOwn(value, key) ? [value[key] as Json] : []));
}

function element(index: number): Step {
  return (values) => values.flatMap((value) => (Array.isArray(value) ? value.slice(index).slice(0, 1) : []));
}

const every: Step = (values) => values.flatMap((value) => (Array.isArray(value) ? value : value !== null && typeof value === 'object' ? Object.values(value) : []));

/** `[?(@.type=="Ready")]` */
function filter(path: string, operator: string, wanted: string): Step {
  const steps = compilePath(path);
  const literal = /^['"]/.test(wanted) ? wanted.slice(1, -1) : wanted;
  return (values) => values.flatMap((value) => (Array.isArray(value) ? value.filter((item) => {
    const found = steps([item])[0];
    const same = typeof found === 'object' || found === undefined ? false : String(found) === literal;
    return same === (operator === '==');
  }) : []));
}

const tokens = /\.((?:[^.[\]\\]|\\.)+)|\[(-?\d+)\]|\[\*\]|\['((?:[^'])*)'\]|\[\?\(@((?:[^=!])*?)\s*(==|!=)\s*("[^"]*"|'[^']*'|[^)]*)\)\]/g;

function compilePath(path: string): Step {
  const steps = [...path.matchAll(tokens)].map(([whole, name, index, quoted, filterPath, operator, wanted]): Step => {
    if (name !== undefined) return name === '*' ? every : member(name.replaceAll(/\\(.)/g, '$1'));
    if (index !== undefined) return element(Number(index));
    if (quoted !== undefined) return member(quoted);
    if (whole === '[*]') return every;
    return filter(filterPath ?? '', operator ?? '==', wanted ?? '');
  });
  return (values) => steps.reduce<Json[]>((found, step) => step(found), [...values]);
}

const compiled = new Map<string, Step>();

function evaluate(path: string, object: JsonObject): Json[] {
  let steps = compiled.get(path);
  if (steps === undefined) compiled.set(path, (steps = compilePath(path)));
  return steps([object]);
}

/** The cell of one column; null if the path leads nowhere or to another type. */
export function customCell(column: CustomColumn, object: JsonObject, nowMs: number): Json {
  const found = evaluate(column.jsonPath, object);
  const value = found[0];
  if (value === undefined || value === null) return null;
  switch (column.type) {
    case 'integer': case 'number': return typeof value === 'number' || typeof value === 'bigint' ? value : null;
    case 'boolean': return typeof value === 'boolean' ? value : null;
    case 'date': return since(value, nowMs);
    default: return typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(found.length === 1 ? value : found) : String(value);
  }
}
