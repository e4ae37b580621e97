"""A small HTTP/1.1 server for the double. Python's own hides what the double has to look at (the request as it came) and
cannot misbehave on demand: stop in the middle of a body, reset a connection, promise a wrong length.

It also stands in for a proxy: requests with a whole URL are answered as if they had come to that host, and a CONNECT is
answered by the double itself, with its TLS certificate. So hosts of AWS can be asked for without a name server.
"""
import os
import select
import socket
import socketserver
import ssl
import struct
import time

HEAD_MAX = 1 << 20
IDLE_S = 120


class Request:
    def __init__(self, method, target, headers, tls):
        self.method, self.headers, self.tls = method, headers, tls
        self.body = b""
        host = self.header("host") or ""
        if "://" in target:
            rest = target.split("://", 1)[1]
            cut = min((rest.find(c) for c in "/?" if c in rest), default=len(rest))
            target = rest[cut:]
            target = target if target.startswith("/") else "/" + target
        self.host = host
        self.path, _, self.query = target.partition("?")

    def header(self, name):
        """The value, None when it is not there. Several are joined, as the standard has it."""
        found = [v for n, v in self.headers if n.lower() == name]
        return ",".join(found) if found else None


class Answer:
    """`body`: bytes, or an open file of which `length` bytes from `offset` on are sent. What is to go wrong with it:
    see faults.py."""

    def __init__(self, status, body=b"", headers=None, file=None, offset=0, length=None):
        self.status, self.body, self.headers = status, body, dict(headers or {})
        self.file, self.offset = file, offset
        self.length = len(body) if length is None else length
        self.note = {}  # for the log

    def part(self, start, end):
        return self.body[start:end]


REASONS = {100: "Continue", 200: "OK", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently", 304: "Not Modified",
           307: "Temporary Redirect", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 409: "Conflict",
           412: "Precondition Failed", 416: "Range Not Satisfiable", 429: "Too Many Requests",
           500: "Internal Server Error", 503: "Service Unavailable"}


class Gone(Exception):
    """The connection ends here."""


class Connection(socketserver.BaseRequestHandler):
    """One client. `server.application(request)` gives the answer and a fault or None."""

    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(IDLE_S)
        self.held = b""
        self.tls = self.server.tls is not None and self.server.tls_at_once
        try:
            if self.tls:
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            while self.one():
                pass
        except (Gone, OSError):
            pass

    def finish(self):
        try:
            self.request.close()
        except OSError:
            pass

    def receive(self):
        data = self.request.recv(1 << 16)
        if not data:
            raise Gone
        self.held += data

    def read_head(self):
        while b"\r\n\r\n" not in self.held:
            if len(self.held) > HEAD_MAX:
                raise Gone
            self.receive()
        head, self.held = self.held.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        headers = []
        for line in lines:
            name, _, value = line.partition(":")
            headers.append((name, value.strip(" \t")))
        return method, target, version, headers

    def one(self):
        """One exchange; whether another one may follow."""
        method, target, version, headers = self.read_head()
        if method == "CONNECT":
            return self.tunnel(target)
        request = Request(method, target, headers, self.tls)
        length = int(request.header("content-length") or 0)
        if (request.header("expect") or "").lower() == "100-continue":
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self.held) < length:
            self.receive()
        request.body, self.held = self.held[:length], self.held[length:]
        answer, fault = self.server.application(request)
        try:
            self.send(request, answer, fault or {})
        finally:
            if answer.file is not None:
                answer.file.close()
        return version == "HTTP/1.1" and (request.header("connection") or "").lower() != "close"

    def tunnel(self, target):
        self.server.connected(target)
        if self.server.tls is None:
            self.request.sendall(b"HTTP/1.1 502 No TLS here\r\nContent-Length: 0\r\n\r\n")
            return False
        self.request.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.tls = True
        return True

    def wait(self, seconds):
        """Ends early when the double does, or the client has gone."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.server.ending.wait(min(0.1, seconds)):
            if not self.tls and self.peer_has_gone():
                raise Gone

    def peer_has_gone(self):
        return select.select([self.request], [], [], 0)[0] and self.request.recv(1, socket.MSG_PEEK) == b""

    def reset(self):
        if not self.tls:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def send(self, request, answer, fault):
        after = fault.get("after", fault.get("truncate"))
        if "stall" in fault and after is None:
            self.wait(fault["stall"])
        if "reset" in fault and after is None:
            self.reset()
        if "close" in fault:
            raise Gone
        length = answer.length + fault.get("length", 0)
        lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}",
                 *(f"{n}: {v}" for n, v in answer.headers.items())]
        if answer.status not in (204, 304):
            lines.append(f"Content-Length: {length}")
        if "head" in fault:
            lines += [f"x-filler-{i}: {'x' * 1000}" for i in range(fault["head"] // 1000)]
        self.request.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        if request.method == "HEAD" or answer.status in (204, 304):
            return
        first = answer.length if after is None else min(after, answer.length)
        self.send_body(answer, 0, first, fault.get("rate"))
        if first < answer.length or "length" in fault:
            if "stall" in fault:
                self.wait(fault["stall"])
                if not fault.get("then_close"):
                    self.send_body(answer, first, answer.length, fault.get("rate"))
                    return
            if "reset" in fault:
                self.reset()
            raise Gone

    def send_body(self, answer, start, end, rate):
        if rate:
            step = max(1, rate // 20)
            while start < end:
                upto = min(start + step, end)
                self.send_body(answer, start, upto, None)
                start = upto
                self.wait(0.05)
        elif answer.file is None:
            self.request.sendall(answer.part(start, end))
        elif end > start:
            sent = self.request.sendfile(answer.file, answer.offset + start, end - start)
            if sent != end - start:
                raise Gone  # the file has become shorter


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address, application, connected, ending, tls=None, tls_at_once=False):
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Connection)
        self.application, self.connected, self.ending = application, connected, ending
        self.tls, self.tls_at_once = tls, tls_at_once

    def handle_error(self, request, client_address):
        if not self.ending.is_set():
            super().handle_error(request, client_address)


def tls_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def tell_port(path, port):
    """Whoever waits for the file finds all of it."""
    with open(path + ".new", "w", encoding="ascii") as out:
        print(port, file=out)
    os.rename(path + ".new", path)
