import { signalListed } from '../../src/edge/processes.ts';
import { hasInEnvironment, processes } from './processes.ts';

const [entry = '', session = ''] = process.argv.slice(2);

/** Ends what a process of tests has left behind, once that is no more: then this one's input ends. */
function reap(): void {
  signalListed(() => processes().filter((one) => one.session === Number(session) && one.pid !== process.pid && hasInEnvironment(one.pid, entry)).map(({ pid }) => pid), 'SIGKILL');
  process.exit();
}

process.stdin.on('end', reap).on('error', reap).resume();
