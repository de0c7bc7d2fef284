"""A proxy between a worker and Redis that reads both directions as commands and replies, so that a test can lose exactly
the reply it wants to.

A test sets `on_command(words)` and `on_reply(words, reply)`, called with the command's words and, of its reply, the strings and errors.
They say what to do: PASS it on, CUT both connections instead (a command is then never applied; a reply was
applied, and is lost), or DROP it without a word, and with it all that would follow on that connection: a stream has no holes.
They run in the connection's own thread and may take their time.
"""
import queue
import socket
import threading

PASS, CUT, DROP = "pass", "cut", "drop"


def is_flush(words):
    return words[0].upper() == b"FCALL" and b"flush" in words[1]


def is_full_flush(words):
    """A flush that carries updates: it names keys beyond the shard's meta, mark and faults."""
    return is_flush(words) and int(words[2]) > 4


class _Reader:
    """Frames of RESP, each with the bytes it was made of."""

    def __init__(self, connection):
        self.file = connection.makefile("rb", buffering=1 << 20)

    def _line(self, raw):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError
        raw.append(line)
        return line

    def _frame(self, raw, words):
        line = self._line(raw)
        kind, size = line[:1], line[1:-2]
        if kind in b"$=!" and size != b"-1":
            body = self.file.read(int(size) + 2)
            if len(body) != int(size) + 2:
                raise ConnectionError
            raw.append(body)
            words.append(body[:-2])
        elif kind == b"-":
            words.append(line[1:-2])
        elif kind in b"*~>%" and size != b"-1":
            for _ in range(int(size) * (2 if kind == b"%" else 1)):
                self._frame(raw, words)

    def read(self):
        raw, words = [], []
        self._frame(raw, words)
        return b"".join(raw), words


class _Link:
    """One client's connection, with the one to Redis behind it."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.client = client
        self.server = socket.create_connection(("127.0.0.1", proxy.upstream))
        self.asked = queue.SimpleQueue()
        for pump in (self._commands, self._replies):
            threading.Thread(target=self._guard, args=(pump,), daemon=True).start()

    def _guard(self, pump):
        try:
            pump()
        except (OSError, ValueError):
            pass
        self.close()

    def _commands(self):
        reader = _Reader(self.client)
        while True:
            raw, words = reader.read()
            verdict = self.proxy.judge(self.proxy.on_command, words)
            if verdict == CUT:
                return
            if verdict == DROP:
                self.swallow(self.client)
            self.asked.put(words)
            self.server.sendall(raw)

    def _replies(self):
        reader = _Reader(self.server)
        while True:
            raw, reply = reader.read()
            verdict = self.proxy.judge(self.proxy.on_reply, self.asked.get(), reply)
            if verdict == CUT:
                return
            if verdict == DROP:
                self.swallow(self.server)
            self.client.sendall(raw)

    @staticmethod
    def swallow(source):
        while source.recv(1 << 16):
            pass
        raise ConnectionError

    def close(self):
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


class Proxy:
    def __init__(self, upstream):
        self.upstream = upstream
        self.on_command = None
        self.on_reply = None
        self._links = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                self._links.append(_Link(self, client))
            except OSError:  # Redis is down: so is the proxy, for this client
                client.close()

    @staticmethod
    def judge(hook, *exchange):
        return hook(*exchange) if hook else PASS

    def cut_all(self):
        for link in self._links:
            link.close()
        self._links.clear()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_all()
