import { celEnvironment, dynDecl, listDecl, mapDecl, objectDecl, stringDecl, type Environment, type Json } from '@coxswain/cel';
import type { CompileExpression } from './config.ts';

const userDecl = objectDecl('kubernetes.UserInfo', { username: stringDecl, uid: stringDecl, groups: listDecl(stringDecl), extra: mapDecl(listDecl(stringDecl)) });

const environments: Readonly<Record<'claims' | 'user', () => Environment>> = {
  claims: () => celEnvironment({ variables: { claims: mapDecl(dynDecl) } }),
  user: () => celEnvironment({ variables: { user: userDecl } }),
};

/** Expressions over a token's claims, or over the user that they make. */
export const compileExpression: CompileExpression = (variable, text, returns) => {
  const compiled = environments[variable]().compile(text);
  if (!compiled.ok) throw new Error(`compilation failed: ${compiled.message}`);
  const { program } = compiled;
  if (returns === 'bool' && program.resultType.kind !== 'bool') throw new Error('must evaluate to bool');
  return {
    text,
    evaluate: (value) => {
      const result = program.evaluate({ [variable]: value as Json });
      if (result.kind === 'error') throw new Error(`expression '${text}' resulted in error: ${result.message}`);
      if (result.kind === 'ask') throw new Error(`expression '${text}' asks the authorizer`);
      const { scalar } = result.value;
      return scalar === undefined ? result.value.json() : scalar;
    },
  };
};
