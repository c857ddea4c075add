import { UsageError } from '@coxswain/service';

/** Features of kube-apiserver 1.32 by what they are unless somebody says otherwise. */
const onByDefault = `
APIListChunking APIResponseCompression APIServerIdentity APIServerTracing AdmissionWebhookMatchConditions AggregatedDiscoveryEndpoint
AllowServiceLBStatusOnNonLB AnonymousAuthConfigurableEndpoints AnyVolumeDataSource AppArmor AppArmorFields AuthorizeNodeWithSelectors
AuthorizeWithSelectors BtreeWatchCache CPUManager CPUManagerPolicyBetaOptions CPUManagerPolicyOptions CRDValidationRatcheting CSIMigrationPortworx
ConsistentListFromCache ContainerCheckpoint CronJobsScheduledAnnotation CustomResourceFieldSelectors DevicePluginCDIDevices DisableCloudProviders
DisableKubeletCloudCredentialProviders EfficientWatchResumption ElasticIndexedJob ExecProbeTimeout GracefulNodeShutdown
GracefulNodeShutdownBasedOnPodPriority HonorPVReclaimPolicy ImageMaximumGCAge JobBackoffLimitPerIndex JobManagedBy JobPodFailurePolicy
JobPodReplacementPolicy JobSuccessPolicy KubeProxyDrainingTerminatingNodes KubeletCgroupDriverFromCRI KubeletSeparateDiskGC KubeletTracing
LoadBalancerIPMode LogarithmicScaleDown MatchLabelKeysInPodAffinity MatchLabelKeysInPodTopologySpread MemoryManager NFTablesProxyMode
NodeInclusionPolicyInPodTopologySpread NodeSwap OpenAPIEnums PDBUnhealthyPodEvictionPolicy PersistentVolumeLastPhaseTransitionTime PodDeletionCost
PodDisruptionConditions PodIndexLabel PodLifecycleSleepAction PodReadyToStartContainersCondition PodSchedulingReadiness PortForwardWebsockets
RecoverVolumeExpansionFailure RecursiveReadOnlyMounts RelaxedEnvironmentVariableValidation ReloadKubeletServerCertificateFile RemainingItemCount
ResilientWatchCacheInitialization RetryGenerateName RotateKubeletServerCertificate SELinuxMountReadWriteOncePod SchedulerQueueingHints
SeparateCacheWatchRPC SeparateTaintEvictionController ServiceAccountTokenJTI ServiceAccountTokenNodeBinding ServiceAccountTokenNodeBindingValidation
ServiceAccountTokenPodNodeInfo ServiceTrafficDistribution SidecarContainers SizeMemoryBackedVolumes StatefulSetAutoDeletePVC StatefulSetStartOrdinal
StorageNamespaceIndex StorageVersionHash StrictCostEnforcementForVAP StrictCostEnforcementForWebhooks StructuredAuthenticationConfiguration
StructuredAuthorizationConfiguration SystemdWatchdog TopologyAwareHints TopologyManagerPolicyBetaOptions TopologyManagerPolicyOptions
TranslateStreamCloseWebsocketRequests UnauthenticatedHTTP2DOSMitigation WatchBookmark WatchList WinOverlay WindowsHostNetwork
`;
const offByDefault = `
APIServingWithRoutine AllowDNSOnlyNodeCSR AllowInsecureKubeletCertificateSigningRequests AllowOverwriteTerminationGracePeriodSeconds
AllowUnsafeMalformedObjectDeletion CBORServingAndStorage CPUManagerPolicyAlphaOptions CSIVolumeHealth ClientsAllowCBOR ClientsPreferCBOR
CloudControllerManagerWebhook ClusterTrustBundle ClusterTrustBundleProjection ComponentFlagz ComponentStatusz ConcurrentWatchObjectDecode
CoordinatedLeaderElection CrossNamespaceVolumeDataSource CustomCPUCFSQuotaPeriod DRAAdminAccess DRAResourceClaimDeviceStatus DisableAllocatorDualWrite
DisableNodeKubeProxyVersion DynamicResourceAllocation EventedPLEG ExternalServiceAccountTokenSigner HPAScaleToZero ImageVolume
InPlacePodVerticalScaling InPlacePodVerticalScalingAllocatedStatus InPlacePodVerticalScalingExclusiveCPUs InTreePluginPortworxUnregister
InformerResourceVersion KMSv1 KubeletCrashLoopBackOffMax KubeletFineGrainedAuthz KubeletInUserNamespace KubeletPodResourcesDynamicResources
KubeletPodResourcesGet KubeletRegistrationGetOnExistsOnly LocalStorageCapacityIsolationFSQuotaMonitoring MaxUnavailableStatefulSet MemoryQoS
MultiCIDRServiceAllocator MutatingAdmissionPolicy NodeLogQuery PodAndContainerStatsFromCRI PodLevelResources PodLifecycleSleepActionAllowZero
PodLogsQuerySplitStreams ProcMountType QOSReserved RelaxedDNSSearchValidation RemoteRequestHeaderUID ResourceHealthStatus RuntimeClassInImageCriApi
SELinuxChangePolicy SELinuxMount SchedulerAsyncPreemption ServiceAccountNodeAudienceRestriction StorageVersionAPI StorageVersionMigrator
SupplementalGroupsPolicy TopologyManagerPolicyAlphaOptions UnknownVersionInteroperabilityProxy UserNamespacesPodSecurityStandards
UserNamespacesSupport VolumeAttributesClass VolumeCapacityPriority WatchCacheInitializationPostStartHook WatchFromStorageWithoutResourceVersion
WatchListClient WinDSR WindowsCPUAndMemoryAffinity WindowsGracefulNodeShutdown
`;

const defaults: ReadonlyMap<string, boolean> = new Map([
  ...onByDefault.trim().split(/\s+/).map((name) => [name, true] as const), ...offByDefault.trim().split(/\s+/).map((name) => [name, false] as const),
]);

function parsed(name: string, text: string): boolean {
  if (/^(true|1|t|T|TRUE|True)$/.test(text)) return true;
  if (/^(false|0|f|F|FALSE|False)$/.test(text)) return false;
  throw new UsageError(`--feature-gates: invalid value of ${name}=${text}, err: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** What is built both ways. */
const built: ReadonlySet<string> = new Set(['KMSv1']);

/** Takes every known feature at its default, and those of `settable` either way. What is given otherwise is refused by name. */
export function checkFeatureGates(given: Readonly<Record<string, string>>, settable: ReadonlySet<string> = built): ReadonlyMap<string, boolean> {
  const values = new Map<string, boolean>();
  for (const [key, text] of Object.entries(given)) {
    const [component, name] = key.includes(':') ? key.split(/:(.*)/s) as [string, string] : ['kube', key];
    if (component !== 'kube') throw new UsageError(`--feature-gates: component not registered: ${component}`);
    const value = parsed(name, text);
    const usual = name === 'AllAlpha' || name === 'AllBeta' ? false : defaults.get(name);
    if (usual === undefined) throw new UsageError(`--feature-gates: unrecognized feature gate: ${name}`);
    if (value !== usual && !settable.has(name)) throw new UsageError(`--feature-gates: ${name}=${String(value)} is not built: it is always ${String(usual)}`);
    values.set(name, value);
  }
  return values;
}
