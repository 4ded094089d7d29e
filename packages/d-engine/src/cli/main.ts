#!/usr/bin/env node
import { processIo } from "./cli-io.js";
import { runCli } from "./run-cli.js";

// The code is left to the end of the process, so that nothing written is cut off.
process.exitCode = await runCli(process.argv.slice(2), processIo());
