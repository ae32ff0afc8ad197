"""The official Python SDK's client, version 1, over streamable HTTP."""

import anyio
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client

from support import HTTP, check


async def main():
    async with streamable_http_client(f"{HTTP}/mcp/") as (read, write, _):
        async with ClientSession(read, write) as session:
            hello = await session.initialize()
            check("initialize is answered", hello.protocolVersion == "2025-11-25", hello)
            await session.send_ping()
            tools = [tool.name for tool in (await session.list_tools()).tools]
            check("tools/list has the tools", {"my_tool", "echo"} <= set(tools), tools)
            answer = await session.call_tool("my_tool", {"query": "one"})
            check("a call is answered", answer.content[0].text == "result for one", answer)
            failed = await session.call_tool("fail", {})
            check("a tool's own failure is a result", failed.isError, failed)
            try:
                answer = await session.call_tool("no_such_tool", {})
                check("an unknown tool is an error", False, answer)
            except McpError as error:
                check("an unknown tool is a typed error", error.error.code == -32602, error.error)


anyio.run(main)
