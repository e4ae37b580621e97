#!/usr/bin/env python3
"""Whom the service talks to, in its tests; each ends with SIGTERM.

    service_peers.py hang PORT-FILE            accepts connections, reads, and never answers
    service_peers.py receive PORT-FILE OUT     a webhook: every body it was sent, a line each; answers 200
    service_peers.py notify SOCKET OUT         systemd's side of sd_notify: "SECONDS TEXT" a line, lines of a datagram by |
    service_peers.py slow PORT                 a client that sends its request byte by byte
"""
import http.server
import json
import os
import socket
import sys
import threading
import time


def tell_port(path, port):
    with open(path + ".new", "w") as out:
        print(port, file=out)
    os.rename(path + ".new", path)


def hang(port_file):
    listener = socket.create_server(("127.0.0.1", 0))
    tell_port(port_file, listener.getsockname()[1])
    kept = []
    while True:
        peer, _ = listener.accept()
        print("connected", flush=True)
        kept.append(peer)
        threading.Thread(target=lambda p=peer: p.recv(1 << 16), daemon=True).start()


def receive(port_file, out_path):
    out = open(out_path, "a")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            print(json.dumps(json.loads(body)), file=out, flush=True)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tell_port(port_file, server.server_address[1])
    server.serve_forever()


def notify(path, out_path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    with open(out_path, "a") as out:
        while True:
            text = listener.recv(4096).decode()
            print(f"{time.monotonic():.3f}", text.replace("\n", "|"), file=out, flush=True)


def slow(port):
    peer = socket.create_connection(("127.0.0.1", int(port)))
    for byte in b"GET /metrics HTTP/1.1\r\nHost: slow\r\nX-Slow: " + b"x" * 1000:
        try:
            peer.send(bytes([byte]))
        except OSError:
            return
        time.sleep(0.2)


if __name__ == "__main__":
    {"hang": hang, "receive": receive, "notify": notify, "slow": slow}[sys.argv[1]](*sys.argv[2:])
