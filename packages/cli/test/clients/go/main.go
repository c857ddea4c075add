// The cases of ../cases.ts through client-go. One JSON line a case on standard output.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const caseTimeout = 90 * time.Second

// run is what each case gets: clients and a namespace of its own.
type run struct {
	ctx       context.Context
	config    *rest.Config
	typed     kubernetes.Interface
	dynamic   dynamic.Interface
	namespace string
	protobuf  bool
}

type testCase struct {
	name string
	do   func(r *run)
}

// failure ends a case.
type failure struct{ text string }

func fail(format string, args ...any) { panic(failure{fmt.Sprintf(format, args...)}) }

func must[T any](value T, err error) T {
	ok(err)
	return value
}

func ok(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func expect(condition bool, format string, args ...any) {
	if !condition {
		fail(format, args...)
	}
}

func eventually(r *run, what string, probe func() bool) {
	for !probe() {
		select {
		case <-r.ctx.Done():
			fail("not in time: %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func main() {
	contentType := flag.String("content-type", "application/vnd.kubernetes.protobuf", "what typed clients send and accept")
	only := flag.String("only", "", "cases with this in their name")
	flag.Parse()
	config := must(clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")))
	config.QPS, config.Burst = 1000, 1000
	typedConfig := rest.CopyConfig(config)
	typedConfig.ContentType = *contentType
	if strings.Contains(*contentType, "protobuf") {
		typedConfig.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	}
	base := run{config: config, typed: must(kubernetes.NewForConfig(typedConfig)), dynamic: must(dynamic.NewForConfig(config)), protobuf: typedConfig.AcceptContentTypes != ""}
	out := json.NewEncoder(os.Stdout)
	for _, one := range allCases() {
		if strings.Contains(one.name, *only) {
			ok(out.Encode(runCase(base, one)))
		}
	}
}

func allCases() []testCase {
	all := []testCase{}
	for _, part := range [][]testCase{objectCases, patchCases, readCases, watchCases, extensionCases, accessCases} {
		all = append(all, part...)
	}
	return all
}

type result struct {
	Case   string `json:"case"`
	Ok     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

func runCase(r run, one testCase) (outcome result) {
	ctx, cancel := context.WithTimeout(context.Background(), caseTimeout)
	defer cancel()
	r.ctx = ctx
	outcome = result{Case: one.name, Ok: true}
	defer func() {
		switch problem := recover().(type) {
		case nil:
		case failure:
			outcome.Ok, outcome.Detail = false, problem.text
		default:
			outcome.Ok, outcome.Detail = false, fmt.Sprintf("%v\n%s", problem, debug.Stack())
		}
	}()
	made := must(r.typed.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "go-" + one.name + "-"}}, metav1.CreateOptions{}))
	r.namespace = made.Name
	defer func() { ok(r.typed.CoreV1().Namespaces().Delete(context.Background(), made.Name, metav1.DeleteOptions{})) }()
	one.do(&r)
	return outcome
}
