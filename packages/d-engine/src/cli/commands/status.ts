import { type ClusterView, type ProbeResult, probeEndpoints } from "@d-engine/client";
import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { addRemoteOptions, type RemoteOptions } from "../remote-options.js";
import { readTls } from "../tls-options.js";

const EXAMPLES = `
Examples:
  d-engine status
  d-engine status --endpoints 10.0.0.1:9081,10.0.0.2:9081 --json

Ends with code 0 when a leader is known that can serve, otherwise with 1.`;

export function addStatusCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program.command("status").description("show who leads and who is there");
  addRemoteOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((options: RemoteOptions) => finish("reads", options, () => status(options, io)));
}

async function status(options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  const probes = await probeEndpoints(options.endpoints, {
    timeoutMs: options.timeout,
    ...(await readTls(options)),
  });
  const view = bestView(probes);
  if (options.json) io.out(`${JSON.stringify(jsonStatus(view, probes))}\n`);
  else io.out(`${humanStatus(view, probes).join("\n")}\n`);
  return view?.leaderId === undefined ? EXIT.failed : EXIT.ok;
}

/** The newest configuration wins; among equals one that knows a leader. */
function bestView(probes: readonly ProbeResult[]): ClusterView | undefined {
  const views = probes.flatMap((probe) => (probe.kind === "answered" ? [probe.view] : []));
  const rank = (view: ClusterView): number => (view.leaderId === undefined ? 0 : 1);
  return views.sort((a, b) => b.version - a.version || rank(b) - rank(a))[0];
}

function jsonStatus(view: ClusterView | undefined, probes: readonly ProbeResult[]): object {
  return {
    leaderId: view?.leaderId ?? null,
    version: view?.version ?? null,
    members: view?.members ?? [],
    endpoints: probes.map((probe) =>
      probe.kind === "answered"
        ? { endpoint: probe.endpoint, ok: true, leaderId: probe.view.leaderId ?? null }
        : { endpoint: probe.endpoint, ok: false, reason: probe.reason },
    ),
  };
}

function humanStatus(
  view: ClusterView | undefined,
  probes: readonly ProbeResult[],
): readonly string[] {
  const leader = view?.members.find(({ id }) => id === view.leaderId);
  const lines = [
    leader === undefined
      ? "leader     none that can serve"
      : `leader     node ${leader.id} at ${leader.address}`,
  ];
  for (const { id, address, role, status: standing } of view?.members ?? []) {
    lines.push(`member     node ${id} at ${address}, ${standing}, ${role ?? "role unknown"}`);
  }
  for (const probe of probes) {
    if (probe.kind === "answered") lines.push(`endpoint   ${probe.endpoint} answers`);
    else lines.push(`endpoint   ${probe.reason}`);
  }
  return lines;
}
