# SPDX-License-Identifier: MIT
"""network.py -- the network between a viewer and a server, which can be cut, stalled and half closed.

    net = network.Network(server.port)     listens; viewers connect to net.address
    net.cut() net.stall() net.half_close(direction) net.refuse(True)
    net.after(direction, count, action)    does it when so many bytes more have passed
"""
import socket
import struct
import threading

UP, DOWN = "up", "down"  # from the viewer to the server, and back


class Wire:
    """One connection through the network."""

    def __init__(self, net, viewer, server):
        self.net = net
        self.ends = {UP: (viewer, server), DOWN: (server, viewer)}
        self.flowing = threading.Event()
        self.flowing.set()
        self.dead = False
        for direction in (UP, DOWN):
            threading.Thread(target=self.carry, args=(direction,), daemon=True).start()

    def carry(self, direction):
        source, sink = self.ends[direction]
        try:
            while True:
                data = source.recv(16384)
                if not data:
                    break
                self.pass_on(direction, sink, data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self.cut()  # who was reset here is reset there

    def pass_on(self, direction, sink, data):
        while data:
            self.flowing.wait()
            n = self.net.due(direction, len(data))
            sink.sendall(data[:n])
            data = data[n:]
            self.net.passed(direction, n, self)

    def cut(self):
        """Both ends hear of it at once."""
        self.dead = True
        for end in self.ends[UP]:
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.flowing.set()

    def half_close(self, direction):
        try:
            self.ends[direction][1].shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Network:
    def __init__(self, port, sources=("127.0.0.1",)):
        self.port, self.sources = port, list(sources)
        self.lock = threading.RLock()
        self.wires, self.refuses, self.plan = [], False, None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1::{self.listener.getsockname()[1]}"
        self.came = threading.Semaphore(0)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                viewer, _ = self.listener.accept()
            except OSError:
                return
            if self.refuses:
                viewer.close()
                continue
            source = self.sources.pop(0) if len(self.sources) > 1 else self.sources[0]
            try:
                server = socket.create_connection(("127.0.0.1", self.port), source_address=(source, 0))
            except OSError:
                viewer.close()
                continue
            for sock in (viewer, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.wires.append(Wire(self, viewer, server))
            self.came.release()

    def after(self, direction, count, action):
        """action(wire), once, when count bytes have passed from now on."""
        with self.lock:
            self.plan = [direction, count, action]

    def due(self, direction, n):
        with self.lock:
            return min(n, max(1, self.plan[1])) if self.plan and self.plan[0] == direction else n

    def passed(self, direction, n, wire):
        with self.lock:
            if not self.plan or self.plan[0] != direction:
                return
            self.plan[1] -= n
            if self.plan[1] > 0:
                return
            action, self.plan = self.plan[2], None
        action(wire)

    def cut(self):
        with self.lock:
            for wire in self.wires:
                wire.cut()

    def stall(self):
        """What is under way stays there, and nobody is told. New connections flow."""
        with self.lock:
            for wire in self.wires:
                wire.flowing.clear()

    def half_close(self, direction):
        with self.lock:
            self.wires[-1].half_close(direction)

    def count(self):
        with self.lock:
            return len(self.wires)

    def close(self):
        self.listener.close()
        self.cut()
