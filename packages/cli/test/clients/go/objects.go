package main

import (
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
)

var objectCases = []testCase{
	{"crud", crud}, {"untyped", untyped}, {"conflict", conflict}, {"errors", errorKinds}, {"dry-run", dryRun},
	{"status", status}, {"scale", scale}, {"finalizers", finalizers}, {"delete-collection", deleteCollection}, {"large", large}, {"events", events},
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example/main:1"}, {Name: "side", Image: "example/side:1"}}}},
		},
	}
}

func version(text string) int { return must(strconv.Atoi(text)) }

func crud(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	made := must(maps.Create(r.ctx, configMap("a", map[string]string{"x": "1"}), metav1.CreateOptions{}))
	expect(made.UID != "" && made.Namespace == r.namespace && !made.CreationTimestamp.IsZero(), "metadata is not filled: %v", made.ObjectMeta)
	made.Data["y"] = "2"
	changed := must(maps.Update(r.ctx, made, metav1.UpdateOptions{}))
	expect(changed.UID == made.UID && version(changed.ResourceVersion) > version(made.ResourceVersion), "update: %v", changed.ObjectMeta)
	got := must(maps.Get(r.ctx, "a", metav1.GetOptions{}))
	expect(got.ResourceVersion == changed.ResourceVersion && got.Data["y"] == "2", "get: %v", got)
	list := must(maps.List(r.ctx, metav1.ListOptions{}))
	expect(version(list.ResourceVersion) >= version(got.ResourceVersion), "the list is older than its object")
	ok(maps.Delete(r.ctx, "a", metav1.DeleteOptions{}))
	_, err := maps.Get(r.ctx, "a", metav1.GetOptions{})
	expect(apierrors.IsNotFound(err), "after delete: %v", err)
}

func untyped(r *run) {
	deployments := r.dynamic.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).Namespace(r.namespace)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "d"},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"app": "d"}},
			"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"app": "d"}}, "spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i"}}}},
		},
	}}
	made := must(deployments.Create(r.ctx, object, metav1.CreateOptions{}))
	replicas, found, _ := unstructured.NestedInt64(made.Object, "spec", "replicas")
	expect(found && replicas == 1, "replicas are not defaulted: %v", made.Object["spec"])
	ok(unstructured.SetNestedField(made.Object, int64(3), "spec", "replicas"))
	ok(retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current := must(deployments.Get(r.ctx, "d", metav1.GetOptions{}))
		ok(unstructured.SetNestedField(current.Object, int64(3), "spec", "replicas"))
		_, err := deployments.Update(r.ctx, current, metav1.UpdateOptions{})
		return err
	}))
	typed := must(r.typed.AppsV1().Deployments(r.namespace).Get(r.ctx, "d", metav1.GetOptions{}))
	expect(*typed.Spec.Replicas == 3 && typed.Generation == 2, "typed and untyped differ: %v", typed)
	ok(deployments.Delete(r.ctx, "d", metav1.DeleteOptions{}))
}

func conflict(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	old := must(maps.Create(r.ctx, configMap("a", map[string]string{"x": "1"}), metav1.CreateOptions{}))
	fresh := old.DeepCopy()
	fresh.Data["x"] = "2"
	must(maps.Update(r.ctx, fresh, metav1.UpdateOptions{}))
	old.Data["x"] = "3"
	_, err := maps.Update(r.ctx, old, metav1.UpdateOptions{})
	expect(apierrors.IsConflict(err), "a stale update: %v", err)
}

func errorKinds(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	_, err := maps.Get(r.ctx, "none", metav1.GetOptions{})
	expect(apierrors.IsNotFound(err) && err.Error() == `configmaps "none" not found`, "get: %v", err)
	must(maps.Create(r.ctx, configMap("a", nil), metav1.CreateOptions{}))
	_, err = maps.Create(r.ctx, configMap("a", nil), metav1.CreateOptions{})
	expect(apierrors.IsAlreadyExists(err), "create twice: %v", err)
	bad := deployment("d", -1)
	bad.Spec.Template.Spec.Containers[1].Image = ""
	_, err = r.typed.AppsV1().Deployments(r.namespace).Create(r.ctx, bad, metav1.CreateOptions{})
	expect(apierrors.IsInvalid(err), "invalid: %v", err)
	fields := map[string]metav1.CauseType{}
	for _, cause := range err.(apierrors.APIStatus).Status().Details.Causes {
		fields[cause.Field] = cause.Type
	}
	expect(fields["spec.replicas"] == metav1.CauseTypeFieldValueInvalid && fields["spec.template.spec.containers[1].image"] == metav1.CauseTypeFieldValueRequired, "causes: %v", fields)
}

func dryRun(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	made := must(maps.Create(r.ctx, configMap("a", nil), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}))
	expect(made.UID != "", "a dry run fills metadata")
	_, err := maps.Get(r.ctx, "a", metav1.GetOptions{})
	expect(apierrors.IsNotFound(err), "a dry run stored: %v", err)
}

