"""A model server of the OpenAI kind that fails now and then, for tests; a process of its own.

What it answers is a function of the prompt; whether it fails, one of the prompt and of how often it was asked. Every
answer that it has sent to its end is a line of the log: the hash of the prompt.

    python tests/e2e/faulty_server.py LOG SHARE_OF_FAULTS STALL_S
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

FAULTS = ("busy", "error", "malformed", "cut", "stall")


class Server:
    def __init__(self, log: Path, share: float, stall_s: float) -> None:
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.share, self.stall_s = share, stall_s
        self.asked: dict[str, int] = {}

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "m"}]})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        key = hashlib.sha256(json.dumps(body["messages"], sort_keys=True).encode()).hexdigest()
        self.asked[key] = self.asked.get(key, 0) + 1
        fault = self.fault(f"{key}{self.asked[key]}")
        await asyncio.sleep(0.002)
        if fault == "busy":
            return web.json_response({"error": "busy"}, status=429, headers={"Retry-After-Ms": "5"})
        if fault == "error":
            return web.json_response({"error": "oh"}, status=500)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if fault == "malformed":
            await response.write(b'data: {"choices": [{"delta": {"content": "A\n\n')
            return response
        await self.send(response, answer(key))
        if fault == "cut":
            return response
        if fault == "stall":
            await asyncio.sleep(self.stall_s)
            return response
        await response.write(b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n')
        await response.write(b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}\n\n')
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        os.write(self.log, f"{key}\n".encode())
        return response

    def fault(self, name: str) -> str:
        drawn = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
        return FAULTS[drawn % len(FAULTS)] if drawn / 2**32 < self.share else ""

    @staticmethod
    async def send(response: web.StreamResponse, text: str) -> None:
        event: dict[str, Any] = {"choices": [{"delta": {"content": text}}]}
        await response.write(f"data: {json.dumps(event)}\n\n".encode())


def answer(key: str) -> str:
    """`right` for most prompts."""
    return "right" if int(key[:4], 16) % 3 else "wrong"


async def main(log: str, share: str, stall: str) -> None:
    server = Server(Path(log), float(share), float(stall))
    app = web.Application()
    app.router.add_get("/v1/models", server.models)
    app.router.add_post("/v1/chat/completions", server.chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
