"""FastMCP's proxy in front of the server at URL: fastmcp_proxy.py URL PORT."""

import sys

from fastmcp.server import create_proxy

create_proxy(sys.argv[1], name="proxy").run(
    transport="http", host="127.0.0.1", port=int(sys.argv[2]), stateless_http=True,
    json_response=True, show_banner=False, log_level="error")
