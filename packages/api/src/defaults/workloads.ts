import type { JsonObject } from '../resource.ts';
import { child, children, ensure, isEmpty, isUnset, setDefault, setDefaults, setPointerDefaults, type SetDefaults } from './helpers.ts';

const apps = 'io.k8s.api.apps.v1';
const batch = 'io.k8s.api.batch.v1';
const autoscaling = 'io.k8s.api.autoscaling';

const deployment: SetDefaults = (object) => {
  const spec = ensure(object, 'spec');
  setDefault(spec, 'replicas', 1);
  const strategy = ensure(spec, 'strategy');
  setDefault(strategy, 'type', 'RollingUpdate');
  if (strategy['type'] === 'RollingUpdate') {
    const rolling = ensure(strategy, 'rollingUpdate');
    rolling['maxUnavailable'] ??= '25%';
    rolling['maxSurge'] ??= '25%';
  }
  setDefault(spec, 'revisionHistoryLimit', 10);
  setDefault(spec, 'progressDeadlineSeconds', 600);
};

/** Upstream still counts templates, in an annotation; the strategy says the number. */
const templateGeneration = 'deprecated.daemonset.template.generation';

const daemonSet: SetDefaults = (object) => {
  const spec = ensure(object, 'spec');
  setDefault(ensure(ensure(object, 'metadata'), 'annotations'), templateGeneration, '0');
  const strategy = ensure(spec, 'updateStrategy');
  setDefault(strategy, 'type', 'RollingUpdate');
  if (strategy['type'] === 'RollingUpdate') {
    const rolling = ensure(strategy, 'rollingUpdate');
    rolling['maxUnavailable'] ??= 1;
    rolling['maxSurge'] ??= 0;
  }
  setDefault(spec, 'revisionHistoryLimit', 10);
};

const statefulSet: SetDefaults = (object) => {
  const spec = ensure(object, 'spec');
  setDefault(spec, 'podManagementPolicy', 'OrderedReady');
  const strategy = ensure(spec, 'updateStrategy');
  if (isUnset(strategy['type'])) {
    strategy['type'] = 'RollingUpdate';
    ensure(strategy, 'rollingUpdate');
  }
  const rolling = child(strategy, 'rollingUpdate');
  if (strategy['type'] === 'RollingUpdate' && rolling !== undefined) setDefault(rolling, 'partition', 0);
  const retention = ensure(spec, 'persistentVolumeClaimRetentionPolicy');
  setDefault(retention, 'whenDeleted', 'Retain');
  setDefault(retention, 'whenScaled', 'Retain');
  setDefault(spec, 'replicas', 1);
  setDefault(spec, 'revisionHistoryLimit', 10);
  for (const claim of children(spec, 'volumeClaimTemplates')) {
    claim['kind'] = 'PersistentVolumeClaim';
    claim['apiVersion'] = 'v1';
  }
};

function templateLabels(spec: JsonObject): JsonObject | undefined {
  const labels = child(child(child(spec, 'template') ?? {}, 'metadata') ?? {}, 'labels');
  return isEmpty(labels) ? undefined : labels;
}

const job: SetDefaults = (object) => {
  const spec = ensure(object, 'spec');
  if (isUnset(spec['completions']) && isUnset(spec['parallelism'])) spec['completions'] = 1;
  setDefault(spec, 'parallelism', 1);
  setDefault(spec, 'backoffLimit', isUnset(spec['backoffLimitPerIndex']) ? 6 : 2 ** 31 - 1);
  setDefault(spec, 'manualSelector', false);
  spec['completionMode'] ??= 'NonIndexed';
  setDefault(spec, 'suspend', false);
  spec['podReplacementPolicy'] ??= isUnset(spec['podFailurePolicy']) ? 'TerminatingOrFailed' : 'Failed';
  const labels = templateLabels(spec);
  const metadata = ensure(object, 'metadata');
  if (labels !== undefined && isEmpty(metadata['labels'])) metadata['labels'] = { ...labels };
};

const cronJob: SetDefaults = (object) => {
  setDefaults({ concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 })(ensure(object, 'spec'));
};

const scaleUp = setPointerDefaults({
  stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, { type: 'Percent', value: 100, periodSeconds: 15 }],
});
const scaleDown = setPointerDefaults({ selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] });

const autoscalerV2: SetDefaults = (object) => {
  const spec = ensure(object, 'spec');
  setDefault(spec, 'minReplicas', 1);
  if (isEmpty(spec['metrics'])) spec['metrics'] = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }];
  const behavior = child(spec, 'behavior');
  if (behavior === undefined) return;
  scaleUp(ensure(behavior, 'scaleUp'));
  scaleDown(ensure(behavior, 'scaleDown'));
};

/** Version 1 shows the default metric of version 2, unless its annotation holds metrics of another kind. */
const autoscalerV1: SetDefaults = (object) => {
  const spec = ensure(object, 'spec');
  setDefault(spec, 'minReplicas', 1);
  const annotations = child(ensure(object, 'metadata'), 'annotations');
  if (isUnset(annotations?.['autoscaling.alpha.kubernetes.io/metrics'])) setDefault(spec, 'targetCPUUtilizationPercentage', 80);
};

export const workloadDefaults: Readonly<Record<string, SetDefaults>> = {
  [`${apps}.Deployment`]: deployment,
  [`${apps}.ReplicaSet`]: (object) => setDefault(ensure(object, 'spec'), 'replicas', 1),
  [`${apps}.StatefulSet`]: statefulSet,
  [`${apps}.DaemonSet`]: daemonSet,
  [`${batch}.Job`]: job,
  [`${batch}.CronJob`]: cronJob,
  [`${batch}.PodFailurePolicyOnPodConditionsPattern`]: setDefaults({ status: 'True' }),
  [`${autoscaling}.v1.HorizontalPodAutoscaler`]: autoscalerV1,
  [`${autoscaling}.v2.HorizontalPodAutoscaler`]: autoscalerV2,
};
