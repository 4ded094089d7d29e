/** What tests and tools of this repository look at; no program does. */
export { readEnvironment } from "./config/environment.js";
export { readFlags } from "./config/named-values.js";
export { resolveConfig } from "./config/resolve-config.js";
export { CONFIG_DEFAULTS } from "./config/schema.js";
export { readToml } from "./config/toml-file.js";
