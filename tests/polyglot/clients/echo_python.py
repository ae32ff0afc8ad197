"""The official Python SDK: echo_python.py auto|legacy URL TEXT lists the tools, calls `echo` and
prints what it answers. With stdio for a mode, COMMAND... TEXT: the server is a process."""

import sys

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client


async def echo(client, message):
    assert (await client.list_tools()).tools
    result = await client.call_tool("echo", {"message": message})
    print(result.content[0].text)


async def main(mode, *rest):
    *target, message = rest
    if mode == "stdio":
        transport = stdio_client(StdioServerParameters(command=target[0], args=target[1:]))
        async with Client(transport, mode="legacy") as client:
            await echo(client, message)
    else:
        async with Client(target[0], mode=mode) as client:
            await echo(client, message)


anyio.run(main, *sys.argv[1:])
