"""A wire between a client and a server, byte by byte, which can be cut, made slow, silenced, and led to another server."""
import socket
import threading
import time
from contextlib import contextmanager

from harness.places import free_port


class Wire:
    def __init__(self, upstream):
        self.upstream = upstream
        self.port = free_port()
        self.delay = 0.0  # seconds that each piece of bytes waits, both ways
        self._is_cut = False
        self._passing = threading.Event()
        self._passing.set()
        self._ends = set()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._join(client)

    def _join(self, client):
        try:
            if self._is_cut:
                raise OSError
            server = socket.create_connection(("127.0.0.1", self.upstream))
        except OSError:  # as if nobody listened
            client.close()
            return
        self._ends |= {client, server}
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        try:
            while piece := source.recv(1 << 16):
                if self.delay:
                    time.sleep(self.delay)
                self._passing.wait()
                sink.sendall(piece)
        except OSError:
            pass
        for end in (source, sink):
            self._end(end)

    def _end(self, end):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._ends.discard(end)
        end.close()

    def drop_all(self):
        """Ends the connections there are; new ones are let through."""
        for end in list(self._ends):
            self._end(end)

    @contextmanager
    def cut(self):
        """No connection lives, none is made."""
        self._is_cut = True
        self.drop_all()
        try:
            yield
        finally:
            self._is_cut = False

    @contextmanager
    def silent(self):
        """Connections live, but nothing comes through: as where packets are lost."""
        self._passing.clear()
        try:
            yield
        finally:
            self._passing.set()

    @contextmanager
    def slow(self, seconds):
        self.delay = seconds
        try:
            yield
        finally:
            self.delay = 0.0

    def lead_to(self, upstream):
        """Another server stands behind the name from now on."""
        self.upstream = upstream
        self.drop_all()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._passing.set()
        self.drop_all()
