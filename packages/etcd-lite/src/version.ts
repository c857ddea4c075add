/** The version of etcd whose API we speak; clients compare it to know what they may ask. */
export const etcdVersion = '3.5.21';
export const etcdClusterVersion = '3.5.0';
