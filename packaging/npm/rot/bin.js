#!/usr/bin/env node
// The program lies in the package for this platform, which npm chose; nothing is fetched, now or when installing.
const { spawnSync } = require("node:child_process");
const name = `rot-lang-${process.platform}-${process.arch}`;
let program;
try {
  program = require.resolve(`${name}/rot`);
} catch {
  console.error(`rot: there is no ${name}; install with optional dependencies, or from another source`);
  process.exit(2);
}
const done = spawnSync(program, process.argv.slice(2), { stdio: "inherit" });
if (done.signal) process.kill(process.pid, done.signal);
process.exit(done.status ?? 70);
