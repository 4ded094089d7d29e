import { admin as proto } from "@d-engine/proto";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { downloadSnapshot } from "../handlers/download-snapshot.js";
import { saveSnapshot } from "../handlers/save-snapshot.js";
import { transferLeadership } from "../handlers/transfer-leadership.js";
import { unimplemented } from "../handlers/unimplemented.js";
import type { ServiceContext } from "../service-context.js";

export const adminService = proto.AdminService;

export function adminHandlers(context: ServiceContext): UntypedServiceImplementation {
  const { node, admin, callers, ownUnary, onBug } = context;
  if (admin === undefined) {
    return {
      TransferLeadership: ownUnary(unimplemented("TransferLeadership")),
      SaveSnapshot: ownUnary(unimplemented("SaveSnapshot")),
    };
  }
  return {
    TransferLeadership: ownUnary(transferLeadership(node, admin)),
    SaveSnapshot: ownUnary(saveSnapshot(node, admin)),
    DownloadSnapshot: downloadSnapshot(node, admin, callers, onBug),
  };
}
