import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { precompress } from "./build/precompress.ts";
import { preloadFont } from "./build/preload-font.ts";

const api = process.env["ATS_API"] ?? "http://127.0.0.1:8787";

export default defineConfig({
  plugins: [react(), preloadFont(), precompress()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "dist",
    manifest: true,
    // `default-src 'self'` forbids data: URLs, so nothing is inlined.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    target: "es2023",
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: { "/api": { target: api, ws: true } },
  },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/setup.ts"],
    restoreMocks: true,
    maxWorkers: 1,
  },
});
