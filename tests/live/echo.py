"""The endpoints that the recorded definitions call: a deterministic HTTP server on loopback (standard library only).

`start()` gives its port. tests/it/conductor_live.rs plays the same endpoints without a socket.
"""

import gzip
import http.server
import json
import socketserver
import threading
import time

OBJECT = '{"a":1,"b":[true,null,"x"],"f":1.5,"one":1.0,"t":"tok-123","nest":{"k-d":{"z":"deep"}}}'
NUMBERS = (
    '{"big":12345678901234567890,"edge":9007199254740993,"neg":-9223372036854775808,'
    '"dec":0.1234567890123456789,"exp":1e3,"e21":1e21}'
)
NAMES = '{"a.b":1,"c d":2,"e-f":3,"@t":4,"$v":5,"1":6,"items":[{"id":1,"n":"x"},{"id":2,"n":"y"}]}'
LITERALS = {
    "number": "42", "float": "4.20", "true": "true", "null": "null", "string": '"quoted"', "list": '[1,"two",null]',
    "long": "12345678901234567890", "ws": '  {"a": 1}  ', "digits": "0042", "emptyobj": "{}", "emptylist": "[]",
    "emptystr": '""',
}
# What a client adds of its own accord.
OWN = {
    "host", "user-agent", "connection", "content-length", "accept-encoding", "transfer-encoding", "http2-settings",
    "upgrade", "traceparent", "b3", "x-b3-traceid",
}
JSON = "application/json"
FIXED = {
    "json": (OBJECT, JSON),
    "bignum": (NUMBERS, JSON),
    "text": ("hello", "text/plain"),
    "empty": ("", None),
    "emptyjson": ("", JSON),
    "html": ("<html><b>hi</b></html>", "text/html; charset=utf-8"),
    "xml": ("<a><b>1</b></a>", "application/xml"),
    "badjson": ('{"a":', JSON),
    "trailing": ('{"a":1} trailing', JSON),
    "jsontext": ('{"a":1}', "text/plain"),
    "latin1": ("café".encode("latin-1"), "text/plain; charset=iso-8859-1"),
    "utf8": ("café 名 😀", "text/plain"),
    "utf8json": ('{"n":"café 名 😀","к":1}', JSON),
    "binary": (bytes(range(128, 140)), "application/octet-stream"),
    "dupkeys": ('{"a":1,"a":2}', JSON),
    "bom": (b'\xef\xbb\xbf{"a":1}', JSON),
    "nan": ('{"a":NaN}', JSON),
    "order": ('{"z":1,"a":2,"m":{"y":1,"b":2}}', JSON),
    "dots": (NAMES, JSON),
}
counts, lock = {}, threading.Lock()


class Endpoints(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "echo"
    sys_version = ""

    def date_time_string(self, timestamp=None):
        return "Thu, 01 Jan 1970 00:00:00 GMT"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", media=JSON, headers=(), length=True):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in [*([("Content-Type", media)] if media else []), *headers]:
            self.send_header(name, value)
        if length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if (self.headers.get("Transfer-Encoding") or "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def any(self):
        data = self.body()
        kind, *rest = self.path.split("?", 1)[0].strip("/").split("/")
        if kind in FIXED:
            return self.answer(200, *FIXED[kind])
        if kind == "lit":
            return self.answer(200, LITERALS[rest[0]])
        if kind == "s204":
            return self.answer(204, media=None, length=False)
        if kind == "status":
            return self.answer(int(rest[0]), '{"error":"e%s"}' % rest[0])
        if kind == "statustext":
            return self.answer(int(rest[0]), f"plain {rest[0]}", "text/plain")
        if kind == "problem":
            return self.answer(int(rest[0]), '{"title":"no"}', "application/problem+json")
        if kind == "redirect":
            return self.answer(int(rest[0]), b"", None, [("Location", "/echo?from=" + rest[0])])
        if kind == "headers":
            several = [("X-Multi", "a"), ("X-Multi", "b"), ("X-One", "1"), ("x-lower", "l"), ("Set-Cookie", "c=1; Path=/")]
            return self.answer(200, "{}", headers=several)
        if kind == "big":
            return self.answer(200, json.dumps({"s": "x" * (int(rest[0]) * 1024)}))
        if kind == "gzip":
            return self.answer(200, gzip.compress(b'{"z":1}', mtime=0), headers=[("Content-Encoding", "gzip")])
        if kind == "fail":
            with lock:
                count = counts[self.path] = counts.get(self.path, 0) + 1
            if count > int(rest[0]):
                return self.answer(200, '{"calls":%d}' % count)
            return self.answer(int(rest[1]) if len(rest) > 1 else 500, '{"fail":%d}' % count)
        if kind == "slow":
            time.sleep(float(rest[0]))
            return self.answer(200, '{"slow":true}')
        if kind == "drop":
            self.close_connection = True
            return self.connection.close()
        sent = {name.lower(): value for name, value in self.headers.items() if name.lower() not in OWN}
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.hex()
        return self.answer(200, json.dumps({"method": self.command, "path": self.path, "headers": sent, "body": text}))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = any


class Listener(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def start(port=0):
    listener = Listener(("127.0.0.1", port), Endpoints)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    return listener.server_address[1]
