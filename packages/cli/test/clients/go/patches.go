package main

import (
	"encoding/json"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

var patchCases = []testCase{
	{"json-patch", jsonPatch}, {"merge-patch", mergePatch}, {"strategic-patch", strategicPatch}, {"apply", apply}, {"field-validation", fieldValidation},
}

func jsonPatch(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	must(maps.Create(r.ctx, configMap("a", map[string]string{"x": "1", "y": "2"}), metav1.CreateOptions{}))
	got := must(maps.Patch(r.ctx, "a", types.JSONPatchType, []byte(`[{"op":"test","path":"/data/x","value":"1"},{"op":"replace","path":"/data/x","value":"9"},{"op":"remove","path":"/data/y"},{"op":"add","path":"/data/z","value":"3"}]`), metav1.PatchOptions{}))
	expect(len(got.Data) == 2 && got.Data["x"] == "9" && got.Data["z"] == "3", "patched: %v", got.Data)
	_, err := maps.Patch(r.ctx, "a", types.JSONPatchType, []byte(`[{"op":"test","path":"/data/x","value":"1"}]`), metav1.PatchOptions{})
	expect(apierrors.IsInvalid(err), "a test that fails: %v", err)
}

func mergePatch(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	must(maps.Create(r.ctx, configMap("a", map[string]string{"x": "1", "y": "2"}), metav1.CreateOptions{}))
	got := must(maps.Patch(r.ctx, "a", types.MergePatchType, []byte(`{"data":{"x":null,"z":"3"}}`), metav1.PatchOptions{}))
	expect(len(got.Data) == 2 && got.Data["y"] == "2" && got.Data["z"] == "3", "patched: %v", got.Data)
}

func strategicPatch(r *run) {
	deployments := r.typed.AppsV1().Deployments(r.namespace)
	must(deployments.Create(r.ctx, deployment("d", 0), metav1.CreateOptions{}))
	got := must(deployments.Patch(r.ctx, "d", types.StrategicMergePatchType, []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"example/side:2"},{"name":"main","$patch":"delete"},{"name":"new","image":"n"}]}}}}`), metav1.PatchOptions{}))
	names := []string{}
	for _, container := range got.Spec.Template.Spec.Containers {
		names = append(names, container.Name+"="+container.Image)
	}
	expect(strings.Contains(strings.Join(names, ","), "side=example/side:2") && strings.Contains(strings.Join(names, ","), "new=n") && len(names) == 2, "containers: %v", names)
}

func apply(r *run) {
	maps := r.typed.CoreV1().ConfigMaps(r.namespace)
	must(maps.Apply(r.ctx, coreapply.ConfigMap("a", r.namespace).WithData(map[string]string{"x": "1", "mine": "1"}), metav1.ApplyOptions{FieldManager: "one"}))
	theirs := coreapply.ConfigMap("a", r.namespace).WithData(map[string]string{"x": "2"})
	_, err := maps.Apply(r.ctx, theirs, metav1.ApplyOptions{FieldManager: "two"})
	expect(apierrors.IsConflict(err) && strings.Contains(err.Error(), `conflict with "one"`), "conflict: %v", err)
	got := must(maps.Apply(r.ctx, theirs, metav1.ApplyOptions{FieldManager: "two", Force: true}))
	expect(got.Data["x"] == "2" && got.Data["mine"] == "1", "forced: %v", got.Data)
	got = must(maps.Apply(r.ctx, coreapply.ConfigMap("a", r.namespace), metav1.ApplyOptions{FieldManager: "one"}))
	_, kept := got.Data["mine"]
	expect(!kept && got.Data["x"] == "2", "what its owner leaves out goes: %v", got.Data)
	extracted := must(coreapply.ExtractConfigMap(got, "two"))
	expect(len(extracted.Data) == 1, "what two owns: %v", extracted.Data)
	must(r.typed.AppsV1().Deployments(r.namespace).Create(r.ctx, deployment("d", 0), metav1.CreateOptions{}))
	scaled := must(r.typed.AppsV1().Deployments(r.namespace).Apply(r.ctx, appsapply.Deployment("d", r.namespace).WithSpec(appsapply.DeploymentSpec().WithMinReadySeconds(3)), metav1.ApplyOptions{FieldManager: "one"}))
	expect(scaled.Spec.MinReadySeconds == 3 && len(scaled.Spec.Template.Spec.Containers) == 2, "applied to a deployment: %v", scaled.Spec)
}

// warnings gathers what the server warns of.
type warnings struct {
	lock  sync.Mutex
	texts []string
}

func (w *warnings) HandleWarningHeader(_ int, _ string, text string) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.texts = append(w.texts, text)
}

func fieldValidation(r *run) {
	body := must(json.Marshal(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}, "dta": map[string]any{"x": "1"}}))
	post := func(client kubernetes.Interface, mode string) error {
		return client.CoreV1().RESTClient().Post().Namespace(r.namespace).Resource("configmaps").Param("fieldValidation", mode).SetHeader("Content-Type", "application/json").Body(body).Do(r.ctx).Into(&corev1.ConfigMap{})
	}
	err := post(r.typed, "Strict")
	expect(apierrors.IsBadRequest(err) && strings.Contains(err.Error(), `strict decoding error: unknown field "dta"`), "strict: %v", err)
	said := &warnings{}
	config := rest.CopyConfig(r.config)
	config.WarningHandler = said
	ok(post(must(kubernetes.NewForConfig(config)), "Warn"))
	expect(len(said.texts) == 1 && said.texts[0] == `unknown field "dta"`, "warnings: %v", said.texts)
}
