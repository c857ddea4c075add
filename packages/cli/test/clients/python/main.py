"""The cases of ../cases.ts through the Python client. One JSON line a case on standard output."""
import datetime
import json
import sys
import time
import traceback

from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException

CASES = {}
TIMEOUT_SECONDS = 60


def case(name):
    def register(function):
        CASES[name] = function
        return function
    return register


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def refused(status, call, *args, **kwargs):
    """The body of a refusal with that status."""
    try:
        call(*args, **kwargs)
    except ApiException as error:
        expect(error.status == status, f'status {error.status}, not {status}: {error.body}')
        return json.loads(error.body)
    raise AssertionError(f'not refused with {status}')


def eventually(what, probe):
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not probe():
        expect(time.monotonic() < deadline, f'not in time: {what}')
        time.sleep(0.05)


core = apps = None


def config_map(name, data=None, labels=None, **metadata):
    return {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': name, **({'labels': labels} if labels else {}), **metadata}, 'data': data or {}}


def deployment(name, replicas=0):
    labels = {'app': name}
    return {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': name}, 'spec': {
        'replicas': replicas, 'selector': {'matchLabels': labels},
        'template': {'metadata': {'labels': labels}, 'spec': {'containers': [{'name': 'main', 'image': 'example/main:1'}, {'name': 'side', 'image': 'example/side:1'}]}}}}


def request(method, path, body=None, content_type='application/json', accept='application/json', query=()):
    """A request that the generated client has no name for; the decoded JSON."""
    api = client.ApiClient()
    response = api.call_api(path, method, query_params=list(query), body=body, header_params={'Content-Type': content_type, 'Accept': accept},
                            auth_settings=['BearerToken'], _preload_content=False, _return_http_data_only=True)
    return json.loads(response.data)


@case('discovery')
def discovery(ns):
    expect(client.VersionApi().get_code().minor == '32', 'version')
    names = [group.name for group in client.ApisApi().get_api_versions().groups]
    expect('apps' in names and 'rbac.authorization.k8s.io' in names, names)
    found = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version='apps/v1', kind='Deployment')
    expect(found.name == 'deployments' and found.namespaced, found)


@case('crud')
def crud(ns):
    made = core.create_namespaced_config_map(ns, config_map('a', {'x': '1'}))
    made.data['y'] = '2'
    changed = core.replace_namespaced_config_map('a', ns, made)
    expect(changed.metadata.uid == made.metadata.uid and int(changed.metadata.resource_version) > int(made.metadata.resource_version), 'versions')
    expect(core.read_namespaced_config_map('a', ns).data == {'x': '1', 'y': '2'}, 'data')
    expect('a' in [item.metadata.name for item in core.list_namespaced_config_map(ns).items], 'list')
    core.delete_namespaced_config_map('a', ns)
    refused(404, core.read_namespaced_config_map, 'a', ns)


@case('untyped')
def untyped(ns):
    deployments = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version='apps/v1', kind='Deployment')
    made = deployments.create(body=deployment('d'), namespace=ns)
    expect(made.spec.revisionHistoryLimit == 10, made.spec)
    deployments.patch(body={'spec': {'replicas': 0, 'paused': True}}, name='d', namespace=ns, content_type='application/merge-patch+json')
    expect(apps.read_namespaced_deployment('d', ns).spec.paused, 'typed and untyped differ')
    deployments.delete(name='d', namespace=ns)


@case('conflict')
def conflict(ns):
    made = core.create_namespaced_config_map(ns, config_map('a', {'x': '1'}))
    core.patch_namespaced_config_map('a', ns, {'data': {'x': '2'}})
    expect(refused(409, core.replace_namespaced_config_map, 'a', ns, made)['reason'] == 'Conflict', 'reason')


@case('errors')
def errors(ns):
    expect(refused(404, core.read_namespaced_config_map, 'none', ns)['message'] == 'configmaps "none" not found', 'message')
    core.create_namespaced_config_map(ns, config_map('a'))
    expect(refused(409, core.create_namespaced_config_map, ns, config_map('a'))['reason'] == 'AlreadyExists', 'reason')
    bad = deployment('d', -1)
    del bad['spec']['template']['spec']['containers'][1]['image']
    causes = {cause['field']: cause['reason'] for cause in refused(422, apps.create_namespaced_deployment, ns, bad)['details']['causes']}
    expect(causes == {'spec.replicas': 'FieldValueInvalid', 'spec.template.spec.containers[1].image': 'FieldValueRequired'}, causes)


