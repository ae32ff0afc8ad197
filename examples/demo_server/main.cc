// mcp-demo-server: an MCP server to try mcp-bridge with, and to measure it against.

#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <absl/flags/usage_config.h>
#include <absl/strings/match.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "examples/demo_server/http_connection.h"
#include "examples/demo_server/mcp_endpoint.h"
#include "examples/demo_server/stdio_transport.h"

ABSL_FLAG(int, port, -1,
          "Serve streamable HTTP on 127.0.0.1 at this port (0: any free one); -1: stdio");
ABSL_FLAG(int, my_tool_ms, 100, "How long my_tool takes, in milliseconds");
ABSL_FLAG(std::string, answer, "auto",
          "HTTP answers: json, sse, or auto (an event stream once a call reports progress)");
ABSL_FLAG(bool, sessions, true, "HTTP: open a session at initialize and demand it afterwards");
ABSL_FLAG(int, threads, 1, "Threads that serve HTTP");
ABSL_FLAG(int, more_tools, 0, "Further tools, named tool_0 and so on, that do as echo does");
ABSL_FLAG(std::string, tls_cert, "", "HTTP: serve https with this PEM certificate chain");
ABSL_FLAG(std::string, tls_key, "", "The PEM key of --tls_cert");

namespace mcpbridge::demo {
namespace {

using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp,
                                                    boost::asio::io_context::executor_type>;

// A thread's event loop, and the MCP endpoint it runs.
struct Worker {
  explicit Worker(Shared& shared) : endpoint(shared, io) {}
  boost::asio::io_context io{1};
  McpEndpoint endpoint;
};

// Accepts on the first worker and deals the connections out in turn.
class HttpServer {
 public:
  HttpServer(std::vector<std::unique_ptr<Worker>>& workers, std::uint16_t port,
             boost::asio::ssl::context* tls)
      : workers_(workers), tls_(tls), acceptor_(workers.front()->io) {
    const boost::asio::ip::tcp::endpoint endpoint(boost::asio::ip::address_v4::loopback(), port);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(boost::asio::socket_base::reuse_address(true));
    boost::system::error_code error;
    acceptor_.bind(endpoint, error);
    if (error) {
      throw std::runtime_error("can't listen on 127.0.0.1:" + std::to_string(port) + ": " +
                               error.message());
    }
    acceptor_.listen();
    Accept();
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void Accept() {
    Worker& worker = *workers_[next_++ % workers_.size()];
    acceptor_.async_accept(
        worker.io, [this, &worker](boost::system::error_code error, Socket socket) {
          if (!error) {
            boost::asio::post(worker.io, [this, &worker, socket = std::move(socket)]() mutable {
              ServeHttp(std::move(socket), worker.endpoint, tls_);
            });
          }
          Accept();
        });
  }

  std::vector<std::unique_ptr<Worker>>& workers_;
  boost::asio::ssl::context* const tls_;
  Acceptor acceptor_;
  std::size_t next_ = 0;
};

std::optional<AnswerForm> ParseAnswer(const std::string& name) {
  if (name == "json") return AnswerForm::kJson;
  if (name == "sse") return AnswerForm::kSse;
  if (name == "auto") return AnswerForm::kAuto;
  return std::nullopt;
}

void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::unique_ptr<boost::asio::ssl::context> LoadTls(const std::string& cert,
                                                   const std::string& key) {
  if (cert.empty()) return nullptr;
  auto tls = std::make_unique<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
  tls->set_options(boost::asio::ssl::context::no_tlsv1 | boost::asio::ssl::context::no_tlsv1_1);
  tls->use_certificate_chain_file(cert);
  tls->use_private_key_file(key, boost::asio::ssl::context::pem);
  return tls;
}

void ServeStdio(Worker& worker) {
  StdioTransport transport(worker.endpoint);
  transport.Start();
  worker.io.run();
}

void ServeHttpUntilStopped(std::vector<std::unique_ptr<Worker>>& workers, std::uint16_t port,
                           boost::asio::ssl::context* tls) {
  HttpServer server(workers, port, tls);
  std::printf("listening on %s://127.0.0.1:%d/mcp\n", tls != nullptr ? "https" : "http",
              static_cast<int>(server.port()));
  std::fflush(stdout);
  std::vector<std::thread> threads;
  std::vector<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work;
  for (const auto& worker : workers) work.emplace_back(worker->io.get_executor());
  for (std::size_t i = 1; i < workers.size(); ++i) {
    threads.emplace_back([&worker = *workers[i]] { worker.io.run(); });
  }
  workers.front()->io.run();
  for (std::size_t i = 1; i < workers.size(); ++i) workers[i]->io.stop();
  for (std::thread& thread : threads) thread.join();
}

int Run() {
  const auto answer = ParseAnswer(absl::GetFlag(FLAGS_answer));
  const int port = absl::GetFlag(FLAGS_port);
  if (!answer || port > 65535 || absl::GetFlag(FLAGS_my_tool_ms) < 0 ||
      absl::GetFlag(FLAGS_more_tools) < 0) {
    std::fprintf(stderr, "mcp-demo-server: a flag has an impossible value; see --help\n");
    return 2;
  }
  RaiseFileLimit();
  std::signal(SIGPIPE, SIG_IGN);

  Shared shared({.my_tool_time = std::chrono::milliseconds(absl::GetFlag(FLAGS_my_tool_ms)),
                 .answer = *answer,
                 .sessions = absl::GetFlag(FLAGS_sessions),
                 .more_tools = absl::GetFlag(FLAGS_more_tools)});
  std::vector<std::unique_ptr<Worker>> workers;
  const int threads = port < 0 ? 1 : std::max(1, absl::GetFlag(FLAGS_threads));
  for (int i = 0; i < threads; ++i) workers.push_back(std::make_unique<Worker>(shared));
  boost::asio::signal_set signals(workers.front()->io, SIGTERM, SIGINT);
  signals.async_wait([&workers](boost::system::error_code, int) { workers.front()->io.stop(); });

  if (port < 0) {
    ServeStdio(*workers.front());
  } else {
    const auto tls = LoadTls(absl::GetFlag(FLAGS_tls_cert), absl::GetFlag(FLAGS_tls_key));
    ServeHttpUntilStopped(workers, static_cast<std::uint16_t>(port), tls.get());
  }
  return 0;
}

}  // namespace
}  // namespace mcpbridge::demo

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "An MCP server with small tools, over standard input and output or streamable HTTP.");
  absl::FlagsUsageConfig usage;
  usage.contains_helpshort_flags = [](absl::string_view file) {
    return absl::EndsWith(file, "demo_server/main.cc");
  };
  usage.contains_help_flags = usage.contains_helpshort_flags;
  usage.version_string = [] { return std::string("mcp-demo-server " MCPBRIDGE_VERSION "\n"); };
  absl::SetFlagsUsageConfig(usage);
  absl::ParseCommandLine(argc, argv);
  try {
    return mcpbridge::demo::Run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mcp-demo-server: %s\n", error.what());
    return 1;
  }
}
