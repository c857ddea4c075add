import type { ApiResource, Json, JsonObject } from '../resource.ts';
import { badRequest } from '../status-error.ts';
import { selectableFieldsOf, type SelectableFields } from './selectable-fields.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** All requirements must hold. */
export interface FieldMatcher {
  readonly requirements: readonly FieldRequirement[];
  /** Set if only one name can match: a watch or list can then be of a single key. */
  readonly name: string | undefined;
  matches(object: JsonObject): boolean;
}

/** Parts at commas that no backslash stands before. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let term = '';
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    if (letter === '\\' && at + 1 < text.length) term += letter + (text[++at] as string);
    else if (letter === ',') {
      terms.push(term);
      term = '';
    } else term += letter;
  }
  return [...terms, term].filter((found) => found !== '');
}

function unescape(value: string): string {
  return value.replace(/\\(.?)|[,=]/gsu, (found, letter: string | undefined) => {
    if (letter === undefined) throw badRequest(`invalid field selector: unescaped character in value: ${found.charCodeAt(0)}`);
    if (letter === '\\' || letter === ',' || letter === '=') return letter;
    throw badRequest(`invalid field selector: invalid escape sequence: ${found}`);
  });
}

function parseTerm(term: string, whole: string): FieldRequirement {
  const match = /^((?:\\.|[^\\=!]|!(?!=))*)(!=|==|=)(.*)$/s.exec(term);
  if (match === null) throw badRequest(`invalid selector: '${whole}'; can't understand '${term}'`);
  const [, field = '', operator, value = ''] = match;
  return { field, operator: operator === '!=' ? '!=' : '=', value: unescape(value) };
}

/** As it is written, of whatever kind. Throws StatusError 400. */
export function parseFieldRequirements(text: string): FieldRequirement[] {
  return splitTerms(text).map((term) => parseTerm(term, text));
}

function textOf(value: Json | undefined): string {
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
}

function convert(requirement: FieldRequirement, resource: Pick<ApiResource, 'group' | 'version' | 'kind'>, selectable: SelectableFields): FieldRequirement {
  const field = selectable.aliases?.[requirement.field] ?? requirement.field;
  if (Object.hasOwn(selectable.fields, field)) return { ...requirement, field };
  throw badRequest(selectable.refusal(requirement.field, resource.kind, `${resource.group}/${resource.version}`));
}

/**
 * The `fieldSelector` query parameter for one kind. Custom resources pass what their definition makes selectable. Throws StatusError 400
 * with Kubernetes' words.
 */
export function parseFieldSelector(text: string, resource: Pick<ApiResource, 'group' | 'version' | 'kind'>, custom?: SelectableFields): FieldMatcher {
  const selectable = custom ?? selectableFieldsOf(resource);
  const requirements = splitTerms(text).map((term) => convert(parseTerm(term, text), resource, selectable));
  const name = requirements.find((requirement) => requirement.field === 'metadata.name' && requirement.operator === '=')?.value;
  return {
    requirements, name,
    matches: (object) => requirements.every(({ field, operator, value }) => (textOf(selectable.fields[field]?.(object)) === value) === (operator === '=')),
  };
}
