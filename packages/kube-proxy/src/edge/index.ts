export { createLinuxSystem } from './linux-system.ts';
