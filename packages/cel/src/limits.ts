/** Kubernetes' limits (apis/cel/config). */
export const perCallLimit = 1_000_000;
/** For all rules of one custom resource or one policy's binding. */
export const runtimeCostBudget = 10_000_000;
/** For the matchConditions of one webhook or policy. */
export const matchConditionsCostBudget = 2_500_000;
export const maxRequestSizeBytes = 3 * 1024 * 1024;
/** Of what a messageExpression gives. */
export const maxMessageExpressionBytes = 5 * 1024;
