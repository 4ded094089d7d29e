import type { Logger } from "../driver/logger.js";
import { ConnectionGate } from "./connection-gate.js";
import { newPortMetrics, type PortMetrics } from "./port-metrics.js";
import type { PortSettings } from "./port-settings.js";

/** What a node's ports are held to, and what came of it. */
export interface NodePorts {
  readonly settings: PortSettings;
  readonly clients: ConnectionGate;
  readonly operators: ConnectionGate;
  readonly metrics: PortMetrics;
}

export function nodePorts(settings: PortSettings, logger: Logger, nowMs: () => number): NodePorts {
  const onNotice = (line: string): void => logger.warn(line);
  const gate = (
    max: "connectionsMax" | "adminConnectionsMax",
    perAddressMax: "connectionsPerAddressMax" | "adminConnectionsPerAddressMax",
  ): ConnectionGate =>
    new ConnectionGate({
      max: settings[max],
      perAddressMax: settings[perAddressMax],
      names: { max, perAddressMax },
      nowMs,
      onNotice,
    });
  return {
    settings,
    clients: gate("connectionsMax", "connectionsPerAddressMax"),
    operators: gate("adminConnectionsMax", "adminConnectionsPerAddressMax"),
    metrics: newPortMetrics(),
  };
}
