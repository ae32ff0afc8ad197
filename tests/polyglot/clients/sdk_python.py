"""The official Python SDK's client: sdk_python.py auto|legacy [connect].

Over streamable HTTP, or with `connect` over the bridge's gRPC stream. auto: it asks for server/discover first and must find its way back to initialize.
"""

import sys
import time

import anyio
from mcp import Client, MCPError

from support import GRPC, HTTP, SLACK, cancels, check, demo_stats, wait_until


async def call(client, answers, name, arguments):
    answers[arguments["query"]] = (await client.call_tool(name, arguments)).content[0].text


async def concurrent_calls(client):
    answers = {}
    start = time.monotonic()
    async with anyio.create_task_group() as tasks:
        for i in range(20):
            tasks.start_soon(call, client, answers, "my_tool", {"query": f"no. {i}"})
    check("20 calls at once get an answer each",
          answers == {f"no. {i}": f"result for no. {i}" for i in range(20)}, answers)
    check("and take the time of one", time.monotonic() - start < 0.1 + 2 * SLACK,
          time.monotonic() - start)


async def errors(client):
    try:
        answer = await client.call_tool("no_such_tool", {})
        check("an unknown tool is an error", False, answer)
    except MCPError as error:
        check("an unknown tool is the server's own error",
              (error.code, error.message) == (-32602, "Unknown tool"), error.error)
    failed = await client.call_tool("fail", {})
    check("a tool's own failure is a result", failed.is_error, failed)


async def cancellation(client):
    before = cancels()
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            async def cancel_once_it_runs():
                await anyio.to_thread.run_sync(
                    lambda: wait_until("the call runs", lambda: demo_stats()["in_flight"] == 1))
                scope.cancel()
            tasks.start_soon(cancel_once_it_runs)
            await client.call_tool("sleep", {"ms": 30000})
    check("a cancelled call ends", scope.cancelled_caught)
    await anyio.to_thread.run_sync(
        lambda: wait_until("the server is told of one cancelled call",
                           lambda: cancels() == before + 1 and demo_stats()["in_flight"] == 0))
    answer = await client.call_tool("echo", {"text": "still there"})
    check("the client goes on", answer.content[0].text == "still there", answer)


async def progress(client):
    heard = []

    async def hear(done, total, message):
        heard.append((done, total))
    answer = await client.call_tool("count", {"to": 3}, progress_callback=hear)
    check("progress comes ahead of the answer", heard == [(1, 3), (2, 3), (3, 3)], (heard, answer))


def server(ways):
    if "connect" not in ways:
        return f"{HTTP}/mcp/"
    from connect_transport import connect
    return connect(GRPC)


VERSIONS = {"auto": "2026-07-28", "legacy": "2025-11-25"}


async def main(mode, *ways):
    async with Client(server(ways), mode=mode) as client:
        check("the newest version that both speak is negotiated",
              client.protocol_version == VERSIONS[mode], client.protocol_version)
        tools = [tool.name for tool in (await client.list_tools()).tools]
        check("tools/list has the tools", {"my_tool", "echo", "sleep"} <= set(tools), tools)
        await concurrent_calls(client)
        await progress(client)
        await errors(client)
        await cancellation(client)
        stats = demo_stats()
        # The one that all share, and in the era of sessions this client's own.
        sessions = 1 if mode == "auto" else 2
        check("the server has the sessions it should, and they are open",
              (stats["sessions_opened"], stats["sessions_closed"]) == (sessions, 0), stats)


anyio.run(main, *sys.argv[1:])
