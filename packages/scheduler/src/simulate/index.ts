export { stateOf, type ClusterState } from './cluster-state.ts';
export { simulationHtml, simulationText } from './report.ts';
export { parseScenario } from './scenario-fields.ts';
export type { Scenario } from './scenario.ts';
export { simulate, type SimulateOptions, type SimulationResult } from './simulate.ts';
