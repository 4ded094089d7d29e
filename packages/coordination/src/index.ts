export type { CoordinationClient } from "./coordination-client.js";
