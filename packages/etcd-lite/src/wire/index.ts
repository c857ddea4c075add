export { Schema, type Codec, type SchemaNode } from './codec.ts';
export { GrpcCutter, grpcContentType, grpcFrame, grpcMessage } from './grpc.ts';
