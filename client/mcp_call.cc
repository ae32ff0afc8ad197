// mcp-call: one MCP tool call from the command line, through an mcp-bridge.
#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <absl/time/time.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "client/cancel_on_signal.h"
#include "client/completion.h"
#include "client/print.h"
#include "client/progress_view.h"
#include "mcpbridge/client.h"

ABSL_FLAG(std::string, address, "127.0.0.1:50051",
          "Where the bridge's gRPC front listens: host:port or unix:/path.");
ABSL_FLAG(std::string, api_key, "",
          "The bridge's key. Better: MCP_BRIDGE_API_KEY, which no process list shows.");
ABSL_FLAG(bool, tls, false, "Encrypt the connection, for a bridge behind something that ends TLS.");
ABSL_FLAG(std::string, tls_ca, "",
          "Whom to trust, a PEM file; empty: whom the system trusts. Implies --tls.");
ABSL_FLAG(std::string, tls_cert, "", "Our certificate, a PEM file. Implies --tls.");
ABSL_FLAG(std::string, tls_key, "", "The key of --tls_cert, a PEM file.");
ABSL_FLAG(std::string, tls_name, "",
          "The name that the bridge's certificate must have, if not the address's. Implies --tls.");
ABSL_FLAG(int, retries, 0,
          "How often to call again where the bridge says that nothing was executed.");
ABSL_FLAG(std::string, completion, "", "Print a script for this shell: bash, zsh or fish.");
ABSL_FLAG(std::string, server, "",
          "The configured server to ask; needed where a name isn't unique.");
ABSL_FLAG(
    absl::Duration, timeout, absl::Seconds(60),
    "The longest that the call may take, e.g. 500ms, 2s, 1m; inf: as long as the bridge allows.");
ABSL_FLAG(bool, list, false, "List the tools instead of calling one.");
ABSL_FLAG(bool, servers, false, "List the configured servers and how they are.");
ABSL_FLAG(bool, quiet, false, "Don't show progress and log messages of the call.");
ABSL_FLAG(bool, json, false,
          "Print the server's exact result JSON; with --list and --servers, an object per line.");

namespace mcpbridge::client {
namespace {

constexpr int kOk = 0;
constexpr int kToolError = 1;
constexpr int kUsage = 2;
constexpr int kOther = 7;
constexpr int kMostRetries = 100;

// A shell waits for it at each press of the key.
constexpr std::chrono::milliseconds kCompletionTime{500};

constexpr std::string_view kHelp =
    R"help(mcp-call calls an MCP tool through an mcp-bridge.

