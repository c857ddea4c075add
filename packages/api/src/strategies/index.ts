export { customStrategy } from './custom.ts';
export { strategyFor } from './table.ts';
export { qosClass } from './pods.ts';
