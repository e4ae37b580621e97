#!/usr/bin/env python3
"""Takes webhooks on a free port of 127.0.0.1 and keeps them: one JSON line each, with the Idempotency-Key as `id`.

    webhook_receiver.py FILE      the port is written to FILE.port

Ends on SIGTERM.
"""
import http.server
import json
import os
import signal
import sys


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        line = json.dumps({"id": self.headers.get("Idempotency-Key"), "body": json.loads(body)})
        with open(sys.argv[1], "a", encoding="utf-8") as kept:
            kept.write(line + "\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
open(sys.argv[1], "a", encoding="utf-8").close()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
with open(sys.argv[1] + ".port.new", "w", encoding="utf-8") as port:
    port.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".port.new", sys.argv[1] + ".port")
server.serve_forever()