  mcp-call [FLAGS] TOOL ['{"name":"value"}']    call TOOL with these arguments, a JSON object
  mcp-call --list [--server S] [--json]         list the tools
  mcp-call --servers [--json]                   list the configured servers and how they are
  mcp-call --completion bash|zsh|fish           print a script that completes flags and tools' names

Flags, before or after the names (after "--" nothing is a flag):
  --timeout 2s          the longest the call may take: 500ms, 2s, 1m, inf (default 60s)
  --server S            the server to ask; needed where TOOL isn't unique, or say S-TOOL
  --address HOST:PORT   the bridge's gRPC address, or unix:/path (default 127.0.0.1:50051)
  --api_key KEY         the bridge's key; better: the environment variable MCP_BRIDGE_API_KEY
  --tls                 encrypt, for a bridge behind something that ends TLS; these imply it:
  --tls_ca FILE         whom to trust, in PEM form (default: whom the system trusts)
  --tls_cert FILE, --tls_key FILE   our certificate and its key, for an endpoint that asks
  --tls_name NAME       the name that its certificate must have (default: that of the address)
  --retries N           call again up to N times where the bridge says that nothing was executed,
                        after a while and within the timeout (default 0)
  --json                print the server's exact result; with --list and --servers an object a line
  --quiet               don't show what the server says in the course of the call
  --version, --help

Examples:
  mcp-call echo '{"text":"hello"}'
  mcp-call --timeout 500ms --server time get_current_time '{"timezone":"UTC"}'
  mcp-call --json my_tool "$(cat arguments.json)" | jq .structuredContent
  mcp-call --list --json | jq 'select(.name == "echo").inputSchema'

Text that the tool answers goes to standard output as it is, each other block as a line in
brackets, e.g. [image image/png, 640x480, 1234 bytes]; errors go to standard error, and so does what
the server says while the tool runs: log messages, and progress, as a bar on a terminal and otherwise
as a line each. Ctrl-C cancels the call: the MCP server is told.

To have names completed as you type:  source <(mcp-call --completion bash)

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

// Reads the file that `flag` names, if any, into `text`. What is wrong with that, in a sentence;
// empty: nothing.
std::string ReadFile(const absl::Flag<std::string>& flag, std::string& text) {
  const auto path = absl::GetFlag(flag);
  if (path.empty()) return {};
  std::ifstream file(path);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) return path + " can't be read, or is empty";
  text = content.str();
  return {};
}

// Where no flag asks for TLS, nullopt.
Outcome<std::optional<TlsOptions>> TlsFromFlags() {
  TlsOptions tls{.server_name = absl::GetFlag(FLAGS_tls_name)};
  for (const auto& problem : {ReadFile(FLAGS_tls_ca, tls.root_certificates),
                              ReadFile(FLAGS_tls_cert, tls.client_certificates),
                              ReadFile(FLAGS_tls_key, tls.client_key)}) {
    if (!problem.empty()) return CallError{.message = problem};
  }
  if (tls.client_certificates.empty() != tls.client_key.empty()) {
    return CallError{.message = "--tls_cert and --tls_key go together"};
  }
  const bool wanted = absl::GetFlag(FLAGS_tls) || !tls.server_name.empty() ||
                      !tls.root_certificates.empty() || !tls.client_certificates.empty() ||
                      !tls.client_key.empty();  // no file that was read is empty
  return wanted ? std::optional(std::move(tls)) : std::nullopt;
}

// Errors: what is wrong with the flags, as `message`.
Outcome<ClientOptions> OptionsFromFlags() {
  ClientOptions options{.api_key = absl::GetFlag(FLAGS_api_key),
                        .retries = {.attempts = 1 + absl::GetFlag(FLAGS_retries)}};
  const char* key = std::getenv("MCP_BRIDGE_API_KEY");
  if (options.api_key.empty() && key != nullptr) options.api_key = key;
  auto tls = TlsFromFlags();
  if (!tls) return tls.error();
  options.tls = *std::move(tls);
  return options;
}

// From now on.
CallOptions BoundsFromFlags() {
  CallOptions options;
  const auto timeout = absl::GetFlag(FLAGS_timeout);
  if (timeout < absl::Hours(24 * 365)) {
    options.deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout);
  }
  return options;
}

int ListServers(const ClientOptions& options) {
  Client client(absl::GetFlag(FLAGS_address), options);
  const auto servers = client.ListServers(BoundsFromFlags());
  if (!servers) return Fail(servers.error());
  const bool json = absl::GetFlag(FLAGS_json);
  return Write(json ? PrintServersAsJson(*servers) : PrintServers(*servers), kOk);
}

