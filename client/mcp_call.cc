// mcp-call: one MCP tool call from the command line, through an mcp-bridge.
#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <absl/time/time.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "client/cancel_on_signal.h"
#include "client/print.h"
#include "client/progress_view.h"
#include "mcpbridge/client.h"

ABSL_FLAG(std::string, address, "127.0.0.1:50051",
          "Where the bridge's gRPC front listens: host:port or unix:/path.");
ABSL_FLAG(std::string, api_key, "",
          "The bridge's key. Better: MCP_BRIDGE_API_KEY, which no process list shows.");
ABSL_FLAG(std::string, server, "",
          "The configured server to ask; needed where a name isn't unique.");
ABSL_FLAG(
    absl::Duration, timeout, absl::Seconds(60),
    "The longest that the call may take, e.g. 500ms, 2s, 1m; inf: as long as the bridge allows.");
ABSL_FLAG(bool, list, false, "List the tools instead of calling one.");
ABSL_FLAG(bool, servers, false, "List the configured servers and how they are.");
ABSL_FLAG(bool, quiet, false, "Don't show progress and log messages of the call.");
ABSL_FLAG(bool, json, false,
          "Print the server's exact result JSON; with --list, a JSON object per tool.");

namespace mcpbridge::client {
namespace {

constexpr int kOk = 0;
constexpr int kToolError = 1;
constexpr int kUsage = 2;
constexpr int kOther = 7;

constexpr std::string_view kHelp =
    R"help(mcp-call calls an MCP tool through an mcp-bridge.

  mcp-call [FLAGS] TOOL ['{"name":"value"}']    call TOOL with these arguments, a JSON object
  mcp-call --list [--server S] [--json]         list the tools
  mcp-call --servers                            list the configured servers and how they are

Flags, before or after the names (after "--" nothing is a flag):
  --timeout 2s          the longest the call may take: 500ms, 2s, 1m, inf (default 60s)
  --server S            the server to ask; needed where TOOL isn't unique, or say S-TOOL
  --address HOST:PORT   the bridge's gRPC address, or unix:/path (default 127.0.0.1:50051)
  --api_key KEY         the bridge's key; better: the environment variable MCP_BRIDGE_API_KEY
  --json                print the server's exact result; with --list, a JSON object per tool
  --quiet               don't show what the server says in the course of the call
  --version, --help

Examples:
  mcp-call echo '{"text":"hello"}'
  mcp-call --timeout 500ms --server time get_current_time '{"timezone":"UTC"}'
  mcp-call --json my_tool "$(cat arguments.json)" | jq .structuredContent
  mcp-call --list --json | jq 'select(.name == "echo").inputSchema'

Text that the tool answers goes to standard output as it is, each other block as a line in
brackets, e.g. [image image/png, 1234 bytes]; errors go to standard error, and so does what the server says while the
tool runs: log messages, and progress, as a bar on a terminal and otherwise as a line each. Ctrl-C
cancels the call: the MCP server is told.

Exit codes:
  0  the tool ran
  1  the tool ran and reports an error
  2  wrong usage
  3  no such tool or server, or bad arguments
  4  the timeout passed
  5  the bridge or the server can't be reached or is too busy
  6  the key is missing or wrong, or the tool is not allowed
  7  anything else
  130, 143  cancelled by Ctrl-C, by SIGTERM
)help";

int Usage(const std::string& problem) {
  std::fprintf(stderr, "mcp-call: %s\n  try: mcp-call --help\n", problem.c_str());
  return kUsage;
}

int Fail(const CallError& error) {
  std::fputs(PrintError(error, absl::GetFlag(FLAGS_address)).c_str(), stderr);
  return ExitCodeOf(error);
}

// Writes all of `text` to standard output, then gives `exit_code`.
int Write(const std::string& text, int exit_code) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) == 0) return exit_code;
  std::perror("mcp-call: standard output");
  return kOther;
}

ClientOptions OptionsFromFlags() {
  ClientOptions options{.api_key = absl::GetFlag(FLAGS_api_key)};
  const char* key = std::getenv("MCP_BRIDGE_API_KEY");
  if (options.api_key.empty() && key != nullptr) options.api_key = key;
  return options;
}

