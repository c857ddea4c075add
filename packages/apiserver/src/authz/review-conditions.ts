import type { AuthorizationFileTools } from './config-file.ts';

/** Conditions on reviews are expressions of the language that packages/cel compiles. */
export const compileReviewConditions: AuthorizationFileTools['compileConditions'] = (_expressions, wrong) => {
  throw wrong(0, 'conditions are not built yet');
};
