/**
 * The wire contract: one namespace per proto file, each with the types, schemas, enums and
 * services generated from it, and the three functions of the protobuf runtime that they need.
 * 64-bit fields are `bigint` here and nowhere else in the project.
 *
 * @example
 * import { client, create, toBinary } from "@d-engine/proto";
 * const request = create(client.ScanRequestSchema, { prefix: new Uint8Array([0x61]) });
 * const bytes = toBinary(client.ScanRequestSchema, request);
 */
export type {
  DescMessage,
  DescMethod,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
export { create, fromBinary, toBinary } from "@bufbuild/protobuf";
export * as client from "./gen/client/client_api_pb.js";
export * as common from "./gen/common_pb.js";
export * as admin from "./gen/d_engine/admin/v1/admin_pb.js";
export * as auth from "./gen/d_engine/auth/v1/auth_pb.js";
export * as kvCommand from "./gen/d_engine/kv/v1/command_pb.js";
export * as kvService from "./gen/d_engine/kv/v1/kv_pb.js";
export * as kv from "./gen/d_engine/kv/v1/snapshot_pb.js";
export * as peer from "./gen/d_engine/peer/v1/peer_pb.js";
export * as session from "./gen/d_engine/session/v1/session_pb.js";
export * as systemSnapshot from "./gen/d_engine/system/v1/snapshot_pb.js";
export * as system from "./gen/d_engine/system/v1/system_pb.js";
export * as error from "./gen/error_pb.js";
export * as health from "./gen/grpc/health/v1/health_pb.js";
export * as cluster from "./gen/server/cluster_pb.js";
export * as election from "./gen/server/election_pb.js";
export * as replication from "./gen/server/replication_pb.js";
export * as storage from "./gen/server/storage_pb.js";
