export { Schema, type Codec, type SchemaNode } from './codec.ts';
export { GrpcCutter, grpcContentType, grpcFrame } from './grpc.ts';
