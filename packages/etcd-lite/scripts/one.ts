import { mutants } from '../test/mutations/mutants.ts';
import { runSeed } from '../test/sim/run.ts';
const m = mutants.find((one) => one.name === process.argv[2]);
const r = await runSeed(Number(process.argv[3]), m?.plan, (l) => { console.log(l); });
console.log(JSON.stringify(r.violations.slice(0, 9).map((v) => v.message.slice(0, 300))));
process.exit(0);
