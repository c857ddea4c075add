import { admissionEnvironment, compileReturning, dynDecl, objectDecl, type DeclType, type Environment } from '@coxswain/cel';
import type { NamedRuleWithOperations, ValidatingAdmissionPolicy, Variable } from 'kubernetes-types/admissionregistration/v1';

export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** What is served, and how it is made. */
export interface Schemas {
  kindOf(group: string, version: string, resource: string): Promise<Kind | undefined>;
  /** Undefined: nobody says. */
  declType(kind: Kind): Promise<DeclType | undefined>;
}

export interface ExpressionWarning {
  readonly fieldRef: string;
  readonly warning: string;
}

/** A policy for more kinds than these is checked against the first of them. */
const maxKinds = 10;

const shown = ({ group, version, kind }: Kind): string => `${group}/${version}, Kind=${kind}`;
const hasWildcard = (items: readonly string[] | undefined): boolean => (items ?? []).some((item) => item.includes('*'));

async function kindsOf(rules: readonly NamedRuleWithOperations[], schemas: Schemas): Promise<readonly Kind[]> {
  const kinds = new Map<string, Kind>();
  for (const rule of rules as readonly (NamedRuleWithOperations & { readonly resources?: readonly string[] })[]) {
    if (hasWildcard(rule.apiGroups) || hasWildcard(rule.apiVersions)) continue;
    const wanted = (rule.resources ?? []).filter((resource) => !/[*/]/.test(resource)).toSorted();
    let count = 0;
    for (const group of (rule.apiGroups ?? []).toSorted()) {
      for (const version of (rule.apiVersions ?? []).toSorted()) {
        for (const resource of wanted) {
          const kind = count < maxKinds ? await schemas.kindOf(group, version, resource) : undefined;
          if (kind === undefined) continue;
          kinds.set(shown(kind), kind);
          count++;
        }
      }
    }
  }
  return [...kinds.values()].toSorted((a, b) => (`${a.group} ${a.version} ${a.kind}` < `${b.group} ${b.version} ${b.kind}` ? -1 : 1));
}

/** As the policy's expressions will be compiled, but with objects of a known kind. */
function environmentOf(object: DeclType, params: DeclType | undefined, variables: readonly Variable[]): Environment {
  const base = admissionEnvironment({ params: params !== undefined, authorizer: true, expressions: 'stored' }).extend({ variables: { object, oldObject: object, ...(params === undefined ? {} : { params }) } });
  const declared: Record<string, DeclType> = {};
  let environment = base;
  for (const { name, expression } of variables) {
    const compiled = environment.compile(expression);
    declared[name] = compiled.ok ? compiled.program.declaredResult ?? dynDecl : dynDecl;
    environment = base.extend({ variables: { variables: objectDecl('kubernetes.variables', { ...declared }) } });
  }
  return environment;
}

function issues(expression: string, environments: readonly { readonly kind: Kind; readonly environment: Environment }[]): string {
  return environments.flatMap(({ kind, environment }) => {
    const compiled = compileReturning(environment, expression, ['any']);
    return compiled.ok ? [] : [`${shown(kind)}: ${compiled.internal ? 'type checking error: ' : ''}${compiled.message}\n`];
  }).join('\n');
}

/** What is wrong with a policy's expressions if objects are of the kinds that it names. It says nothing of kinds that nobody describes. */
export async function checkTypes({ spec = {} }: ValidatingAdmissionPolicy, schemas: Schemas): Promise<readonly ExpressionWarning[]> {
  const { paramKind } = spec;
  const slash = paramKind?.apiVersion?.indexOf('/') ?? -1;
  const params = paramKind === undefined ? undefined
    : await schemas.declType({ group: slash < 0 ? '' : paramKind.apiVersion?.slice(0, slash) ?? '', version: paramKind.apiVersion?.slice(slash + 1) ?? '', kind: paramKind.kind ?? '' });
  const environments: { readonly kind: Kind; readonly environment: Environment }[] = [];
  for (const kind of await kindsOf(spec.matchConstraints?.resourceRules ?? [], schemas)) {
    const object = await schemas.declType(kind);
    if (object !== undefined) environments.push({ kind, environment: environmentOf(object, params, spec.variables ?? []) });
  }
  return (spec.validations ?? []).flatMap(({ expression, messageExpression = '' }, index) => {
    const of = (field: string, text: string): ExpressionWarning[] => {
      const warning = text === '' ? '' : issues(text, environments);
      return warning === '' ? [] : [{ fieldRef: `spec.validations[${index}].${field}`, warning }];
    };
    return [...of('expression', expression), ...of('messageExpression', messageExpression)];
  });
}
