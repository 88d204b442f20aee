"""A client of a Conductor server (standard library only)."""

import json
import time
import urllib.error
import urllib.request

ENDED = {"COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT"}


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
        """What came of a run."""
        status, text = self.call("POST", "/api/workflow", {"name": name, "input": given})
        if status >= 300:
            return {"status": "NOT_STARTED", "output": None, "reason": text[:300]}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _, body = self.call("GET", f"/api/workflow/{text}?includeTasks=false")
            run = json.loads(body)
            if run["status"] in ENDED:
                return {
                    "status": run["status"],
                    "output": run.get("output") or {},
                    "reason": run.get("reasonForIncompletion") or "",
                }
            time.sleep(0.2)
        return {"status": "NOT_ENDED", "output": None, "reason": ""}
