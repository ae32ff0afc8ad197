"""A transport for the MCP SDK for Python: MCP's messages on a gRPC stream, SessionService/Connect.

    async with Client(connect("127.0.0.1:50051")) as client: ...

Needs grpcio, and the stubs of proto/ in the path.
"""

import contextlib

import anyio
import grpc
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from mcpbridge.v1 import session_service_pb2, session_service_pb2_grpc

# From the half-close to the end of the stream; calls that take longer are given up.
END_SECONDS = 5


@contextlib.asynccontextmanager
async def connect(address, metadata=()):
    """What the SDK takes as a transport: two streams of SessionMessage, from and to the server."""
    heard, read_stream = anyio.create_memory_object_stream(0)
    write_stream, to_say = anyio.create_memory_object_stream(0)
    over = anyio.Event()
    async with grpc.aio.insecure_channel(address) as channel, anyio.create_task_group() as tasks:
        call = session_service_pb2_grpc.SessionServiceStub(channel).Connect(metadata=metadata)
        tasks.start_soon(hear, call, heard, over)
        tasks.start_soon(say, call, to_say)
        try:
            yield read_stream, write_stream
        finally:
            with anyio.move_on_after(END_SECONDS, shield=True):
                await write_stream.aclose()
                await read_stream.aclose()
                await over.wait()
            call.cancel()
            tasks.cancel_scope.cancel()


async def hear(call, heard, over):
    async with heard:
        with contextlib.suppress(anyio.BrokenResourceError):  # nobody listens any more
            try:
                while (response := await call.read()) is not grpc.aio.EOF:
                    await heard.send(SessionMessage(
                        jsonrpc_message_adapter.validate_json(response.message, by_name=False)))
            except grpc.aio.AioRpcError as error:
                await heard.send(error)
    over.set()


async def say(call, to_say):
    async with to_say:
        with contextlib.suppress(grpc.aio.AioRpcError):  # hear() has it too
            async for session_message in to_say:
                text = session_message.message.model_dump_json(by_alias=True, exclude_unset=True)
                await call.write(session_service_pb2.ConnectRequest(message=text.encode()))
            await call.done_writing()
