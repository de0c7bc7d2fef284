"""A proxy between a store's client and S3, which reads both directions as HTTP, so that a test can lose exactly the answer it
wants to.

A test sets `on_request(method, target, headers)` and `on_answer(method, target, status)`. They say what to do: PASS it on, CUT
the client's connection instead (a request is then never carried out; an answer is lost), STALL (say nothing, until the
client has gone), HALVE (an answer: half of its body, then cut), or bytes: what `answer` made, in its place. They run in
the connection's own thread. `requests` has all that came.
"""
import socket
import ssl
import threading

PASS, CUT, STALL, HALVE = "pass", "cut", "stall", "halve"


def answer(status, code="", body=None, **headers):
    """The bytes of an answer; of an error as S3 words it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>" if body is None else body
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


class _Message:
    """A request or an answer: its head, its body and the bytes it was made of."""

    def __init__(self, file, say=None, of=None):
        self.first = self._line(file)
        raw, self.headers = [self.first], {}
        while (line := self._line(file)) != b"\r\n":
            name, value = line.decode("latin-1").split(":", 1)
            self.headers[name.lower()] = value.strip()
            raw.append(line)
        if say and "expect" in self.headers:
            say(b"HTTP/1.1 100 Continue\r\n\r\n")
        raw = [line for line in raw if not line.lower().startswith(b"expect:")]
        self.head = b"".join(raw) + b"\r\n"
        bodiless = of == "HEAD" or (of and self.status in (100, 204, 304))
        self.body = b"" if bodiless else self._body(file)

    @property
    def status(self):
        return int(self.first.split()[1])

    @staticmethod
    def _line(file):
        line = file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError
        return line

    def _body(self, file):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            size = int(self.headers.get("content-length", 0))
            body = file.read(size)
            if len(body) != size:
                raise ConnectionError
            return body
        raw = []
        while True:
            line = self._line(file)
            size = int(line, 16)
            raw += [line, file.read(size + 2)]
            if size == 0:
                return b"".join(raw)


class _Link:
    """One client's connection, with the one to the store behind it."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        threading.Thread(target=self._guard, daemon=True).start()

    def _guard(self):
        try:
            if self.proxy.tls:
                self.client = self.proxy.tls.wrap_socket(self.client, server_side=True)
            with socket.create_connection(("127.0.0.1", self.proxy.upstream)) as server:
                self._exchange(server)
        except (OSError, ValueError):
            pass
        self.close()

    def _exchange(self, server):
        asked, answered = self.client.makefile("rb"), server.makefile("rb")
        while True:
            request = _Message(asked, self.client.sendall if self.proxy.prompt else None)
            method, target = request.first.decode().split()[:2]
            self.proxy.requests.append((method, target, request.headers))
            head = body = b""
            verdict = self.proxy.judge(self.proxy.on_request, method, target, request.headers)
            if verdict == PASS:
                server.sendall(request.head + request.body)
                reply = _Message(answered, of=method)
                head, body = reply.head, reply.body
                verdict = self.proxy.judge(self.proxy.on_answer, method, target, reply.status)
            if not self._obey(verdict, head, body):
                return

    def _obey(self, verdict, head, body):
        """Whether the connection goes on."""
        if verdict == STALL:
            while self.client.recv(1 << 16):
                pass
        elif verdict == HALVE:
            self.client.sendall(head + body[:len(body) // 2])
        elif verdict != CUT:
            self.client.sendall(head + body if verdict == PASS else verdict)
            return True
        return False

    def close(self):
        try:
            self.client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.client.close()


class S3Proxy:
    def __init__(self, upstream, certificate=None):
        """`certificate` (and key, as files): over TLS."""
        self.upstream = upstream
        self.on_request = self.on_answer = None
        self.requests = []
        self.prompt = True  # it tells who expects it to go on; who is not told goes on after a second
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.endpoint = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        self._links = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._links.append(_Link(self, client))

    @staticmethod
    def judge(hook, *exchange):
        return hook(*exchange) if hook else PASS

    def count(self, method, part=""):
        """Requests of that method, whose target holds `part`."""
        return sum(1 for one, target, _ in self.requests if one == method and part in target)

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in self._links:
            link.close()
