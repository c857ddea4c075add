export { parseFieldRequirements, parseFieldSelector, type FieldMatcher, type FieldRequirement } from './fields.ts';
export { everyLabel, formatLabelSelector, labelMatcher, labelsInclude, labelSelectorMatches, noLabel, parseLabelSelector, type LabelMatcher } from './labels.ts';
export { SelectorError, type LabelRequirement } from './label-requirement.ts';
export { customSelectableFields, type SelectableFields } from './selectable-fields.ts';
export { parseRequirements as parseLabelRequirements } from './label-parser.ts';