def patch(path, body, content_type, query=()):
    return request('PATCH', path, body, content_type, query=query)


@case('json-patch')
def json_patch(ns):
    core.create_namespaced_config_map(ns, config_map('a', {'x': '1', 'y': '2'}))
    path = f'/api/v1/namespaces/{ns}/configmaps/a'
    got = patch(path, [{'op': 'test', 'path': '/data/x', 'value': '1'}, {'op': 'replace', 'path': '/data/x', 'value': '9'}, {'op': 'remove', 'path': '/data/y'}], 'application/json-patch+json')
    expect(got['data'] == {'x': '9'}, got)
    refused(422, patch, path, [{'op': 'test', 'path': '/data/x', 'value': '1'}], 'application/json-patch+json')


@case('merge-patch')
def merge_patch(ns):
    core.create_namespaced_config_map(ns, config_map('a', {'x': '1', 'y': '2'}))
    got = patch(f'/api/v1/namespaces/{ns}/configmaps/a', {'data': {'x': None, 'z': '3'}}, 'application/merge-patch+json')
    expect(got['data'] == {'y': '2', 'z': '3'}, got)


@case('strategic-patch')
def strategic_patch(ns):
    apps.create_namespaced_deployment(ns, deployment('d'))
    body = {'spec': {'template': {'spec': {'containers': [{'name': 'side', 'image': 'example/side:2'}]}}}}
    got = patch(f'/apis/apps/v1/namespaces/{ns}/deployments/d', body, 'application/strategic-merge-patch+json')
    images = {container['name']: container['image'] for container in got['spec']['template']['spec']['containers']}
    expect(images == {'main': 'example/main:1', 'side': 'example/side:2'}, images)


@case('apply')
def apply(ns):
    path = f'/api/v1/namespaces/{ns}/configmaps/a'

    def as_manager(name, data, *query):
        return patch(path, json.dumps(config_map('a', data)), 'application/apply-patch+yaml', [('fieldManager', name), *query])
    as_manager('one', {'x': '1', 'mine': '1'})
    refusal = refused(409, as_manager, 'two', {'x': '2'})
    expect('conflict with "one"' in refusal['message'], refusal)
    got = as_manager('two', {'x': '2'}, ('force', 'true'))
    expect(got['data'] == {'x': '2', 'mine': '1'}, got['data'])
    expect(as_manager('one', {})['data'] == {'x': '2'}, 'what its owner leaves out goes')


@case('dry-run')
def dry_run(ns):
    expect(core.create_namespaced_config_map(ns, config_map('a'), dry_run='All').metadata.uid, 'uid')
    refused(404, core.read_namespaced_config_map, 'a', ns)


@case('paging')
def paging(ns):
    for at in range(13):
        core.create_namespaced_config_map(ns, config_map(f'm-{at:02}', labels={'paged': 'yes'}))
    names, token, remaining = [], None, None
    while True:
        page = core.list_namespaced_config_map(ns, limit=4, _continue=token)
        names += [item.metadata.name for item in page.items if item.metadata.name.startswith('m-')]
        remaining = remaining or page.metadata.remaining_item_count
        token = page.metadata._continue
        if not token:
            break
    expect(names == [f'm-{at:02}' for at in range(13)] and remaining >= 9, (names, remaining))


@case('selectors')
def selectors(ns):
    for name in ('red', 'green', 'blue'):
        core.create_namespaced_config_map(ns, config_map(name, labels={'colour': name}))
    for selector, want in {'colour=red': 1, 'colour in (red,blue)': 2, 'colour!=red,colour': 2}.items():
        expect(len(core.list_namespaced_config_map(ns, label_selector=selector).items) == want, selector)
    expect(len(core.list_namespaced_config_map(ns, field_selector='metadata.name=red').items) == 1, 'by name')
    refused(400, core.list_namespaced_config_map, ns, field_selector='data.x=1')


@case('watch')
def watch_events(ns):
    since = core.list_namespaced_config_map(ns).metadata.resource_version
    core.create_namespaced_config_map(ns, config_map('a', labels={'watched': 'yes'}))
    core.patch_namespaced_config_map('a', ns, {'data': {'x': '1'}})
    core.patch_namespaced_config_map('a', ns, {'metadata': {'labels': {'watched': 'no'}}})
    seen = []
    watcher = watch.Watch()
    for event in watcher.stream(core.list_namespaced_config_map, ns, resource_version=since, label_selector='watched=yes', timeout_seconds=TIMEOUT_SECONDS):
        seen.append((event['type'], event['object'].metadata.name))
        if event['type'] == 'DELETED':
            watcher.stop()
    expect(seen == [('ADDED', 'a'), ('MODIFIED', 'a'), ('DELETED', 'a')], seen)


