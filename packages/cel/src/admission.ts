import { authorizerDecl, boolDecl, dynDecl, intDecl, listDecl, mapDecl, objectDecl, resourceCheckDecl, stringDecl, timestampDecl } from './decl-types.ts';
import { celEnvironment } from './environment.ts';
import { untypedValue } from './json-values.ts';
import type { BoundValue, DeclType, Environment, Json, Program } from './types.ts';

/** What expressions of admission see: those of policies and the match conditions of webhooks. */

const kindDecl = objectDecl('kubernetes.GroupVersionKind', { group: stringDecl, version: stringDecl, kind: stringDecl });
const resourceDecl = objectDecl('kubernetes.GroupVersionResource', { group: stringDecl, version: stringDecl, resource: stringDecl });

const admissionRequestDecl: DeclType = objectDecl('kubernetes.AdmissionRequest', {
  kind: kindDecl, resource: resourceDecl, subResource: stringDecl, requestKind: kindDecl, requestResource: resourceDecl, requestSubResource: stringDecl, name: stringDecl, namespace: stringDecl,
  operation: stringDecl, dryRun: boolDecl, options: dynDecl,
  userInfo: objectDecl('kubernetes.UserInfo', { username: stringDecl, uid: stringDecl, groups: listDecl(stringDecl), extra: mapDecl(listDecl(stringDecl)) }),
});

const conditionDecl = objectDecl('kubernetes.NamespaceCondition', { status: stringDecl, type: stringDecl, lastTransitionTime: timestampDecl, message: stringDecl, reason: stringDecl });

const namespaceDecl: DeclType = objectDecl('kubernetes.Namespace', {
  metadata: objectDecl('kubernetes.NamespaceMetadata', {
    name: stringDecl, generateName: stringDecl, namespace: stringDecl, labels: mapDecl(stringDecl), annotations: mapDecl(stringDecl), UID: stringDecl, creationTimestamp: timestampDecl,
    deletionGracePeriodSeconds: intDecl, deletionTimestamp: timestampDecl, generation: intDecl, resourceVersion: stringDecl, finalizers: listDecl(stringDecl),
  }),
  spec: objectDecl('kubernetes.NamespaceSpec', { finalizers: listDecl(stringDecl) }),
  status: objectDecl('kubernetes.NamespaceStatus', { conditions: listDecl(conditionDecl), phase: stringDecl }),
});

export interface AdmissionVariables {
  readonly params: boolean;
  readonly authorizer: boolean;
  readonly expressions: 'new' | 'stored';
  /** Of a mutation. Default false. */
  readonly patchTypes?: boolean;
}

const environments = new Map<string, Environment>();

/** `object`, `oldObject`, `request`, `namespaceObject`, and with them `params` and the authorizer. */
export function admissionEnvironment({ params, authorizer, expressions, patchTypes = false }: AdmissionVariables): Environment {
  const key = `${params} ${authorizer} ${expressions} ${patchTypes}`;
  const known = environments.get(key);
  if (known !== undefined) return known;
  const made = celEnvironment({
    expressions, patchTypes,
    variables: {
      object: dynDecl, oldObject: dynDecl, namespaceObject: namespaceDecl, request: admissionRequestDecl, ...(params ? { params: dynDecl } : {}),
      ...(authorizer ? { authorizer: authorizerDecl, 'authorizer.requestResource': resourceCheckDecl } : {}),
    },
  });
  environments.set(key, made);
  return made;
}

/** Built-in objects are read as plain JSON, whatever type was declared for them: times are strings. */
export const untypedBinding = (json: Json): BoundValue => ({ boundValue: untypedValue(json) });

export type AdmissionProgram =
  | { readonly ok: true; readonly program: Program }
  /** `internal`: upstream takes it for its own fault. The text is upstream's. */
  | { readonly ok: false; readonly internal: boolean; readonly message: string };

export type ReturnKind = 'bool' | 'string' | 'null' | 'any' | 'Object' | 'list(JSONPatch)';

const shownReturn: Readonly<Record<ReturnKind, string>> = { bool: 'bool', string: 'string', null: 'null_type', any: 'any', Object: 'Object', 'list(JSONPatch)': 'list(JSONPatch)' };

/** Compiles an expression that has to evaluate to one of `returns`. */
export function compileReturning(environment: Environment, expression: string, returns: readonly ReturnKind[]): AdmissionProgram {
  const compiled = environment.compile(expression);
  if (!compiled.ok) {
    return compiled.kind === 'compile' ? { ok: false, internal: false, message: `compilation failed: ${compiled.message}` } : { ok: false, internal: true, message: `program instantiation failed: ${compiled.message}` };
  }
  const { resultType } = compiled.program;
  if (returns.includes('any') || returns.some((kind) => kind === resultType.kind || kind === resultType.text)) return compiled;
  const wanted = returns.length === 1 ? shownReturn[returns[0] as ReturnKind] : `one of [${returns.map((kind) => shownReturn[kind]).join(' ')}]`;
  return { ok: false, internal: false, message: `must evaluate to ${wanted} but got ${resultType.runtimeText}` };
}
