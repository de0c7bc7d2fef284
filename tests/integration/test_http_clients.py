"""Probes and metrics under clients that mean harm or know no better: the worker counts on, and whoever asks plainly is answered."""
import socket
import time
from contextlib import ExitStack

import pytest

from harness import load
from harness.places import wait_until
from harness.process import Process
from harness.worker import INGEST


def _dial(stack, worker, first=b""):
    """A connection, with `first` sent; the kernel keeps it waiting where the worker does not take it yet."""
    s = stack.enter_context(socket.socket())
    s.setblocking(False)
    try:
        s.connect(("127.0.0.1", worker.port))
    except BlockingIOError:
        pass
    _send(s, first)
    return s


def _send(s, text):
    try:
        return s.send(text)
    except OSError:  # not connected yet, hung up, or full
        return 0


def _trickle(stack, worker):
    """A byte a second on a hundred connections that never come to an end."""
    clients = [_dial(stack, worker, b"GET /metrics HTTP/1.1\r\nx: ") for _ in range(100)]
    for _ in range(12):
        time.sleep(1)
        for client in clients:
            _send(client, b"y")
        yield


def _flood(stack, worker):
    """A thousand connections that say nothing."""
    for _ in range(10):
        for _ in range(100):
            _dial(stack, worker)
        yield


def _endless_header(stack, worker):
    """A megabyte of header, on ten connections."""
    for _ in range(10):
        s = stack.enter_context(socket.create_connection(("127.0.0.1", worker.port), 30))
        s.settimeout(30)
        said = b""
        try:
            s.sendall(b"GET /metrics HTTP/1.1\r\nx: " + b"y" * 1_000_000)
            said = s.recv(100)
        except OSError:
            pass  # hung up in the middle of it
        assert not said or said.split()[1] in (b"431", b"400", b"413"), said
        yield


def _deaf(stack, worker):
    """Asks for the metrics again and again and never reads an answer."""
    clients = [_dial(stack, worker) for _ in range(50)]
    for _ in range(12):
        time.sleep(1)
        for client in clients:
            _send(client, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
        yield


def _pipelined(stack, worker):
    """A hundred requests at once on one connection, each of which is answered."""
    for _ in range(3):
        s = stack.enter_context(socket.create_connection(("127.0.0.1", worker.port), 30))
        s.settimeout(30)
        s.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 99 + b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said = b""
        while part := s.recv(65536):
            said += part
        assert said.count(b"HTTP/1.1 200") == 100, said[-300:]
        yield


@pytest.mark.parametrize("clients", [_trickle, _flood, _endless_header, _deaf, _pipelined], ids=lambda clients: clients.__name__)
def test_no_client_holds_the_loop_or_the_probes__goes_red_if_one_may(deployment, clients):
    worker = deployment.worker()
    with load.flow(deployment, seed=97), ExitStack() as stack:
        counted = worker.metric("events_counted_total")
        for _ in clients(stack, worker):
            assert worker.get("/readyz")[0] == 200
            assert worker.get("/livez")[0] == 200
        wait_until("it counted on", lambda: worker.metric("events_counted_total") > counted)
        if clients in (_trickle, _flood):
            assert worker.metric("http_shown_out_total") > 0
    load.settle(deployment, [worker])
    assert worker.terminate() == 0


def test_it_listens_with_probes_alone_and_where_it_is_told(deployment):
    for place, addresses in [("127.0.0.1:0", {"0100007F"}), ("[::]:0", {"0" * 32})]:
        process = Process("listener", [INGEST, "run", "-c", deployment.file, f"--http.listen={place}"], deployment.directory)
        wait_until("it listens", process.listens_at)
        assert {found.split(":")[0] for found in process.listens_at()} == addresses
        assert process.terminate() == 0
