import type { DescMethod, DescService } from "@bufbuild/protobuf";
import * as proto from "@d-engine/proto";

/** Every method of every service that the proto files know, ours and the contract's. */
export const EVERY_RPC: readonly DescMethod[] = Object.values(proto)
  .flatMap((file) => (typeof file === "object" ? Object.values(file as object) : []))
  .filter(isService)
  .flatMap((service) => service.methods);

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function isService(value: unknown): value is DescService {
  return (value as DescService | undefined)?.kind === "service";
}
