"""The Python SDK's MCP server over HTTP+SSE, on the port that is its argument."""

import sys

import anyio
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("sse_python")
cancelled = 0


@server.tool()
def add(a: int, b: int) -> int:
    return a + b


@server.tool()
async def wait(seconds: float) -> str:
    """Waits, and counts it if it isn't allowed to finish."""
    global cancelled
    try:
        await anyio.sleep(seconds)
    except anyio.get_cancelled_exc_class():
        cancelled += 1
        raise
    return "waited"


@server.tool()
def count_cancelled() -> int:
    return cancelled


@server.tool()
async def report(steps: int, context: Context) -> str:
    for step in range(steps):
        await context.report_progress(step + 1, steps)
    return "reported"


server.run(transport="sse", port=int(sys.argv[1]))
