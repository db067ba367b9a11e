import json
import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lontar.backends.echo import Echo
from lontar.errors import CapabilityError, ConfigError
from lontar.serve import Limits
from lontar.serve.server import bind, checked_key, default_name, is_loopback, prepared, url_of
from tests.unit.serve.conftest import NAME, Watched, client_of, eventually, running, say

for needed in ("starlette", "uvicorn"):
    pytest.importorskip(needed)
httpx = pytest.importorskip("httpx")
openai = pytest.importorskip("openai")

SECRET = "a-secret-of-some-length"


def test_models(client):
    listed = client.models.list().data
    assert [m.id for m in listed] == [NAME]
    one = client.models.retrieve(NAME)
    assert (one.id, one.context_length, one.digest) == (NAME, 2000, "echo-0")
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("org/other")
    assert caught.value.code == "model_not_found" and NAME in caught.value.message


def test_health(raw):
    assert raw.get("/health").json() == {"status": "ok", "running": 0, "waiting": 0}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/v1/nothing", 404), ("GET", "/v1/chat/completions", 405), ("POST", "/v1/models", 405)],
)
def test_other_paths_and_methods_have_the_envelope_too(raw, method, path, status):
    response = raw.request(method, path)
    assert response.status_code == status
    assert response.json()["error"].keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b'{"model": NaN}', 400, "NaN is not a JSON number"),
        (b"[" * 100_000, 400, "not JSON"),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": "\\ud83d"}]}', 400, "half a character"),
        (b"[]", 400, "JSON object"),
        (b"", 400, "not JSON"),
        (b'"' + b"x" * (5 << 20) + b'"', 413, "more than"),
    ],
)
def test_bodies_that_are_none(raw, body, status, said):
    response = raw.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert response.status_code == status and said in response.json()["error"]["message"]


def test_a_web_page_cannot_post_without_asking(raw):
    body = json.dumps({"model": NAME, "messages": say("halo")})
    response = raw.post("/v1/chat/completions", content=body, headers={"content-type": "text/plain"})
    assert response.status_code == 415
    response = raw.get("/health", headers={"host": "evil.example"})
    assert response.status_code == 421 and "evil.example" in response.json()["error"]["message"]
    assert "access-control-allow-origin" not in response.headers


def test_a_key_is_asked_for_and_compared():
    with running(Echo(), key=SECRET) as url:
        for wrong in (
            "Bearer",
            "Bearer x",
            f"Bearer {SECRET}x",
            f"Bearer {SECRET[:-1]}",
            "Bearer ກ",
            f"Basic {SECRET}",
            SECRET,
        ):
            headers = {"authorization": wrong.encode()}
            response = httpx.get(f"{url}/models", headers=headers)
            assert response.status_code == 401 and response.json()["error"]["code"] == "invalid_api_key"
            assert response.headers["www-authenticate"] == "Bearer"
        with client_of(url, key="wrong-key") as client, pytest.raises(openai.AuthenticationError):
            client.models.list()
        with client_of(url, key=SECRET) as client:
            assert client.models.list().data[0].id == NAME
        assert httpx.get(url.replace("/v1", "/health")).status_code == 200


def test_each_request_leaves_one_json_line_of_ascii(client, caplog):
    with caplog.at_level(logging.INFO, logger="lontar.serve"):
        client.chat.completions.create(model=NAME, messages=say("ສະບາຍດີ"), user="ຜູ້ໃຊ້\u202e")
        list(client.chat.completions.create(model=NAME, messages=say("halo"), stream=True))
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model=NAME, messages=say("halo"), n=99)
        eventually(lambda: len(caplog.records) == 3)
    assert all(record.message.isascii() for record in caplog.records)
    whole, stream, wrong = (json.loads(record.message) for record in caplog.records)
    assert whole | {"method": "POST", "status": 200, "tokens_in": 7, "tokens_out": 7, "stream": False} == whole
    assert whole["user"] == "ຜູ້ໃຊ້\u202e" and "ສະບາຍດີ" not in json.dumps(whole, ensure_ascii=False)
    assert (stream["stream"], stream["tokens_out"]) == (True, 4)
    assert wrong["status"] == 400 and wrong["error"].startswith("n:")


