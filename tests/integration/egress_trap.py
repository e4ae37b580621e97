#!/usr/bin/env python3
"""Stands for the whole world in a network namespace of its own, where every address is local (egress.sh arranges that),
and writes down who is spoken to.

    egress_trap.py OUT READY

OUT gets a line for each:
    tcp ADDRESS PORT       a connection was tried, to any address and port, answered or not
    udp ADDRESS PORT       a datagram was sent
    other ADDRESS NUMBER   a packet of another protocol
    dns NAME               it was asked for; every name is told to be at 198.51.100.7
    http ADDRESS LINE      what was asked on port 80, of any address; answered 404
    tls ADDRESS            bytes came on port 443
    mark TEXT              a datagram to 127.0.0.1:9 with this text: what came before it has been written down
READY is made when it listens. Ends with SIGTERM.
"""
import os
import socket
import struct
import sys
import threading

NOWHERE = "198.51.100.7"
IP_PKTINFO = 8
out_lock = threading.Lock()


def note(out, *words):
    with out_lock:
        out.write(" ".join(str(w) for w in words) + "\n")
        out.flush()


# --- everything on the wire -------------------------------------------------------------------------------------------------

def transport(packet):
    """The protocol, the destination and the bytes behind the address of a packet; None for what is no IP."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        return packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20]), packet[(packet[0] & 15) * 4:]
    if version == 6 and len(packet) >= 40:
        return packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[40:]
    return None


def sniff(wire, out):
    while True:
        frame, where = wire.recvfrom(1 << 16)
        if where[2] != socket.PACKET_OUTGOING:  # on lo everything is seen twice
            continue
        found = transport(frame[14:])
        if found is None:
            continue
        protocol, address, rest = found
        if protocol == socket.IPPROTO_TCP and len(rest) >= 14:
            if rest[13] & 0x12 == 0x02:  # SYN, and no ACK
                note(out, "tcp", address, struct.unpack("!H", rest[2:4])[0])
        elif protocol == socket.IPPROTO_UDP and len(rest) >= 8:
            source, port = struct.unpack("!HH", rest[:4])
            if (address, port) == ("127.0.0.1", 9):
                note(out, "mark", rest[8:].decode("ascii", "replace").strip())
            elif source != 53:  # our own answers
                note(out, "udp", address, port)
        elif protocol not in (socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6):  # those the kernel sends of itself
            note(out, "other", address, protocol)


# --- those who answer -------------------------------------------------------------------------------------------------------

def name_of(query):
    labels, at = [], 12
    while at < len(query) and query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    return ".".join(labels), at + 5


def serve_names(listener, out):
    """Answers from the address that was asked, as nobody would listen to another."""
    while True:
        query, control, _, client = listener.recvmsg(4096, 256)
        if len(query) < 17:
            continue
        name, end = name_of(query)
        note(out, "dns", name)
        is_a = query[end - 4:end - 2] == b"\0\1"
        answer = query[:2] + b"\x81\x80\0\1" + struct.pack("!H", is_a) + b"\0\0\0\0" + query[12:end]
        if is_a:
            answer += b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(NOWHERE)
        info = next((data for level, kind, data in control if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO)), None)
        ancillary = [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack("i4s4s", 0, info[8:12], b"\0" * 4))] if info else []
        listener.sendmsg([answer], ancillary, 0, client)


def serve_one(peer, out):
    with peer:
        peer.settimeout(10)
        address, port = peer.getsockname()[:2]
        try:
            data = peer.recv(4096)
            if port == 443:
                note(out, "tls", address)
            elif data:
                note(out, "http", address, data.split(b"\r\n")[0].decode("latin-1"))
                peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        except OSError:
            pass


def serve(listener, out):
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=serve_one, args=(peer, out), daemon=True).start()


def main():
    out = open(sys.argv[1], "w", encoding="utf-8")
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    names.bind(("0.0.0.0", 53))
    jobs = [(sniff, wire), (serve_names, names)]
    for port in (80, 443):
        jobs.append((serve, socket.create_server(("0.0.0.0", port))))
        jobs.append((serve, socket.create_server(("::", port), family=socket.AF_INET6)))
    for work, endpoint in jobs:
        threading.Thread(target=work, args=(endpoint, out), daemon=True).start()
    with open(sys.argv[2] + ".new", "w", encoding="ascii"):
        pass
    os.rename(sys.argv[2] + ".new", sys.argv[2])
    threading.Event().wait()


if __name__ == "__main__":
    main()
