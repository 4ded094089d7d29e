import type { DescFile } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  admin,
  auth,
  client,
  cluster,
  common,
  election,
  error,
  health,
  kv,
  kvCommand,
  kvService,
  peer,
  replication,
  session,
  storage,
  systemSnapshot,
} from "../src/index.js";
import { readContractTable } from "./contract-table.js";
import { descriptorFacts } from "./descriptor-facts.js";

interface ContractFile {
  readonly table: string;
  readonly path: string;
  readonly descriptor: DescFile;
}

const contract: readonly ContractFile[] = [
  { table: "common", path: "common", descriptor: common.file_common },
  { table: "error", path: "error", descriptor: error.file_error },
  { table: "client", path: "client/client_api", descriptor: client.file_client_client_api },
  { table: "cluster", path: "server/cluster", descriptor: cluster.file_server_cluster },
  { table: "election", path: "server/election", descriptor: election.file_server_election },
  {
    table: "replication",
    path: "server/replication",
    descriptor: replication.file_server_replication,
  },
  { table: "storage", path: "server/storage", descriptor: storage.file_server_storage },
];

const beyondContract: readonly ContractFile[] = [
  {
    table: "admin",
    path: "d_engine/admin/v1/admin",
    descriptor: admin.file_d_engine_admin_v1_admin,
  },
  { table: "auth", path: "d_engine/auth/v1/auth", descriptor: auth.file_d_engine_auth_v1_auth },
  { table: "health", path: "grpc/health/v1/health", descriptor: health.file_grpc_health_v1_health },
  { table: "peer", path: "d_engine/peer/v1/peer", descriptor: peer.file_d_engine_peer_v1_peer },
  {
    table: "session",
    path: "d_engine/session/v1/session",
    descriptor: session.file_d_engine_session_v1_session,
  },
  {
    table: "kv-command",
    path: "d_engine/kv/v1/command",
    descriptor: kvCommand.file_d_engine_kv_v1_command,
  },
  { table: "kv", path: "d_engine/kv/v1/kv", descriptor: kvService.file_d_engine_kv_v1_kv },
  {
    table: "kv-snapshot",
    path: "d_engine/kv/v1/snapshot",
    descriptor: kv.file_d_engine_kv_v1_snapshot,
  },
  {
    table: "system-snapshot",
    path: "d_engine/system/v1/snapshot",
    descriptor: systemSnapshot.file_d_engine_system_v1_snapshot,
  },
];

describe("generated descriptors", () => {
  it.each([...contract, ...beyondContract])(
    "$path holds exactly what its pinned table says",
    ({ table, path, descriptor }) => {
      expect(descriptor.name).toBe(path);
      expect(descriptor.proto.syntax).toBe("proto3");
      expect(descriptorFacts(descriptor)).toEqual(readContractTable(table).facts);
    },
  );
});

describe("additions to the contract (rule R4)", () => {
  it.each(contract)("$path has ours from number 100 up, theirs below", ({ table }) => {
    const { ours, theirs } = readContractTable(table);
    expect(ours.filter((field) => field.number < 100)).toEqual([]);
    expect(theirs.filter((field) => field.number >= 100)).toEqual([]);
  });

  it("common.proto has none, and the others the twenty-five that are known", () => {
    const counts = contract.map(({ table }) => [table, readContractTable(table).ours.length]);
    expect(Object.fromEntries(counts)).toEqual({
      common: 0,
      error: 0,
      client: 10,
      cluster: 9,
      election: 1,
      replication: 3,
      storage: 2,
    });
  });
});