def test_the_answer_carries_the_id_of_its_log_line(raw, caplog):
    with caplog.at_level(logging.INFO, logger="lontar.serve"):
        found = raw.get("/health").headers["x-request-id"]
        eventually(lambda: caplog.records)
    assert json.loads(caplog.records[0].message)["id"] == found


def test_an_unexpected_error_is_logged_with_its_traceback(caplog):
    with running(Watched(fail_after=0, error=ZeroDivisionError("x"))) as url:
        body = {"model": NAME, "messages": say("halo")}
        assert httpx.post(f"{url}/chat/completions", json=body).status_code == 500
    assert any(record.exc_info and record.exc_info[0] is ZeroDivisionError for record in caplog.records)


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        *[(host, True) for host in ("127.0.0.1", "localhost", "::1", "127.8.9.1")],
        *[(host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "example.org")],
    ],
)
def test_only_this_machine_without_a_key(host, inside):
    assert is_loopback(host) == inside
    assert checked_key(host, SECRET) == SECRET
    if inside:
        assert checked_key(host, None) is checked_key(host, "") is None
    else:
        with pytest.raises(ConfigError, match="LONTAR_API_KEY is not set"):
            checked_key(host, None)


def test_a_short_key_is_refused():
    with pytest.raises(ConfigError, match="5 characters"):
        checked_key("127.0.0.1", "short")


def test_a_taken_port_is_a_clear_error():
    with bind("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            bind("127.0.0.1", port)
    with pytest.raises(ConfigError, match=r"cannot listen on 203\.0\.113\.1"):
        bind("203.0.113.1", 0)
    with pytest.raises(ConfigError, match="70000"):
        bind("127.0.0.1", 70000)


def test_ipv6_has_brackets():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        listening = bind("::1", 0)
    except ConfigError:
        pytest.skip("no IPv6 loopback here")
    with listening:
        assert url_of(listening) == f"http://[::1]:{listening.getsockname()[1]}/v1"


def test_what_cannot_generate_cannot_be_served():
    with bind("127.0.0.1", 0) as listening, pytest.raises(CapabilityError):
        prepared(object(), listening, "x")


@pytest.mark.parametrize(
    ("target", "name"),
    [("/a/My Model_v2", "my-model_v2"), ("/a/โมเดล", "model"), (Echo(), "echo"), ("/a/b" + "x" * 99, "b" + "x" * 63)],
)
def test_default_names(target, name):
    assert default_name(target) == name


def test_limits_can_be_changed(raw):
    with running(Echo(), limits=Limits(body_bytes=10)) as url:
        assert httpx.post(f"{url}/completions", json={"model": NAME, "prompt": "x"}).status_code == 413


SCRIPT = textwrap.dedent(
    """
    import logging, sys
    from lontar.serve import serve
    from tests.unit.serve.conftest import Watched
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    logging.getLogger("lontar.serve").setLevel(logging.INFO)
    serve(Watched(pause_s=0.02), port=0, name="tiny", host=sys.argv[1])
    """
)


def start(host="127.0.0.1", **env):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, host],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
    )


def test_sigterm_lets_running_answers_end():
    with start() as process:
        url = json.loads(process.stdout.readline())["url"]
        with client_of(url) as client:
            stream = client.chat.completions.create(model=NAME, messages=say("x" * 40), stream=True)
            first = next(iter(stream)).choices[0].delta.content
            process.send_signal(signal.SIGTERM)
            rest = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        assert first + rest == "x" * 40
        process.communicate(timeout=10)
    assert process.returncode in (0, -signal.SIGTERM)


def test_an_open_address_without_a_key_does_not_start():
    with start("0.0.0.0") as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode != 0 and "LONTAR_API_KEY is not set" in err
