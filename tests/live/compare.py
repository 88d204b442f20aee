"""Registers definitions with a Conductor server, runs them there and with rot, and compares the outputs. Recorded cases are
written again by rot, and must give there what they gave.

Standard library only. Called by run.sh.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import echo
import record
from server import Server

# What a server calls the end that rot calls so.
STATUS = {"completed": {"COMPLETED"}, "failed": {"FAILED", "TERMINATED", "TIMED_OUT"}}
# Types of tasks that need nothing outside the server.
ALONE = {
    "SET_VARIABLE", "SWITCH", "DECISION", "TERMINATE", "INLINE", "LAMBDA", "JSON_JQ_TRANSFORM",
    "FORK_JOIN", "JOIN", "DO_WHILE", "SUB_WORKFLOW", "NOOP",
}


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
        if target:
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


def again(server, rot, case, port):
    """How a recorded case goes on the server when rot has written it again: none where it cannot be written."""
    run = uuid.uuid4().hex[:8]
    definitions, given = record.prepared(case, port, run)
    path = rot.folder / f"{case['id']}.json"
    path.write_text(json.dumps(definitions))
    written = rot.compile(path, None)
    if written is None:
        return None
    text = json.dumps(written)
    for definition in definitions:
        text = text.replace(json.dumps(definition["name"]), json.dumps(f"{definition['name']}_again"))
    written = json.loads(text)
    if why := server.register(written):
        return {"status": "NOT_REGISTERED", "output": None, "reason": why}
    done = record.settled(server.run(written[0]["name"], given), port, run)
    return json.loads(json.dumps(done).replace("_again", ""))


def written_again(server, rot, paths, problems):
    """Recorded cases, written again: as many as are written, and as many of these as the server answers as before."""
    port = echo.start()
    cases = [case for path in paths if path.exists() for case in record.read(path)]
    (rot.folder / "rot.toml").write_text('[conductor]\ntarget = "oss"\n')
    written = same = 0
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for case, now in zip(cases, pool.map(lambda case: again(server, rot, case, port), cases)):
            if now is None:
                continue
            written += 1
            before = case["server"]
            if now["status"] == before["status"] and (now["status"] != "COMPLETED" or plain(now["output"]) == plain(before["output"])):
                same += 1
            else:
                problems.append(f"{case['id']} written again: {before['status']} {before['output']} has become {now['status']} {now['output']} {now['reason']}")
    return written, same


def main():
    parser = argparse.ArgumentParser()
    for name in ["server", "rot", "work", "cases", "examples", "corpus"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--recorded", action="append", default=[])
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

    written, same = written_again(server, rot, [pathlib.Path(path) for path in args.recorded], problems)

    for problem in problems:
        print("PROBLEM", problem)
    print(f"{same} of {written} recorded cases that rot writes again give the same as before")
    print(
        f"{len(files)} files and {len(cases)} cases: {count['converted']} converted, {count['registered']} definitions registered; "
        f"{count['same']} of {count['run']} runs give the same as rot, {count['same_again']} of {count['run_again']} when written again by rot, "
        f"{count['differs']} differ on purpose"
    )
    sys.exit(1 if problems else 0)


main()
