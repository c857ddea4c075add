import { allSteps, validateDefinitionInSteps, validateDefinitionUpdateInSteps, type DefinitionRules, type FieldError, type JsonObject, type Steps, type Strategy, type StrategyContext } from '@coxswain/api';
import { SchemaRuleChecker } from './check.ts';
import { SchemaRules } from './evaluate.ts';
import type { CelTimes } from './times.ts';

const rulesWith = (times: CelTimes): DefinitionRules => ({
  checker: (_schema, options) => new SchemaRuleChecker(options, times),
  // As if it stood there before, and as if it were new.
  checkDefault: (value, schema, field) => {
    const rules = new SchemaRules(schema, false, times);
    const { errors } = rules.check(value, field, value, false);
    return errors.length > 0 ? errors : rules.check(value, field, undefined, false).errors;
  },
});

/** The strategy of definitions, with their rules compiled. */
export function withRules(strategy: Strategy, times: CelTimes): Strategy {
  const definitionRules = rulesWith(times);
  function* updated(object: JsonObject, old: JsonObject, context: StrategyContext): Steps<FieldError[]> {
    if (context.subresource === 'status') return strategy.validateUpdate?.(object, old, context) ?? [];
    return yield* validateDefinitionUpdateInSteps(object, old, definitionRules);
  }
  return {
    ...strategy,
    validate: (object) => allSteps(validateDefinitionInSteps(object, definitionRules)),
    validateUpdate: (object, old, context) => allSteps(updated(object, old, context)),
    validateInSteps: (object) => validateDefinitionInSteps(object, definitionRules),
    validateUpdateInSteps: updated,
  };
}
