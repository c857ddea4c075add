import { connectRuntime } from '@coxswain/kubelet/edge';
import { socketAnswers } from './wait.ts';

/** Containers get this long; who wants more deletes the pods first. */
const graceSeconds = 2;

/** Ends and removes everything that one node's runtime runs. */
export async function stopPods(socket: string): Promise<void> {
  if (!(await socketAnswers(socket))) return;
  const connection = connectRuntime(`unix://${socket}`);
  try {
    const sandboxes = await connection.runtime.listPodSandboxes();
    await Promise.all(sandboxes.map(async (sandbox) => {
      const containers = await connection.runtime.listContainers({ podSandboxId: sandbox.id });
      await Promise.all(containers.map((container) => connection.runtime.stopContainer(container.id, graceSeconds)));
      await connection.runtime.stopPodSandbox(sandbox.id);
      await connection.runtime.removePodSandbox(sandbox.id);
    }));
  } finally {
    connection.close();
  }
}
