import type { CompileExpression } from './config.ts';

/** Expressions are of the language that packages/cel compiles. */
export const compileExpression: CompileExpression = () => {
  throw new Error('expressions are not built yet');
};
