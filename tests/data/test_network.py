import http.server
import socket
import threading

import pytest

from pipeline.data import network
from pipeline.data.network import require_answer


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    """A server that notes what it is asked and answers 404."""
    asked = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def test_any_answer_will_do(server):
    address, asked = server
    require_answer(f"{address}/there")
    assert asked == ["/there"]


def test_the_proxy_of_the_environment_is_asked(server, monkeypatch):
    address, asked = server
    monkeypatch.setenv("http_proxy", address)
    require_answer("http://hub.example/x")
    assert asked == ["http://hub.example/x"]


def test_a_closed_port_is_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        require_answer(f"http://127.0.0.1:{port}")


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(network, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(OSError, match="timed out"):
        require_answer(f"http://127.0.0.1:{silent.getsockname()[1]}")
