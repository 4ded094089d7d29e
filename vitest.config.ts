import { defineConfig } from "vitest/config";

// Tests import the workspace's packages as sources, so that no stale build is ever tested.
export default defineConfig({
  resolve: { conditions: ["d-engine-source", "node", "import", "default"] },
  ssr: { resolve: { conditions: ["d-engine-source", "node", "import", "default"] } },
  test: {
    include: [
      "packages/**/*.test.ts",
      "tools/**/*.test.ts",
      "bench/**/*.test.ts",
      "examples/**/*.test.ts",
    ],
    exclude: ["**/node_modules/**", "**/dist/**"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
