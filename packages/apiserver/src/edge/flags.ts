import type { FlagSet, FlagSpec } from '@coxswain/service';
import { aggregationFlags } from './flags/aggregation.ts';
import { auditFlags } from './flags/audit.ts';
import { authenticationFlags } from './flags/authentication.ts';
import { authorizationFlags } from './flags/authorization.ts';
import { encryptionFlags } from './flags/encryption.ts';
import { flowControlFlags } from './flags/flow-control.ts';
import { storageFlags } from './flags/storage.ts';
import { servingFlags } from './flags/serving.ts';
import { unbuiltFlags } from './unbuilt-flags.ts';

function text(help: string, given = ''): FlagSpec {
  return { kind: 'string', default: given, help };
}

const serving: FlagSet = {
  'bind-address': text('IP address to listen on for --secure-port.', '0.0.0.0'),
  'secure-port': { kind: 'int', default: 6443, min: 1, max: 65535, help: 'Port on which to serve HTTPS with authentication and authorization.' },
  'advertise-address': text('IP address under which the server is known to members of the cluster. Default: --bind-address, or the address of the default interface.'),
  'tls-cert-file': text('File with the x509 certificate for HTTPS (CA certificates, if any, after the server certificate).'),
  'tls-private-key-file': text('File with the private key that matches --tls-cert-file.'),
  'request-timeout': { kind: 'duration', default: 60_000, help: 'Longest time for a request that is no watch, log or stream.' },
  'shutdown-delay-duration': { kind: 'duration', default: 0, help: 'Time to go on serving after a signal to stop, not ready any more.' },
};

const authentication: FlagSet = {
  ...authenticationFlags,
  'client-ca-file': text('Requests with a client certificate signed by one of the authorities in this file are made in the name of its CommonName and Organizations.'),
  'token-auth-file': text('CSV file of static tokens: token,user,uid,"group,group".'),
  'anonymous-auth': { kind: 'bool', default: true, help: 'Requests without credentials are made as system:anonymous.' },
  'enable-bootstrap-token-auth': { kind: 'bool', default: false, help: 'Secrets of type bootstrap.kubernetes.io/token in kube-system authenticate joining nodes.' },
  'service-account-key-file': { kind: 'strings', help: 'File with public or private keys that verify service account tokens. May be given several times.' },
  'service-account-signing-key-file': text('File with the private key that signs service account tokens.'),
  'service-account-issuer': { kind: 'strings', help: 'Issuer of service account tokens; the first one signs, all are accepted.' },
  'service-account-jwks-uri': text('URI of the keys in the OpenID discovery document.'),
  'service-account-max-token-expiration': { kind: 'duration', default: 0, help: 'Longest lifetime of a token that the server issues; 0: no limit.' },
  'api-audiences': { kind: 'strings', help: 'Audiences of the API. Default: the issuers.' },
  'requestheader-client-ca-file': text('Authority of the proxies that may say in headers who the user is.'),
  'requestheader-allowed-names': { kind: 'strings', help: 'Common names of those proxies; empty: any.' },
  'requestheader-username-headers': { kind: 'strings', help: 'Headers to look into for the user name.' },
  'requestheader-group-headers': { kind: 'strings', help: 'Headers to look into for groups.' },
  'requestheader-extra-headers-prefix': { kind: 'strings', help: 'Header prefixes to look into for extra information.' },
};

const authorization: FlagSet = {
  ...authorizationFlags,
  'enable-admission-plugins': { kind: 'strings', help: 'Admission plugins to switch on besides the default ones.' },
  'admission-control': { kind: 'strings', help: 'Exactly these admission plugins, instead of --enable-admission-plugins and --disable-admission-plugins. Deprecated in the original.' },
  'disable-admission-plugins': { kind: 'strings', help: 'Default admission plugins to switch off.' },
  'admission-control-config-file': text('File with the configuration of admission plugins.'),
  'default-not-ready-toleration-seconds': { kind: 'int', default: 300, min: 0, help: 'tolerationSeconds of the notReady:NoExecute toleration that is added to every pod.' },
  'default-unreachable-toleration-seconds': { kind: 'int', default: 300, min: 0, help: 'tolerationSeconds of the unreachable:NoExecute toleration that is added to every pod.' },
  'allow-privileged': { kind: 'bool', default: false, help: 'Allow privileged containers.' },
};

const cluster: FlagSet = {
  'service-cluster-ip-range': { kind: 'strings', help: 'CIDR from which service cluster IPs are given; two for dual stack. Default: 10.0.0.0/24.' },
  'service-node-port-range': text('Ports for services of type NodePort, as FIRST-LAST, both included.', '30000-32767'),
  'kubelet-client-certificate': text('File with the client certificate for kubelets.'),
  'kubelet-client-key': text('File with the key of --kubelet-client-certificate.'),
  'kubelet-certificate-authority': text('File with the authority of the kubelets\' serving certificates; without it they are not verified.'),
  'kubelet-preferred-address-types': { kind: 'strings', default: ['Hostname', 'InternalDNS', 'InternalIP', 'ExternalDNS', 'ExternalIP'], help: 'Node address types to use for kubelet connections, best first.' },
  'cloud-provider': text('external, or nothing: there is no other, as in the original.'),
  'apiserver-count': { kind: 'ignored', of: 'text', help: 'Only counts for the endpoint reconciler master-count, which is not built.' },
  'endpoint-reconciler-type': text('How the endpoints of the service kubernetes are kept: lease, or none.', 'lease'),
};

export const flags: FlagSet = { ...serving, ...storageFlags, ...authentication, ...authorization, ...cluster, ...aggregationFlags, ...auditFlags, ...encryptionFlags, ...flowControlFlags, ...servingFlags, ...unbuiltFlags };
