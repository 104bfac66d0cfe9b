#!/usr/bin/env python3
"""Waits for messages of a service as systemd does, and prints them: ready, then stopping, each once.

  service_manager.py SOCKET
"""
import os
import socket
import sys

address = sys.argv[1]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
    listener.bind(address)
    os.chmod(address, 0o666)
    listener.settimeout(120)
    for expected in ["READY=1", "STOPPING=1"]:
        lines = listener.recv(4096).decode().split("\n")
        print("the service manager got: " + ", ".join(lines), flush=True)
        assert lines[0] == expected, lines
        assert any(line.startswith("STATUS=") for line in lines), lines
    listener.settimeout(1)
    try:
        more = listener.recv(4096)
    except TimeoutError:
        more = b""
    assert not more, more
