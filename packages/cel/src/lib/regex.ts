import { RE2JS, RE2JSSyntaxException } from 're2js';
import { overload, type FunctionDecl } from '../functions.ts';
import { ArrayList, CelError, isError, noSuchOverload, type CelValue } from '../values.ts';

const maxCached = 512;
const cache = new Map<string, RE2JS | CelError>();

/** Matching is linear in the text. Go's syntax; the most recently made patterns are kept. */
export function compilePattern(pattern: string): RE2JS | CelError {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  const made = make(pattern);
  if (cache.size >= maxCached) cache.delete(cache.keys().next().value as string);
  cache.set(pattern, made);
  return made;
}

function make(pattern: string): RE2JS | CelError {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return new CelError(error.message);
    throw error;
  }
}

export function patternMatches(text: CelValue, pattern: CelValue): CelValue {
  if (typeof text !== 'string' || typeof pattern !== 'string') return isError(pattern) ? pattern : noSuchOverload;
  const compiled = compilePattern(pattern);
  return compiled instanceof CelError ? compiled : compiled.matcher(text).find();
}

function find(text: string, pattern: string): CelValue {
  const compiled = compilePattern(pattern);
  if (compiled instanceof CelError) return new CelError(`Illegal regex: ${compiled.message}`);
  const matcher = compiled.matcher(text);
  return matcher.find() ? (matcher.group() ?? '') : '';
}

function findAll(text: string, pattern: string, limit: number): CelValue {
  const compiled = compilePattern(pattern);
  if (compiled instanceof CelError) return new CelError(`Illegal regex: ${compiled.message}`);
  const found: string[] = [];
  const matcher = compiled.matcher(text);
  let previousEnd = -1;
  while ((limit < 0 || found.length < limit) && matcher.find()) {
    // Go takes no empty match where the one before it ended.
    const empty = matcher.start() === matcher.end();
    if (!empty || matcher.start() !== previousEnd) found.push(matcher.group() ?? '');
    previousEnd = matcher.end();
  }
  return new ArrayList(found);
}

export const regexFunctions: readonly FunctionDecl[] = [
  { name: 'find', overloads: [overload('string_find_string', '.(string, string) -> string', ([text, pattern]) => find(text as string, pattern as string))] },
  {
    name: 'findAll', overloads: [
      overload('string_find_all_string', '.(string, string) -> list(string)', ([text, pattern]) => findAll(text as string, pattern as string, -1)),
      overload('string_find_all_string_int', '.(string, string, int) -> list(string)', ([text, pattern, limit]) => findAll(text as string, pattern as string, Number(limit))),
    ],
  },
];
