"""Registers definitions with a Conductor server, runs them there and with rot, and compares the outputs.

Standard library only. Called by run.sh.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

ENDED = {"COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT"}
# What a server calls the end that rot calls so.
STATUS = {"completed": {"COMPLETED"}, "failed": {"FAILED", "TERMINATED", "TIMED_OUT"}}
# Types of tasks that need nothing outside the server.
ALONE = {
    "SET_VARIABLE", "SWITCH", "DECISION", "TERMINATE", "INLINE", "LAMBDA", "JSON_JQ_TRANSFORM",
    "FORK_JOIN", "JOIN", "DO_WHILE", "SUB_WORKFLOW", "NOOP",
}


class Server:
    def __init__(self, base):
        self.base = base

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                status, text = self.call("GET", "/health")
                if status == 200 and json.loads(text).get("healthy"):
                    return True
            except (urllib.error.URLError, OSError, ValueError):
                pass
            time.sleep(1)
        return False

    def register(self, definitions):
        """None, or why the server refuses them."""
        owned = [{"ownerEmail": "tests@example.invalid", **d} for d in definitions]
        status, text = self.call("PUT", "/api/metadata/workflow", owned)
        if status >= 300:
            return text[:300]
        failed = json.loads(text or "{}").get("bulkErrorResults") or {}
        return "; ".join(f"{k}: {v}" for k, v in failed.items())[:300] or None

    def run(self, name, given, seconds=60):
        status, text = self.call("POST", "/api/workflow", {"name": name, "version": 1, "input": given})
        if status >= 300:
            return {"status": "NOT_STARTED", "output": text[:300]}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _, body = self.call("GET", f"/api/workflow/{text}?includeTasks=false")
            run = json.loads(body)
            if run["status"] in ENDED:
                return {"status": run["status"], "output": run.get("output") or {}}
            time.sleep(0.2)
        return {"status": "NOT_ENDED", "output": None}


class Rot:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        folder.mkdir()
        self.environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder)}
        self.call("vault", "init").check_returncode()

    def call(self, *arguments):
        return subprocess.run(
            [self.program, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120
        )

    def compile(self, path, target):
        """The definitions that a file becomes, or none."""
        (self.folder / "rot.toml").write_text(f'[conductor]\ntarget = "{target}"\n')
        done = self.call("compile", str(path), "--to", "conductor")
        if done.returncode:
            return None
        value = json.loads(done.stdout)
        return value if isinstance(value, list) else [value]

    def run(self, path, name, given):
        (self.folder / "rot.toml").write_text('[conductor]\ntarget = "orkes"\n')
        inputs = self.folder / "input.json"
        inputs.write_text(json.dumps(given))
        done = self.call("run", str(path), "--rotation", name, "--input-file", str(inputs), "--report", "json")
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {"status": f"exit {done.returncode}", "output": done.stderr[:300]}


def types(tasks):
    for task in tasks:
        yield task.get("type", "SIMPLE")
        for block in [*task.get("decisionCases", {}).values(), *task.get("forkTasks", [])]:
            yield from types(block)
        yield from types(task.get("defaultCase") or [])
        yield from types(task.get("loopOver") or [])


def plain(value):
    """Without the ids that a server gives to the executions of sub-workflows."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items() if name != "subWorkflowId"}
    return [plain(item) for item in value] if isinstance(value, list) else value


def compare(label, theirs, ours, problems):
    if theirs["status"] not in STATUS.get(ours["status"], {ours["status"]}):
        problems.append(f"{label}: the server says {theirs['status']} {theirs['output']}, rot {ours['status']} {ours.get('output')}")
    elif theirs["status"] == "COMPLETED" and plain(theirs["output"]) != (ours.get("output") or {}):
        problems.append(f"{label}: the server gives {theirs['output']}, rot {ours.get('output')}")
    else:
        return True
    return False


def main():
    parser = argparse.ArgumentParser()
    for name in ["server", "rot", "work", "cases", "examples", "corpus"]:
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    work, problems = pathlib.Path(args.work), []
    server = Server(args.server)
    print("waiting for the server")
    if not server.wait(300):
        sys.exit("the server did not start within five minutes")
    rot = Rot(args.rot, work / "rot")
    count = dict.fromkeys(["converted", "registered", "run", "same", "run_again", "same_again", "differs"], 0)

    def registered(label, definitions):
        if why := server.register(definitions):
            problems.append(f"{label}: refused by the server: {why}")
            return False
        count["registered"] += len(definitions)
        return True

    files = sorted(pathlib.Path(args.examples).glob("*.rot")) + sorted(
        p for p in pathlib.Path(args.corpus).rglob("*.json") if "schemas" not in p.parts and p.name != "manifest.json"
    )
    runnable = []
    for path in files:
        definitions = rot.compile(path, "orkes")
        if definitions is None:
            continue
        count["converted"] += 1
        if registered(path.name, definitions) and path.suffix == ".json":
            if all(set(types(d["tasks"])) <= ALONE for d in definitions):
                runnable.append((path.name, path, definitions[0]["name"], {}))

    cases = json.loads(pathlib.Path(args.cases).read_text())
    for case in cases:
        definitions = case["definitions"]
        name = definitions[0]["name"]
        path = work / f"{name}.json"
        path.write_text(json.dumps(definitions))
        again = rot.compile(path, "oss")
        if again is None:
            problems.append(f"{name}: cannot be written again")
            continue
        count["converted"] += 1
        # The definition as it stands, and beside it what rot writes of it.
        renamed = json.loads(json.dumps(again).replace(f'"{name}"', f'"{name}_again"'))
        if not (registered(name, definitions) and registered(f"{name}_again", renamed)):
            continue
        for given in case["inputs"]:
            ours = rot.run(path, name, given)
            count["run"] += 1
            count["same"] += compare(f"{name} {given}", server.run(name, given), ours, problems)
            count["run_again"] += 1
            count["same_again"] += compare(f"{name}_again {given}", server.run(f"{name}_again", given), ours, problems)
        # What docs/reference/conductor.md says is done otherwise on purpose; it must stay so.
        for given in case.get("differs", []):
            if compare(f"{name} {given}", server.run(name, given), rot.run(path, name, given), []):
                problems.append(f"{name} {given}: said to differ, and does not")
            count["differs"] += 1
    for label, path, name, given in runnable:
        count["run"] += 1
        count["same"] += compare(label, server.run(name, given), rot.run(path, name, given), problems)

    for problem in problems:
        print("PROBLEM", problem)
    print(
        f"{len(files)} files and {len(cases)} cases: {count['converted']} converted, {count['registered']} definitions registered; "
        f"{count['same']} of {count['run']} runs give the same as rot, {count['same_again']} of {count['run_again']} when written again by rot, "
        f"{count['differs']} differ on purpose"
    )
    sys.exit(1 if problems else 0)


main()
