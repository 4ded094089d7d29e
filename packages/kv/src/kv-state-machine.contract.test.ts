import { bytes, cas, del, put } from "../test/commands.js";
import { KvStateMachine } from "./index.js";
import { describeStateMachine } from "./testing/index.js";

describeStateMachine("KvStateMachine", () => ({
  create: () => new KvStateMachine(),
  commands: [
    put("a", "1"),
    put("a", "2"),
    put("b", ""),
    cas("b", "", "3"),
    cas("b", undefined, "4"),
    cas("c", undefined, "5"),
    del("a"),
    del("a"),
  ],
  refused: [bytes(""), bytes("\xff"), put("", "v"), put("k", "v", 1), put("k", "v").subarray(1)],
  fingerprint: (machine) => machine.stateHash(),
}));
