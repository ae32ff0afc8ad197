"""FastMCP's client: echo_fastmcp.py URL TEXT lists the tools, calls `echo` and prints what it
answers."""

import asyncio
import sys

from fastmcp import Client


async def main(url, message):
    async with Client(url) as client:
        assert await client.list_tools()
        result = await client.call_tool("echo", {"message": message})
        print(result.content[0].text)


asyncio.run(main(*sys.argv[1:]))
