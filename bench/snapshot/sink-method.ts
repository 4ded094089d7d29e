export interface SinkRequest {
  readonly kind: "listen";
}

export interface SinkAnswer {
  readonly grpcPort: number;
  readonly tcpPort: number;
}

export const asIs = (bytes: Buffer): Buffer => bytes;

export const sinkMethod = {
  path: "/bench.Sink/Sink",
  requestStream: true,
  responseStream: false,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
};
