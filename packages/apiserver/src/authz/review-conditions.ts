import type { JsonObject } from '@coxswain/api';
import { celEnvironment, listDecl, mapDecl, objectDecl, stringDecl, type Json, type Program } from '@coxswain/cel';
import type { AuthorizationFileTools } from './config-file.ts';
import type { MatchReview } from './webhook.ts';

const selectorDecl = (name: string): ReturnType<typeof objectDecl> => objectDecl(name, {
  rawSelector: stringDecl, requirements: listDecl(objectDecl('kubernetes.SelectorRequirement', { key: stringDecl, operator: stringDecl, values: listDecl(stringDecl) })),
});
const resourceFields = ['namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name'] as const;

const requestDecl = objectDecl('kubernetes.SubjectAccessReviewSpec', {
  resourceAttributes: objectDecl('kubernetes.ResourceAttributes', {
    ...Object.fromEntries(resourceFields.map((name) => [name, stringDecl])), fieldSelector: selectorDecl('kubernetes.FieldSelectorAttributes'), labelSelector: selectorDecl('kubernetes.LabelSelectorAttributes'),
  }),
  nonResourceAttributes: objectDecl('kubernetes.NonResourceAttributes', { path: stringDecl, verb: stringDecl }),
  user: stringDecl, groups: listDecl(stringDecl), extra: mapDecl(listDecl(stringDecl)), uid: stringDecl,
});

/** Texts that are not said are there, and empty. */
function withEmpty(object: unknown, names: readonly string[]): JsonObject | undefined {
  return object === undefined ? undefined : { ...Object.fromEntries(names.map((name) => [name, ''])), ...object as JsonObject };
}

function requestOf(review: JsonObject): Json {
  const { resourceAttributes, nonResourceAttributes, ...spec } = review['spec'] as JsonObject;
  const resource = withEmpty(resourceAttributes, resourceFields);
  const path = withEmpty(nonResourceAttributes, ['path', 'verb']);
  return {
    user: '', uid: '', groups: [], extra: {}, ...spec, ...(resource === undefined ? {} : { resourceAttributes: resource }), ...(path === undefined ? {} : { nonResourceAttributes: path }),
  } as Json;
}

function holds(program: Program, request: Json): boolean | string {
  const result = program.evaluate({ request });
  if (result.kind !== 'value') return `cel evaluation error: expression '${program.expression}' resulted in error: ${result.kind === 'error' ? result.message : 'the authorizer cannot be asked'}`;
  return result.value.scalar === true;
}

/** Whether a webhook is to be asked of a review: all conditions must hold. One that does not hold counts more than one that fails. */
export const compileReviewConditions: AuthorizationFileTools['compileConditions'] = (expressions, wrong): MatchReview => {
  const environment = celEnvironment({ variables: { request: requestDecl } });
  const programs = expressions.map((expression, index) => {
    const compiled = environment.compile(expression);
    if (!compiled.ok) throw wrong(index, `Invalid value: ${JSON.stringify(expression)}: compilation failed: ${compiled.message}`);
    const { resultType } = compiled.program;
    if (resultType.kind !== 'bool') throw wrong(index, `Invalid value: ${JSON.stringify(expression)}: must evaluate to bool but got ${resultType.text}`);
    return compiled.program;
  });
  return (review) => {
    const request = requestOf(review);
    const results = programs.map((program) => holds(program, request));
    if (results.includes(false)) return false;
    const failures = results.filter((result) => typeof result === 'string');
    if (failures.length > 0) throw new Error(failures.length === 1 ? failures[0] : `[${failures.join(', ')}]`);
    return true;
  };
};