int ListTools(const ClientOptions& options) {
  Client client(absl::GetFlag(FLAGS_address), options);
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

int Cancelled(int signal) {
  std::fputs("mcp-call: cancelled\n", stderr);
  return 128 + signal;  // as a shell counts it
}

void SayAgain(const CallError& error, std::chrono::milliseconds wait) {
  std::fprintf(stderr, "mcp-call: %s (%s); calling again in %lld ms\n", error.message.c_str(),
               error.reason.c_str(), static_cast<long long>(wait.count()));
}

int CallTool(const CallRequest& request, const ClientOptions& options) {
  CancelOnSignal signals;  // before the first thread is made
  Client client(absl::GetFlag(FLAGS_address), options);
  ProgressView view(stderr, absl::GetFlag(FLAGS_quiet));
  const auto bounds = BoundsFromFlags();
  Retries retries(options.retries, bounds.deadline);
  for (;;) {
    auto call = client.StartCallToolStream(request, view.Events(), bounds);
    signals.Watch(call);
    const auto& outcome = call.Wait();
    const int signal = signals.Stop();
    view.Clear();
    if (outcome) return PrintOutcome(*outcome);
    if (signal != 0) return Cancelled(signal);
    const auto wait = retries.WaitAfter(outcome.error());
    if (!wait) return Fail(outcome.error());
    if (!absl::GetFlag(FLAGS_quiet)) SayAgain(outcome.error(), *wait);
    if (const int arrived = signals.WaitFor(*wait); arrived != 0) return Cancelled(arrived);
  }
}

int PrintCompletionScript(const std::string& shell) {
  const auto script = CompletionScript(shell);
  return script ? Write(*script, kOk) : Usage("--completion knows bash, zsh and fish");
}

int Run(const std::vector<char*>& words) {
  const bool list = absl::GetFlag(FLAGS_list);
  const bool servers = absl::GetFlag(FLAGS_servers);
  if (absl::GetFlag(FLAGS_timeout) <= absl::ZeroDuration())
    return Usage("--timeout must be above 0");
  if (absl::GetFlag(FLAGS_retries) < 0 || absl::GetFlag(FLAGS_retries) > kMostRetries) {
    return Usage("--retries goes from 0 to " + std::to_string(kMostRetries));
  }
  if (list && servers) return Usage("--list and --servers exclude each other");
  const auto shell = absl::GetFlag(FLAGS_completion);
  if (!shell.empty()) return PrintCompletionScript(shell);
  const auto options = OptionsFromFlags();
  if (!options) return Usage(options.error().message);
  if (list || servers) {
    if (words.size() > 1) return Usage(std::string("what is '") + words[1] + "' for?");
    return list ? ListTools(*options) : ListServers(*options);
  }
  if (words.size() < 2) return Usage("which tool?");
  if (words.size() > 3) {
    return Usage(std::string("what is '") + words[3] + "' for? Quote the arguments as one word");
  }
  return CallTool({.server = absl::GetFlag(FLAGS_server),
                   .tool = words[1],
                   .arguments_json = words.size() > 2 ? words[2] : "",
                   .exact_json = absl::GetFlag(FLAGS_json)},
                  *options);
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

// Of a bridge that answers at once; of any other, none.
std::vector<Candidate> CandidatesFor(const TypedWord& typed) {
  std::vector<Candidate> candidates;
  if (typed.kind == TypedWord::Kind::kFlag) return FlagCandidates();
  if (typed.kind == TypedWord::Kind::kShell) return {{"bash", ""}, {"zsh", ""}, {"fish", ""}};
  const auto options = OptionsFromFlags();
  if (typed.kind == TypedWord::Kind::kNothing || !options) return candidates;
  Client client(absl::GetFlag(FLAGS_address), *options);
  if (typed.kind == TypedWord::Kind::kServer) {
    const auto servers = client.ListServers({.timeout = kCompletionTime});
    if (!servers) return candidates;
    for (const auto& server : *servers) candidates.push_back({server.name, server.description});
    return candidates;
  }
  const auto list = client.ListTools(absl::GetFlag(FLAGS_server), {.timeout = kCompletionTime});
  if (!list) return candidates;
  for (const auto& tool : list->tools) candidates.push_back({tool.name, tool.description});
  return candidates;
}

// For the scripts of --completion: what the last word of `line` may become.
int Complete(const char* program, const std::string& line) {
  const auto typed = TypedWordOf(line);
  std::vector<std::string> flags = {program};
  flags.insert(flags.end(), typed.connection.begin(), typed.connection.end());
  std::vector<char*> words;
  for (auto& flag : flags) words.push_back(flag.data());
  words.push_back(nullptr);
  ParseFlags(static_cast<int>(flags.size()), words.data());
  return Write(PrintCandidates(CandidatesFor(typed), typed.begun), kOk);
}

int Main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--complete") return Complete(argv[0], argv[2]);
  if (Asks(argc, argv, "--help") || Asks(argc, argv, "-h")) return Write(std::string(kHelp), kOk);
  if (Asks(argc, argv, "--version")) return Write("mcp-call " MCPBRIDGE_VERSION "\n", kOk);
  absl::SetProgramUsageMessage(
      "mcp-call [FLAGS] TOOL ['{\"name\":\"value\"}']; see mcp-call --help");
  return Run(ParseFlags(argc, argv));
}

}  // namespace
}  // namespace mcpbridge::client

int main(int argc, char** argv) { return mcpbridge::client::Main(argc, argv); }
