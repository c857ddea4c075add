const image = 'coxswain.local/busybox:1';

/** One pod that sees everything a pod can be given; its log is what it found. */
const given = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red, SIZE: '7', file.conf: "a=1\\n"}
---
apiVersion: v1
kind: Secret
metadata: {name: password}
stringData: {password: s3cret, TOKEN: t0ken}
---
apiVersion: v1
kind: Pod
metadata: {name: given, labels: {tier: front, zone: a}, annotations: {note: hello}}
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  initContainers:
  - {name: first, image: '${image}', command: [sh, -c, 'echo first >> /scratch/order'], volumeMounts: [{name: scratch, mountPath: /scratch}]}
  - {name: second, image: '${image}', command: [sh, -c, 'echo second >> /scratch/order'], volumeMounts: [{name: scratch, mountPath: /scratch}]}
  containers:
  - name: main
    image: ${image}
    command: [sh, -c]
    args:
    - |
      env | grep -E '^(COLOUR|CM_|SECRET_|PASSWORD|POD_|NODE_|HOST_|MEMORY|CPU|JOINED)' | sort
      cat /scratch/order /config/file.conf /secret/password /chosen/renamed
      stat -Lc '%a' /secret/password /chosen/renamed
      cat /podinfo/labels; echo; cat /host/marker
      df /memory | tail -1 | awk '{print $1}'
      touch /config/x 2>&1
      exec sleep 3600
    env:
    - {name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: colour}}}
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: password, key: password}}}
    - {name: ABSENT, valueFrom: {configMapKeyRef: {name: nothing, key: none, optional: true}}}
    - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
    - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: POD_NOTE, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['note']"}}}
    - {name: POD_ACCOUNT, valueFrom: {fieldRef: {fieldPath: spec.serviceAccountName}}}
    - {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
    - {name: MEMORY_MI, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
    - {name: CPU_MILLIS, valueFrom: {resourceFieldRef: {resource: requests.cpu, divisor: 1m}}}
    - {name: JOINED, value: '$(COLOUR)-$(POD_NAME)-$$(COLOUR)-$(UNKNOWN)'}
    envFrom: [{prefix: CM_, configMapRef: {name: settings}}, {prefix: SECRET_, secretRef: {name: password}}]
    resources: {requests: {cpu: 50m, memory: 16Mi}, limits: {memory: 64Mi}}
    volumeMounts:
    - {name: scratch, mountPath: /scratch}
    - {name: memory, mountPath: /memory}
    - {name: config, mountPath: /config}
    - {name: secret, mountPath: /secret, readOnly: true}
    - {name: chosen, mountPath: /chosen}
    - {name: podinfo, mountPath: /podinfo}
    - {name: host, mountPath: /host}
    - {name: token, mountPath: /token}
  volumes:
  - {name: scratch, emptyDir: {}}
  - {name: memory, emptyDir: {medium: Memory}}
  - {name: config, configMap: {name: settings}}
  - {name: secret, secret: {secretName: password, defaultMode: 0400}}
  - {name: chosen, configMap: {name: settings, items: [{key: colour, path: renamed, mode: 0440}]}}
  - {name: podinfo, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
  - {name: host, hostPath: {path: HOSTPATH, type: DirectoryOrCreate}}
  - {name: token, projected: {sources: [{serviceAccountToken: {path: token, audience: vault, expirationSeconds: 3600}}, {configMap: {name: settings, items: [{key: SIZE, path: size}]}}]}}
`;

/** Probed over HTTP, TCP and by commands; what they see is changed from outside through files. */
const probed = `
apiVersion: v1
kind: Pod
metadata: {name: probed, labels: {app: probed}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: http
    image: ${image}
    command: [sh, -c, 'mkdir -p /www/cgi-bin && touch /www/ok && exec httpd -f -p 8080 -h /www']
    readinessProbe: {httpGet: {path: /ok, port: 8080}, periodSeconds: 1, failureThreshold: 1}
    livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
  - name: exec
    image: ${image}
    command: [sh, -c, 'touch /tmp/alive; exec sleep 3600']
    livenessProbe: {exec: {command: [cat, /tmp/alive]}, periodSeconds: 1, failureThreshold: 2}
---
apiVersion: v1
kind: Service
metadata: {name: probed}
spec: {selector: {app: probed}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: slow}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: slow
    image: ${image}
    command: [sh, -c, 'sleep 3; touch /tmp/started; exec sleep 3600']
    startupProbe: {exec: {command: [cat, /tmp/started]}, periodSeconds: 1, failureThreshold: 30}
    livenessProbe: {exec: {command: [cat, /tmp/started]}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: stillborn}
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  containers:
  - name: stillborn
    image: ${image}
    command: [sleep, '3600']
    startupProbe: {tcpSocket: {port: 1}, periodSeconds: 1, failureThreshold: 2}
---
apiVersion: v1
kind: Pod
metadata: {name: gated}
spec:
  terminationGracePeriodSeconds: 1
  readinessGates: [{conditionType: example.com/load-balanced}]
  containers:
  - {name: gated, image: '${image}', command: [sleep, '3600']}
`;

const pod = (name: string, restartPolicy: string, script: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: ${restartPolicy}
  containers:
  - {name: main, image: '${image}', command: [sh, -c, '${script}']}
`;

/** Every restart policy meets both ends. */
const ends = [
  pod('always', 'Always', 'exit 0'), pod('on-failure-ok', 'OnFailure', 'exit 0'), pod('on-failure-bad', 'OnFailure', 'exit 3'),
  pod('never-ok', 'Never', 'exit 0'), pod('never-bad', 'Never', 'echo -n last words > /dev/termination-log; exit 3'),
  `
apiVersion: v1
kind: Pod
metadata: {name: init-bad}
spec:
  restartPolicy: Never
  initContainers: [{name: init, image: '${image}', command: [sh, -c, 'exit 5']}]
  containers: [{name: main, image: '${image}', command: [sh, -c, 'echo never reached']}]
`].join('---');

const jobs = `
apiVersion: batch/v1
kind: Job
metadata: {name: counts}
spec:
  completions: 4
  parallelism: 2
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: '${image}', command: [sh, -c, 'echo index $JOB_COMPLETION_INDEX']}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: fails}
spec:
  backoffLimit: 1
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: '${image}', command: [sh, -c, 'exit 9']}]
`;

/** All of it in one manifest, as a user would apply it. `hostFolder` is a folder of the node. */
export function workloads(hostFolder: string): string {
  return [given.replace('HOSTPATH', hostFolder), probed, ends, jobs].join('---\n');
}
