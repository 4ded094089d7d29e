import { EngineError } from "@d-engine/core";

/** Whether there is somebody at a terminal who can be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** As much of a process as is asked through. */
export interface Terminal {
  readonly stdin: Pick<
    NodeJS.ReadStream,
    "on" | "off" | "pause" | "resume" | "setEncoding" | "setRawMode"
  >;
  readonly stderr: { write(text: string): unknown };
}

/**
 * Asks for one line on the terminal without showing what is typed.
 *
 * @throws EngineError `INVALID_REQUEST` when it is given up
 */
export async function askSecret(prompt: string, terminal: Terminal = process): Promise<string> {
  const { stdin, stderr } = terminal;
  // Before the prompt: what is typed as soon as that is seen must not be shown either.
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.resume();
  stderr.write(prompt);
  try {
    return await new Promise((resolve, reject) => {
      let typed = "";
      const onData = (text: string): void => {
        for (const char of text) {
          if (char === "\r" || char === "\n" || char === "\u0004") {
            stdin.off("data", onData);
            resolve(typed);
            return;
          }
          if (char === "\u0003") {
            stdin.off("data", onData);
            reject(new EngineError("INVALID_REQUEST", "no password was given"));
            return;
          }
          if (char === "\u007f" || char === "\b") typed = typed.slice(0, -1);
          else typed += char;
        }
      };
      stdin.on("data", onData);
    });
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}
