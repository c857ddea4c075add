import { validateDefinition, validateDefinitionUpdate, type DefinitionRules, type Strategy } from '@coxswain/api';
import { SchemaRuleChecker } from './check.ts';
import { SchemaRules } from './evaluate.ts';

const definitionRules: DefinitionRules = {
  checker: (_schema, options) => new SchemaRuleChecker(options),
  // As if it stood there before, and as if it were new.
  checkDefault: (value, schema, field) => {
    const rules = new SchemaRules(schema, false);
    const { errors } = rules.check(value, field, value, false);
    return errors.length > 0 ? errors : rules.check(value, field, undefined, false).errors;
  },
};

/** The strategy of definitions, with their rules compiled. */
export function withRules(strategy: Strategy): Strategy {
  return {
    ...strategy,
    validate: (object) => validateDefinition(object, definitionRules),
    validateUpdate: (object, old, context) => (context.subresource === 'status' ? strategy.validateUpdate?.(object, old, context) ?? [] : validateDefinitionUpdate(object, old, definitionRules)),
  };
}
