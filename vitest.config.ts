import { defineConfig } from "vitest/config";

// Tests import the workspace's packages as sources, so that no stale build is ever tested.
const conditions = ["d-engine-source", "node", "import", "default"];
const exclude = ["**/node_modules/**", "**/dist/**"];

/**
 * Tests that start processes, or clusters with real timeouts. A node that gets no turn for a whole
 * election timeout loses its leadership, as it should: these files do not compete for two cores.
 */
const processes = [
  "packages/client/test/remote-client.test.ts",
  "packages/d-engine/test/**/*.test.ts",
  "packages/d-engine/src/**/*.test.ts",
  "tools/{chaos,crash-test,interop,fuzz/hostile}/**/*.test.ts",
  "tools/{npm-start,readme}.test.ts",
  "bench/**/*.test.ts",
  "examples/**/*.test.ts",
];

const shared = { pool: "forks", testTimeout: 60_000, hookTimeout: 120_000 } as const;

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { conditions },
        ssr: { resolve: { conditions } },
        test: {
          ...shared,
          name: "in-process",
          include: ["packages/**/*.test.ts", "tools/**/*.test.ts"],
          exclude: [...exclude, ...processes],
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve: { conditions },
        ssr: { resolve: { conditions } },
        test: {
          ...shared,
          name: "processes",
          include: processes,
          exclude,
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
