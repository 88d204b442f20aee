"""Records what a Conductor server answers to definitions, for tests/it/conductor_live.rs to replay.

A file holds one case a line: `id`, `group`, `point`, `definitions` (the first is started), `input`, and when it is recorded
`server` (`status`, `output`, `reason`). In definitions and input `BASE` stands for the loopback server of echo.py, and
`?RUN` for a query that is new in each run. Standard library only. Called by run.sh.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import sys
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import echo
from server import Server

UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def prepared(case, port, run):
    """The definitions and the input as they are sent."""
    text = json.dumps([case["definitions"], case["input"]]).replace("?RUN", "?" + run)
    return json.loads(text.replace("BASE", f"http://127.0.0.1:{port}"))


def settled(value, port, run):
    """Without what changes from run to run."""
    text = json.dumps(value).replace(f"http://127.0.0.1:{port}", "BASE").replace(f"127.0.0.1:{port}", "HOSTPORT")
    return json.loads(UUID.sub("UUID", text.replace(run, "RUN")))


def record(server, case, port):
    run = uuid.uuid4().hex[:8]
    definitions, given = prepared(case, port, run)
    if why := server.register(definitions):
        return {"status": "NOT_REGISTERED", "output": None, "reason": settled(why, port, run)}
    done = server.run(definitions[0]["name"], given)
    return settled(done, port, run)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--again", action="store_true", help="also what is recorded already")
    parser.add_argument("file", type=pathlib.Path)
    args = parser.parse_args()
    server, port = Server(args.server), echo.start()
    if not server.wait(300):
        sys.exit("the server did not start within five minutes")
    cases = read(args.file)
    new = [case for case in cases if args.again or "server" not in case]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for case, answer in zip(new, pool.map(lambda case: record(server, case, port), new)):
            case["server"] = answer
    args.file.write_text("".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases), encoding="utf-8")
    print(f"{len(new)} of {len(cases)} cases recorded")


if __name__ == "__main__":
    main()
