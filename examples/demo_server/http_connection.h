#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "examples/demo_server/mcp_endpoint.h"

namespace mcpbridge::demo {

using Socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

// Serves HTTP/1.1 on `socket` until it closes: MCP at /mcp, the counters at GET /stats. `tls` null:
// plain text. On the thread of the endpoint's io_context, which `socket` belongs to; the endpoint
// and `tls` must outlive that.
void ServeHttp(Socket socket, McpEndpoint& endpoint, boost::asio::ssl::context* tls);

}  // namespace mcpbridge::demo