@case('custom-resource')
def custom_resource(ns):
    group = f'{ns.replace("-", "")}.example.com'
    definitions = client.ApiextensionsV1Api()
    schema = {'type': 'object', 'properties': {'spec': {'type': 'object', 'properties': {'size': {'type': 'integer', 'minimum': 1, 'default': 7}}}}}
    definitions.create_custom_resource_definition({
        'apiVersion': 'apiextensions.k8s.io/v1', 'kind': 'CustomResourceDefinition', 'metadata': {'name': f'gadgets.{group}'},
        'spec': {'group': group, 'scope': 'Namespaced', 'names': {'plural': 'gadgets', 'kind': 'Gadget'},
                 'versions': [{'name': 'v1', 'served': True, 'storage': True, 'schema': {'openAPIV3Schema': schema}}]}})

    def established():
        conditions = definitions.read_custom_resource_definition(f'gadgets.{group}').status.conditions or []
        return any(condition.type == 'Established' and condition.status == 'True' for condition in conditions)
    eventually('the definition is established', established)
    custom = client.CustomObjectsApi()
    gadget = {'apiVersion': f'{group}/v1', 'kind': 'Gadget', 'metadata': {'name': 'a'}, 'spec': {'unknown': 1}}
    expect(custom.create_namespaced_custom_object(group, 'v1', ns, 'gadgets', gadget)['spec'] == {'size': 7}, 'defaulted and pruned')
    refused(422, custom.create_namespaced_custom_object, group, 'v1', ns, 'gadgets', {**gadget, 'metadata': {'name': 'b'}, 'spec': {'size': 0}})
    for event in watch.Watch().stream(custom.list_namespaced_custom_object, group, 'v1', ns, 'gadgets', timeout_seconds=TIMEOUT_SECONDS):
        expect(event['type'] == 'ADDED' and event['object']['metadata']['name'] == 'a', event)
        break
    definitions.delete_custom_resource_definition(f'gadgets.{group}')

    def gone():
        try:
            custom.list_namespaced_custom_object(group, 'v1', ns, 'gadgets')
        except ApiException as error:
            return error.status == 404
        return False
    eventually('the kind is gone', gone)


@case('status')
def status(ns):
    eventually('the namespace has its account', lambda: core.list_namespaced_service_account(ns).items)
    core.create_namespaced_pod(ns, {'metadata': {'name': 'p'}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}})
    got = core.patch_namespaced_pod_status('p', ns, {'status': {'message': 'written'}, 'metadata': {'labels': {'x': 'y'}}})
    expect(got.status.message == 'written' and got.status.qos_class == 'BestEffort', got.status)


@case('scale')
def scale(ns):
    apps.create_namespaced_deployment(ns, deployment('d'))
    now = apps.read_namespaced_deployment_scale('d', ns)
    expect(now.status.selector == 'app=d', now)
    apps.patch_namespaced_deployment_scale('d', ns, {'spec': {'replicas': 2}})
    expect(apps.read_namespaced_deployment('d', ns).spec.replicas == 2, 'not scaled')


@case('finalizers')
def finalizers(ns):
    core.create_namespaced_config_map(ns, config_map('a', finalizers=['example.com/hold']))
    refused(409, core.delete_namespaced_config_map, 'a', ns, body=client.V1DeleteOptions(preconditions=client.V1Preconditions(uid='00000000-0000-0000-0000-000000000000')))
    core.delete_namespaced_config_map('a', ns)
    expect(core.read_namespaced_config_map('a', ns).metadata.deletion_timestamp, 'it does not wait')
    core.patch_namespaced_config_map('a', ns, {'metadata': {'finalizers': None}})
    refused(404, core.read_namespaced_config_map, 'a', ns)


@case('delete-collection')
def delete_collection(ns):
    for name in ('a', 'b', 'keep'):
        core.create_namespaced_config_map(ns, config_map(name, labels={'go': str(name != 'keep')}))
    core.delete_collection_namespaced_config_map(ns, label_selector='go=True')
    expect([item.metadata.name for item in core.list_namespaced_config_map(ns, label_selector='go').items] == ['keep'], 'what is left')


