import { runCommand } from '@coxswain/service/edge';
import { command } from '@coxswain/etcd-lite/command';

/** One member as a process of its own, as `cox etcd-lite FLAGS` runs it. */
await runCommand(command, process.argv.slice(2));