CallOptions BoundsFromFlags() {
  CallOptions options;
  const auto timeout = absl::GetFlag(FLAGS_timeout);
  if (timeout != absl::InfiniteDuration()) options.timeout = absl::ToChronoNanoseconds(timeout);
  return options;
}

int ListServers() {
  Client client(absl::GetFlag(FLAGS_address), OptionsFromFlags());
  const auto servers = client.ListServers(BoundsFromFlags());
  return servers ? Write(PrintServers(*servers), kOk) : Fail(servers.error());
}

int ListTools() {
  Client client(absl::GetFlag(FLAGS_address), OptionsFromFlags());
  const auto list = client.ListTools(absl::GetFlag(FLAGS_server), BoundsFromFlags());
  if (!list) return Fail(list.error());
  for (const auto& [server, error] : list->unavailable) {
    std::fprintf(stderr, "mcp-call: the tools of %s are missing: %s\n", server.c_str(),
                 error.c_str());
  }
  const bool json = absl::GetFlag(FLAGS_json);
  return Write(json ? PrintToolsAsJson(list->tools) : PrintTools(list->tools), kOk);
}

int PrintOutcome(const CallResult& result) {
  if (result.is_error) std::fputs("mcp-call: the tool reports an error\n", stderr);
  return Write(result.result_json.empty() ? PrintResult(result) : result.result_json + "\n",
               result.is_error ? kToolError : kOk);
}

int CallTool(const CallRequest& request) {
  CancelOnSignal signals;  // before the first thread is made
  Client client(absl::GetFlag(FLAGS_address), OptionsFromFlags());
  ProgressView view(stderr, absl::GetFlag(FLAGS_quiet));
  auto call = client.StartCallToolStream(request, view.Events(), BoundsFromFlags());
  signals.Watch(call);
  const auto& outcome = call.Wait();
  const int signal = signals.Stop();
  view.Clear();
  if (outcome) return PrintOutcome(*outcome);
  if (signal == 0) return Fail(outcome.error());
  std::fputs("mcp-call: cancelled\n", stderr);
  return 128 + signal;  // as a shell counts it
}

int Run(const std::vector<char*>& words) {
  const bool list = absl::GetFlag(FLAGS_list);
  const bool servers = absl::GetFlag(FLAGS_servers);
  if (absl::GetFlag(FLAGS_timeout) <= absl::ZeroDuration())
    return Usage("--timeout must be above 0");
  if (list && servers) return Usage("--list and --servers exclude each other");
  if (servers && absl::GetFlag(FLAGS_json)) return Usage("--json goes with a call or with --list");
  if (list || servers) {
    if (words.size() > 1) return Usage(std::string("what is '") + words[1] + "' for?");
    return list ? ListTools() : ListServers();
  }
  if (words.size() < 2) return Usage("which tool?");
  if (words.size() > 3) {
    return Usage(std::string("what is '") + words[3] + "' for? Quote the arguments as one word");
  }
  return CallTool({.server = absl::GetFlag(FLAGS_server),
                   .tool = words[1],
                   .arguments_json = words.size() > 2 ? words[2] : "",
                   .exact_json = absl::GetFlag(FLAGS_json)});
}

// Whether `flag` is among the words before "--".
bool Asks(int argc, char** argv, std::string_view flag) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    if (argv[i] == flag) return true;
  }
  return false;
}

// Abseil ends the process with 1 where a flag is wrong, and 1 is our code for a tool's error.
std::vector<char*> ParseFlags(int argc, char** argv) {
  static bool parsing = true;
  std::atexit([] {
    if (!parsing) return;
    std::fflush(nullptr);
    std::_Exit(kUsage);
  });
  auto words = absl::ParseCommandLine(argc, argv);
  parsing = false;
  return words;
}

int Main(int argc, char** argv) {
  if (Asks(argc, argv, "--help") || Asks(argc, argv, "-h")) return Write(std::string(kHelp), kOk);
  if (Asks(argc, argv, "--version")) return Write("mcp-call " MCPBRIDGE_VERSION "\n", kOk);
  absl::SetProgramUsageMessage(
      "mcp-call [FLAGS] TOOL ['{\"name\":\"value\"}']; see mcp-call --help");
  return Run(ParseFlags(argc, argv));
}

}  // namespace
}  // namespace mcpbridge::client

int main(int argc, char** argv) { return mcpbridge::client::Main(argc, argv); }