@case('access')
def access(ns):
    jane = client.ApiClient()
    jane.set_default_header('Impersonate-User', 'jane')
    refused(403, client.CoreV1Api(jane).list_namespaced_config_map, ns)

    def may():
        spec = {'spec': {'resourceAttributes': {'namespace': ns, 'verb': 'list', 'resource': 'configmaps'}}}
        return client.AuthorizationV1Api(jane).create_self_subject_access_review(spec).status.allowed
    expect(not may(), 'the review allows it')
    rbac = client.RbacAuthorizationV1Api()
    rbac.create_namespaced_role(ns, {'metadata': {'name': 'reader'}, 'rules': [{'apiGroups': [''], 'resources': ['configmaps'], 'verbs': ['list']}]})
    rbac.create_namespaced_role_binding(ns, {'metadata': {'name': 'reader'}, 'roleRef': {'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'Role', 'name': 'reader'},
                                             'subjects': [{'kind': 'User', 'apiGroup': 'rbac.authorization.k8s.io', 'name': 'jane'}]})
    eventually('the role works', may)
    client.CoreV1Api(jane).list_namespaced_config_map(ns)
    refused(403, client.CoreV1Api(jane).list_namespaced_secret, ns)


@case('token')
def token(ns):
    core.create_namespaced_service_account(ns, {'metadata': {'name': 'robot'}})
    issued = request('POST', f'/api/v1/namespaces/{ns}/serviceaccounts/robot/token', {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': {}})['status']['token']
    review = client.AuthenticationV1Api().create_token_review({'spec': {'token': issued}}).status
    expect(review.authenticated and review.user.username == f'system:serviceaccount:{ns}:robot', review)
    configuration = client.Configuration.get_default_copy()
    configuration.cert_file = configuration.key_file = None
    configuration.api_key = {'authorization': f'Bearer {issued}'}
    robot = client.CoreV1Api(client.ApiClient(configuration))
    refused(403, robot.list_namespaced_pod, ns)
    core.delete_namespaced_service_account('robot', ns)

    def dead():
        try:
            robot.list_namespaced_pod(ns)
        except ApiException as error:
            return error.status == 401
        return False
    eventually('the token is dead', dead)


@case('large')
def large(ns):
    text = 'abcdefghij' * 90_000
    core.create_namespaced_config_map(ns, config_map('big', {'text': text}))
    expect(core.read_namespaced_config_map('big', ns).data['text'] == text, 'another text')
    response = client.ApiClient().call_api(f'/api/v1/namespaces/{ns}/configmaps', 'GET', header_params={'Accept-Encoding': 'gzip', 'Accept': 'application/json'},
                                           auth_settings=['BearerToken'], _preload_content=False, _return_http_data_only=True)
    expect(response.headers.get('content-encoding') == 'gzip', dict(response.headers))
    expect(text in response.data.decode(), 'another text in the list')


@case('events')
def events(ns):
    now = datetime.datetime.now(datetime.timezone.utc)
    client.EventsV1Api().create_namespaced_event(ns, {
        'metadata': {'name': 'e'}, 'eventTime': now.strftime('%Y-%m-%dT%H:%M:%S.%fZ'), 'reportingController': 'example.com/test', 'reportingInstance': 'one', 'action': 'Testing', 'reason': 'Testing',
        'type': 'Normal', 'note': 'hello', 'regarding': {'kind': 'Pod', 'namespace': ns, 'name': 'p'}})
    other = core.read_namespaced_event('e', ns)
    expect(other.message == 'hello' and other.involved_object.name == 'p', other)


@case('openapi')
def openapi(ns):
    document = request('GET', '/openapi/v2')
    expect('replicas' in document['definitions']['io.k8s.api.apps.v1.DeploymentSpec']['properties'], 'version 2')
    paths = request('GET', '/openapi/v3')['paths']
    url, query = paths['apis/apps/v1']['serverRelativeURL'].split('?')
    third = request('GET', url, query=[tuple(query.split('='))])
    expect('io.k8s.api.apps.v1.Deployment' in third['components']['schemas'], 'version 3')


def run(name, function):
    namespace = core.create_namespace({'metadata': {'generateName': f'python-{name}-'}}).metadata.name
    try:
        function(namespace)
        return {'case': name, 'ok': True}
    except Exception:  # what went wrong is the result
        return {'case': name, 'ok': False, 'detail': traceback.format_exc(limit=4)[-1500:]}
    finally:
        core.delete_namespace(namespace)


def main():
    global core, apps
    config.load_kube_config()
    core, apps = client.CoreV1Api(), client.AppsV1Api()
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    for name, function in CASES.items():
        if only in name:
            print(json.dumps(run(name, function)), flush=True)


main()
