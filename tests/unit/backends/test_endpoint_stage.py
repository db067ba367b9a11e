"""`backends.adopt`: a remote model named by URL and name, or by the URL of a server that has only one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lontar.backends.stages import EndpointConfig, adopt, only_model
from lontar.errors import BackendError, ConfigError, UnavailableError
from tests.unit.backends.conftest import serving


def adopted(tmp_path: Path, path: str, **more: Any) -> Any:
    endpoint = adopt(tmp_path / "e", config=EndpointConfig(path=path, **more))
    return json.loads((endpoint.path / "endpoint.json").read_text(encoding="utf-8")), endpoint


def asked(handler: Callable[[Any], Any]) -> str:
    async def work() -> str:
        async with serving(handler) as url:
            return await only_model(url)

    return asyncio.run(work())


def listing(body: Any, status: int = 200) -> Callable[[Any], Any]:
    async def handler(request: Any) -> Any:
        web = pytest.importorskip("aiohttp.web")
        assert request.path == "/v1/models"
        return web.json_response(body, status=status)

    return handler


def test_url_and_name(tmp_path: Path) -> None:
    value, endpoint = adopted(tmp_path, "http://localhost:1#org/model-7b", license="MIT")
    assert value == {"url": "http://localhost:1/v1", "model": "org/model-7b"}
    assert endpoint.manifest.license.spdx == "MIT"


def test_terms_that_nobody_told_are_unstated(tmp_path: Path) -> None:
    _, endpoint = adopted(tmp_path, "http://localhost:1/v1/#m")
    assert endpoint.manifest.license.spdx == "LicenseRef-unknown"


def test_the_only_model_of_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lontar.backends import stages

    assert asked(listing({"data": [{"id": "one"}, {"id": "one"}, {"id": None}, "x"]})) == "one"

    async def one(url: str) -> str:
        return f"served by {url}"

    monkeypatch.setattr(stages, "only_model", one)
    assert adopted(tmp_path, "http://localhost:1")[0]["model"] == "served by http://localhost:1/v1"


def test_of_several_one_has_to_be_named() -> None:
    with pytest.raises(ConfigError, match=r"which model\? It serves 2: one, two") as caught:
        asked(listing({"data": [{"id": "two"}, {"id": "one"}]}))
    assert str(caught.value.hint).endswith("/v1#one")


@pytest.mark.parametrize("body", [{"data": []}, {"data": None}, {}, {"data": [{"id": ""}]}])
def test_a_server_without_models(body: Any) -> None:
    with pytest.raises(BackendError, match="lists no model"):
        asked(listing(body))


def test_a_server_that_answers_something_else() -> None:
    with pytest.raises(UnavailableError, match="list where an object was expected"):
        asked(listing([1]))
    with pytest.raises(BackendError, match="404"):
        asked(listing({}, 404))
    with pytest.raises(BackendError, match="401"):
        asked(listing({}, 401))


def test_nobody_is_there(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1"):
        adopt(tmp_path / "e", config=EndpointConfig(path="http://127.0.0.1:1"))
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize(
    "path", ["localhost:8000#m", "ftp://x#m", "#m", "http://[::1#m", "http://u:p@host#m", "http://host/v1?key=1#m"]
)
def test_a_bad_url(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError):
        adopt(tmp_path / "e", config=EndpointConfig(path=path))
