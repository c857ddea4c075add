package main

import (
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

var accessCases = []testCase{{"access", access}, {"token", token}}

func access(r *run) {
	config := rest.CopyConfig(r.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "jane", Groups: []string{"system:authenticated"}}
	jane := must(kubernetes.NewForConfig(config))
	_, err := jane.CoreV1().ConfigMaps(r.namespace).List(r.ctx, metav1.ListOptions{})
	expect(apierrors.IsForbidden(err), "without a role: %v", err)
	may := func() bool {
		review := must(jane.AuthorizationV1().SelfSubjectAccessReviews().Create(r.ctx, &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: r.namespace, Verb: "list", Resource: "configmaps"}}}, metav1.CreateOptions{}))
		return review.Status.Allowed
	}
	expect(!may(), "the review allows it")
	who := must(jane.AuthenticationV1().SelfSubjectReviews().Create(r.ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}))
	expect(who.Status.UserInfo.Username == "jane", "who: %v", who.Status)
	must(r.typed.RbacV1().Roles(r.namespace).Create(r.ctx, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "reader"}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list"}}}}, metav1.CreateOptions{}))
	must(r.typed.RbacV1().RoleBindings(r.namespace).Create(r.ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "reader"}, RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: "reader"}, Subjects: []rbacv1.Subject{{Kind: "User", APIGroup: "rbac.authorization.k8s.io", Name: "jane"}}}, metav1.CreateOptions{}))
	eventually(r, "the role works", may)
	must(jane.CoreV1().ConfigMaps(r.namespace).List(r.ctx, metav1.ListOptions{}))
	_, err = jane.CoreV1().Secrets(r.namespace).List(r.ctx, metav1.ListOptions{})
	expect(apierrors.IsForbidden(err), "beyond the role: %v", err)
}

func token(r *run) {
	accounts := r.typed.CoreV1().ServiceAccounts(r.namespace)
	must(accounts.Create(r.ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{}))
	issued := must(accounts.CreateToken(r.ctx, "robot", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})).Status.Token
	review := must(r.typed.AuthenticationV1().TokenReviews().Create(r.ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: issued}}, metav1.CreateOptions{}))
	expect(review.Status.Authenticated && review.Status.User.Username == "system:serviceaccount:"+r.namespace+":robot", "review: %v", review.Status)
	config := rest.AnonymousClientConfig(r.config)
	config.BearerToken = issued
	robot := must(kubernetes.NewForConfig(config))
	_, err := robot.CoreV1().Pods(r.namespace).List(r.ctx, metav1.ListOptions{})
	expect(apierrors.IsForbidden(err), "a robot without rights: %v", err)
	ok(accounts.Delete(r.ctx, "robot", metav1.DeleteOptions{}))
	eventually(r, "the token is dead", func() bool {
		_, err := robot.CoreV1().Pods(r.namespace).List(r.ctx, metav1.ListOptions{})
		return apierrors.IsUnauthorized(err)
	})
}
