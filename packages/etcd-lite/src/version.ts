/** The version of etcd whose API we speak; clients compare it to know what they may ask. */
export const etcdVersion = '3.6.16';
/** What a cluster of such members agrees on: minor versions only. */
export const etcdClusterVersion = '3.6.0';