func status(r *run) {
	deployments := r.typed.AppsV1().Deployments(r.namespace)
	// Nobody selects it, so no controller writes its status meanwhile but to say that it was seen.
	made := must(deployments.Create(r.ctx, deployment("d", 0), metav1.CreateOptions{}))
	eventually(r, "the controller has seen the deployment", func() bool {
		return must(deployments.Get(r.ctx, "d", metav1.GetOptions{})).Status.ObservedGeneration >= made.Generation
	})
	pods := r.typed.CoreV1().Pods(r.namespace)
	eventually(r, "the namespace has its account", func() bool {
		_, err := r.typed.CoreV1().ServiceAccounts(r.namespace).Get(r.ctx, "default", metav1.GetOptions{})
		return err == nil
	})
	pod := must(pods.Create(r.ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}}, Status: corev1.PodStatus{Phase: corev1.PodFailed}}, metav1.CreateOptions{}))
	expect(pod.Status.Phase == corev1.PodPending && pod.Status.QOSClass == corev1.PodQOSBestEffort, "a new pod's status: %v", pod.Status)
	pod.Status.Message = "written"
	pod.Spec.Containers[0].Image = "other"
	written := must(pods.UpdateStatus(r.ctx, pod, metav1.UpdateOptions{}))
	expect(written.Status.Message == "written" && written.Spec.Containers[0].Image == "i", "status and spec are not apart: %v", written)
}

func scale(r *run) {
	deployments := r.typed.AppsV1().Deployments(r.namespace)
	must(deployments.Create(r.ctx, deployment("d", 0), metav1.CreateOptions{}))
	now := must(deployments.GetScale(r.ctx, "d", metav1.GetOptions{}))
	expect(now.Spec.Replicas == 0 && now.Status.Selector == "app=d", "scale: %v", now)
	now.Spec.Replicas = 2
	now.ResourceVersion = ""
	must(deployments.UpdateScale(r.ctx, "d", now, metav1.UpdateOptions{}))
	expect(*must(deployments.Get(r.ctx, "d", metav1.GetOptions{})).Spec.Replicas == 2, "not scaled")
}

func finalizers(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	held := configMap("held", nil)
	held.Finalizers = []string{"example.com/hold"}
	made := must(maps.Create(r.ctx, held, metav1.CreateOptions{}))
	other := types.UID("00000000-0000-0000-0000-000000000000")
	err := maps.Delete(r.ctx, "held", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}})
	expect(apierrors.IsConflict(err), "a precondition on another uid: %v", err)
	ok(maps.Delete(r.ctx, "held", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &made.UID}}))
	waiting := must(maps.Get(r.ctx, "held", metav1.GetOptions{}))
	expect(waiting.DeletionTimestamp != nil, "it does not wait for its finalizer")
	waiting.Finalizers = nil
	must(maps.Update(r.ctx, waiting, metav1.UpdateOptions{}))
	_, err = maps.Get(r.ctx, "held", metav1.GetOptions{})
	expect(apierrors.IsNotFound(err), "still there: %v", err)
	orphans(r)
}

func orphans(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	owner := must(maps.Create(r.ctx, configMap("owner", nil), metav1.CreateOptions{}))
	child := configMap("child", nil)
	child.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: owner.UID}}
	must(maps.Create(r.ctx, child, metav1.CreateOptions{}))
	policy := metav1.DeletePropagationOrphan
	ok(maps.Delete(r.ctx, "owner", metav1.DeleteOptions{PropagationPolicy: &policy}))
	eventually(r, "the owner is gone and the child has none", func() bool {
		_, err := maps.Get(r.ctx, "owner", metav1.GetOptions{})
		return apierrors.IsNotFound(err) && len(must(maps.Get(r.ctx, "child", metav1.GetOptions{})).OwnerReferences) == 0
	})
}

func deleteCollection(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	for _, name := range []string{"a", "b", "keep"} {
		object := configMap(name, nil)
		object.Labels = map[string]string{"go": strconv.FormatBool(name != "keep")}
		must(maps.Create(r.ctx, object, metav1.CreateOptions{}))
	}
	ok(maps.DeleteCollection(r.ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "go=true"}))
	left := must(maps.List(r.ctx, metav1.ListOptions{LabelSelector: "go"})).Items
	expect(len(left) == 1 && left[0].Name == "keep", "left: %v", left)
}

func large(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	text := make([]byte, 900_000)
	for at := range text {
		text[at] = byte('a' + at%26)
	}
	must(maps.Create(r.ctx, configMap("big", map[string]string{"text": string(text)}), metav1.CreateOptions{}))
	got := must(maps.List(r.ctx, metav1.ListOptions{FieldSelector: "metadata.name=big"}))
	expect(len(got.Items) == 1 && got.Items[0].Data["text"] == string(text), "the text is another")
}

func events(r *run) {
	must(r.typed.CoreV1().Events(r.namespace).Create(r.ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "e"}, InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: r.namespace, Name: "p"}, Reason: "Testing", Message: "hello", Type: "Normal",
	}, metav1.CreateOptions{}))
	other := must(r.typed.EventsV1().Events(r.namespace).Get(r.ctx, "e", metav1.GetOptions{}))
	expect(other.Note == "hello" && other.Regarding.Name == "p", "the other group: %v", other)
	listed := must(r.typed.CoreV1().Events(r.namespace).List(r.ctx, metav1.ListOptions{FieldSelector: "reason=Testing,involvedObject.name=p"}))
	expect(len(listed.Items) == 1, "by field: %d", len(listed.Items))
}
