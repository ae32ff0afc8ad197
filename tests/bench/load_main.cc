// bench-load: calls a tool over and over and says how fast that went, as one line of JSON.

#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

#include "tests/bench/load_run.h"

ABSL_FLAG(std::string, mode, "http", "http or grpc");
ABSL_FLAG(std::string, target, "127.0.0.1:4000", "IP:PORT of what is measured");
ABSL_FLAG(std::string, path, "/mcp", "http: where to POST to");
ABSL_FLAG(std::string, tool, "echo", "A tool that answers its argument `text`");
ABSL_FLAG(int, connections, 1, "Calls at once; with http each has a connection of its own");
ABSL_FLAG(int, channels, 1, "grpc: connections that the calls share");
ABSL_FLAG(double, seconds, 5, "How long to measure");
ABSL_FLAG(double, warmup, 1, "How long to call before that");
ABSL_FLAG(std::vector<std::string>, gateway_pids, {},
          "Processes whose CPU time per call is reported");
ABSL_FLAG(std::vector<std::string>, other_pids, {},
          "Further processes of the measurement; what is used beyond them counts as foreign");
ABSL_FLAG(std::string, upstream, "",
          "IP:PORT of the mcp-demo-server behind; asked for its counters");

namespace mcpbridge::bench {
namespace {

std::vector<pid_t> Pids(const std::vector<std::string>& texts) {
  std::vector<pid_t> pids;
  for (const std::string& text : texts) pids.push_back(std::stoi(text));
  return pids;
}

void Split(const std::string& target, std::string& host, std::uint16_t& port) {
  const std::size_t colon = target.rfind(':');
  host = target.substr(0, colon);
  port = static_cast<std::uint16_t>(std::stoi(target.substr(colon + 1)));
}

// How many tools/call the upstream has seen; -1: it isn't to be asked.
double UpstreamCalls(const std::string& upstream) {
  if (upstream.empty()) return -1;
  std::string host;
  std::uint16_t port = 0;
  Split(upstream, host, port);
  boost::asio::io_context io;
  boost::asio::ip::tcp::socket socket(io);
  socket.connect({boost::asio::ip::make_address(host), port});
  const std::string request = "GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  boost::asio::write(socket, boost::asio::buffer(request));
  std::string answer;
  boost::system::error_code end;
  boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end);
  const std::string member = "\"tools/call\":";
  const std::size_t at = answer.find(member);
  return at == std::string::npos ? -1 : std::atof(answer.c_str() + at + member.size());
}

int Run() {
  const std::string mode = absl::GetFlag(FLAGS_mode);
  LoadOptions options;
  Split(absl::GetFlag(FLAGS_target), options.host, options.port);
  options.path = absl::GetFlag(FLAGS_path);
  options.tool = absl::GetFlag(FLAGS_tool);
  options.connections = absl::GetFlag(FLAGS_connections);
  options.channels = absl::GetFlag(FLAGS_channels);
  options.warmup = std::chrono::duration<double>(absl::GetFlag(FLAGS_warmup));
  options.measured = std::chrono::duration<double>(absl::GetFlag(FLAGS_seconds));
  options.gateway = Pids(absl::GetFlag(FLAGS_gateway_pids));
  options.others = Pids(absl::GetFlag(FLAGS_other_pids));
  if ((mode != "http" && mode != "grpc") || options.connections < 1 || options.channels < 1) {
    std::fprintf(stderr, "bench-load: a flag has an impossible value; see --help\n");
    return 2;
  }
  const std::string upstream = absl::GetFlag(FLAGS_upstream);
  const double before = UpstreamCalls(upstream);
  LoadRun run(options);
  (mode == "grpc" ? RunGrpcLoad : RunHttpLoad)(options, run);
  const double seen = before < 0 ? -1 : UpstreamCalls(upstream) - before;
  std::printf("%s\n", run.Report(mode, seen).c_str());
  return 0;
}

}  // namespace
}  // namespace mcpbridge::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Calls a tool over and over, each caller as soon as it is answered, and prints how fast.");
  absl::ParseCommandLine(argc, argv);
  try {
    return mcpbridge::bench::Run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-load: %s\n", error.what());
    return 1;
  }
}
