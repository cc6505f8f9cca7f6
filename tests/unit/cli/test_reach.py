"""Reaching a runtime that does not answer: it is said, and nothing is left open."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from tradewind.errors import Unavailable
from tradewind_cli.local.reach import reach
from tradewind_cli.local.state import StateDirectory


async def test_a_server_that_hangs_up_leaves_no_socket(tmp_path: Path) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        (tmp_path / "ports.json").write_text(json.dumps({"nats": port}))
        state = cast(StateDirectory, SimpleNamespace(path=tmp_path, running=object()))

        with pytest.raises(Unavailable, match=f"port {port} does not answer"):
            async with reach(state):
                pass
    gc.collect()  # warnings are errors: of what is still open
