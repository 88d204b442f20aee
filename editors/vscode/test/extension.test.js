// The bundle with a stubbed editor: it asks for the server by the name of the setting, and the program is restricted where folders are
// not trusted. The protocol itself is tested by a real editor (editors/nvim/tests).
const assert = require("node:assert");
const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");

const manifest = JSON.parse(fs.readFileSync(path.join(__dirname, "../package.json"), "utf8"));
assert.deepStrictEqual(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations, ["rot.path"]);
assert.strictEqual(manifest.contributes.configuration.properties["rot.path"].scope, "machine-overridable");

const bundle = path.join(__dirname, "../dist/extension.js");
assert.ok(fs.statSync(bundle).size <= 600 * 1024, "the bundle is at most 600 kB");

const handler = {
  get: (target, name) => {
    if (name in target) return target[name];
    if (name === Symbol.toPrimitive) return () => "";
    target[name] = new Proxy(function () {}, handler);
    return target[name];
  },
  apply: () => new Proxy(function () {}, handler),
  construct: () => new Proxy(function () {}, handler),
};
const vscode = new Proxy({ version: "1.91.0" }, handler);
const load = Module._load;
Module._load = (request, ...rest) => (request === "vscode" ? vscode : load(request, ...rest));
const extension = require(bundle);
assert.strictEqual(typeof extension.activate, "function");
assert.strictEqual(typeof extension.deactivate, "function");
console.log("ok");
