// fake-stdio-server: an MCP server on standard input and output with faults, steered by its flags
// and by the names of the tools that are called.
//
// Flags, any number of them:
//   --crash_at_start          exits with 3 before it reads anything
//   --crash_once=FILE         the same, but only if FILE doesn't exist; creates it
//   --hang_in_initialize      never answers initialize
//   --fail_initialize         answers initialize with an error
//   --exit_after_initialize   answers initialize, then exits with 0
//   --protocol_version=V      answers initialize with V
//   --era=E                   legacy (the default), modern (MCP 2026-07-28: refuses initialize) or
//   dual
//                             (either; what comes first decides for good)
//   --exit_at_probe           exits with 4 at a server/discover
//   --ignore_stdin_eof        stays when its input ends
//   --ignore_sigterm          stays when it gets SIGTERM
//   --spawn_grandchild        starts a process that keeps its streams open and ignores SIGTERM
//   --noise                   writes to standard error at start and at every message
//   --resources               has a resource, x:1, which can be subscribed to
//
// Tools:
//   echo{text}         answers its text
//   env                answers the environment, NAME=VALUE a line, as text
//   args               answers its flags, one a line
//   pids               answers its own process id and the grandchild's (0: none), "A B"
//   cancels            answers the requestIds of all cancellations so far, raw, one a line
//   sleep{ms}          answers "slept MS" after a while; cancelled: not at all
//   never              doesn't answer
//   waiting            answers how many never{} wait, and haven't been cancelled
//   steps              says progress once, then answers
//   ask                asks for a name (elicitation), then answers "hello NAME"
//   late               answers only after it has been cancelled
//   crash              exits with 3, every call unanswered
//   garbage            writes a line that is no JSON, then answers
//   wrong_id           answers under an id that nobody asked with, then under the right one
//   twice              answers two times
//   huge{n}            answers n bytes of text in one line
//   stderr{n}          writes n lines to standard error, then answers
//   close_stdout       closes its output, stays alive
//   stop_reading       answers, then reads no more input
//   notify             sends a notification and a request of its own (ping), then answers
//   grow               has one tool more from now on, `grown`, and says so, then answers
//   touch              says that x:1 was updated to who has subscribed to it, then answers

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fakes/fake_json.h"

extern char** environ;

namespace mcpbridge {
namespace {

using Clock = std::chrono::steady_clock;

// No fake outlives a test that went wrong by more than this.
constexpr unsigned kLifetimeSeconds = 120;
constexpr int kCrash = 3;
constexpr int kProbed = 4;

struct Flags {
  std::vector<std::string> all;

  bool Has(const std::string& name) const {
    return std::find(all.begin(), all.end(), "--" + name) != all.end();
  }
  std::optional<std::string> Value(const std::string& name) const {
    const std::string prefix = "--" + name + "=";
    for (const std::string& flag : all) {
      if (flag.starts_with(prefix)) return flag.substr(prefix.size());
    }
    return std::nullopt;
  }
};

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void SendLine(std::string line) { WriteAll(STDOUT_FILENO, line.append("\n")); }

// A process that holds the streams it inherits and ends by itself only.
pid_t SpawnGrandchild() {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::signal(SIGTERM, SIG_IGN);
  ::alarm(kLifetimeSeconds);
  for (;;) ::pause();
}

class Server {
 public:
  Server(Flags flags, pid_t grandchild) : flags_(std::move(flags)), grandchild_(grandchild) {}

  int Run();

 private:
  struct Sleeper {
    Clock::time_point until;
    std::string id;
    std::string result;
  };
  struct Call {
    std::string id;
    std::map<std::string, std::string> arguments;
    std::map<std::string, std::string> params;

    long Number(const std::string& name) const {
      const auto at = arguments.find(name);
      return at == arguments.end() ? 0 : std::atol(at->second.c_str());
    }
  };

  void OnLine(const std::string& line);
  void OnInitialize(const std::string& id);
  void OnDiscover(const std::string& id);
  void OnAnswer(const std::string& id, const std::string& result);
  bool AskingTool(const Call& call, const std::string& tool);
  void Refuse(const std::string& id, const std::string& error) {
    SendLine(R"({"jsonrpc":"2.0","id":)" + id + R"(,"error":)" + error + "}");
  }
  void OnCancelled(const std::string& id);
  void OnCall(const Call& call, const std::string& tool);
  bool InspectionTool(const Call& call, const std::string& tool);
  bool TimingTool(const Call& call, const std::string& tool);
  bool FaultTool(const Call& call, const std::string& tool);
  void ListTools(const std::string& id);
  bool ResourceRequest(const std::string& method, const std::string& id,
                       std::map<std::string, std::string>& params);
  void Listen(const std::string& id, const std::string& notifications);
  bool ChangingTool(const Call& call, const std::string& tool);
  void Announce(const std::string& method, const std::string& params, const std::string& wanted);
  std::string Capabilities() const {
    return flags_.Has("resources") ? R"({"tools":{},"resources":{"subscribe":true}})"
                                   : R"({"tools":{}})";
  }
  void AnswerText(const std::string& id, std::string_view text) {
    std::string result = TextResult(JsonQuote(text));
    if (modern_) result.insert(1, R"("resultType":"complete",)");
    SendLine(ResultMessage(id, result));
  }
  void WakeSleepers();
  int PollTimeout() const;

  const Flags flags_;
  const pid_t grandchild_;
  std::string input_;
  std::vector<Sleeper> sleepers_;
  bool modern_ = false;            // by what came first
  std::vector<std::string> late_;  // ids
  std::vector<std::string> never_;
  std::map<std::string, std::string> asked_;  // our question's id, raw: the call's
  std::vector<std::string> cancels_;
  bool grown_ = false;
  bool subscribed_ = false;                     // to x:1, in the legacy era
  std::map<std::string, std::string> listens_;  // by raw id: the notifications that are wanted
  bool reading_ = true;
};

int Server::PollTimeout() const {
  if (sleepers_.empty()) return -1;
  const auto first =
      std::min_element(sleepers_.begin(), sleepers_.end(),
                       [](const Sleeper& a, const Sleeper& b) { return a.until < b.until; });
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first->until - Clock::now());
  return static_cast<int>(std::max<long>(0, left.count()));
}

int Server::Run() {
  for (;;) {
    pollfd input{.fd = reading_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
    ::poll(&input, 1, PollTimeout());
    WakeSleepers();
    if (input.revents == 0) continue;
    char bytes[65536];
    const ssize_t size = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (size <= 0) {
      if (!flags_.Has("ignore_stdin_eof")) return 0;
      reading_ = false;
      continue;
    }
    input_.append(bytes, static_cast<std::size_t>(size));
    for (std::size_t end = 0; reading_ && (end = input_.find('\n')) != std::string::npos;) {
      const std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      OnLine(line);
    }
  }
}

void Server::WakeSleepers() {
  const Clock::time_point now = Clock::now();
  for (std::size_t i = 0; i < sleepers_.size();) {
    if (sleepers_[i].until > now) {
      ++i;
      continue;
    }
    SendLine(ResultMessage(sleepers_[i].id, sleepers_[i].result));
    sleepers_.erase(sleepers_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void Server::OnLine(const std::string& line) {
  if (flags_.Has("noise")) WriteAll(STDERR_FILENO, "fake-stdio-server: got a message\n");
  auto message = JsonMembers(line);
  const std::string method = JsonString(message["method"]);
  const std::string id = message["id"];
  auto params = JsonMembers(message["params"]);
  if (method.empty()) {
    OnAnswer(id, message["result"]);
  } else if (method == "initialize") {
    OnInitialize(id);
  } else if (method == "server/discover") {
    OnDiscover(id);
  } else if (method == "notifications/cancelled") {
    OnCancelled(params["requestId"]);
  } else if (method == "tools/call") {
    OnCall({id, JsonMembers(params["arguments"]), params}, JsonString(params["name"]));
  } else if (method == "tools/list") {
    ListTools(id);
  } else if (method == "ping") {
    SendLine(ResultMessage(id, "{}"));
  } else if (method == "subscriptions/listen" && modern_) {
    Listen(id, params["notifications"]);
  } else if (flags_.Has("resources") && ResourceRequest(method, id, params)) {
    return;
  } else if (!id.empty() && !method.empty()) {
    SendLine(R"({"jsonrpc":"2.0","id":)" + id +
             R"(,"error":{"code":-32601,"message":"Method not found"}})");
  }
}

void Server::OnDiscover(const std::string& id) {
  if (flags_.Has("exit_at_probe")) std::_Exit(kProbed);
  if (flags_.Value("era").value_or("legacy") == "legacy") {
    return Refuse(id, R"({"code":-32601,"message":"Method not found"})");
  }
  modern_ = true;
  SendLine(ResultMessage(
      id,
      R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":)" +
          Capabilities() +
          R"(,"ttlMs":0,"cacheScope":"private",)"
          R"("_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fake-stdio","version":"1"}}})"));
}

void Server::OnAnswer(const std::string& id, const std::string& result) {
  const auto asked = asked_.find(id);
  if (asked == asked_.end()) return;
  auto content = JsonMembers(JsonMembers(result)["content"]);
  AnswerText(asked->second, "hello " + JsonString(content["name"]));
  asked_.erase(asked);
}

void Server::OnInitialize(const std::string& id) {
  if (modern_ || flags_.Value("era").value_or("") == "modern") {
    return Refuse(id, R"({"code":-32022,"message":"unsupported protocol version"})");
  }
  if (flags_.Has("hang_in_initialize")) return;
  if (flags_.Has("fail_initialize")) {
    return SendLine(R"({"jsonrpc":"2.0","id":)" + id +
                    R"(,"error":{"code":-32603,"message":"not today"}})");
  }
  const std::string version = flags_.Value("protocol_version").value_or("2025-11-25");
  SendLine(ResultMessage(id, R"({"protocolVersion":)" + JsonQuote(version) + R"(,"capabilities":)" +
                                 Capabilities() +
                                 R"(,"serverInfo":{"name":"fake-stdio","version":"1"}})"));
  if (flags_.Has("exit_after_initialize")) std::exit(0);
}

void Server::OnCancelled(const std::string& id) {
  cancels_.push_back(id);
  std::erase(never_, id);
  listens_.erase(id);
  std::erase_if(sleepers_, [&](const Sleeper& sleeper) { return sleeper.id == id; });
  if (std::erase(late_, id) > 0) AnswerText(id, "late");
}

void Server::OnCall(const Call& call, const std::string& tool) {
  if (InspectionTool(call, tool) || TimingTool(call, tool) || AskingTool(call, tool) ||
      FaultTool(call, tool) || ChangingTool(call, tool)) {
    return;
  }
  SendLine(R"({"jsonrpc":"2.0","id":)" + call.id +
           R"(,"error":{"code":-32602,"message":"Unknown tool"}})");
}

bool Server::InspectionTool(const Call& call, const std::string& tool) {
  std::string text;
  if (tool == "echo") {
    const auto at = call.arguments.find("text");
    text = at == call.arguments.end() ? "" : JsonString(at->second);
    AnswerText(call.id, text);
    return true;
  }
  if (tool == "env") {
    for (char** entry = environ; *entry != nullptr; ++entry) text.append(*entry).append("\n");
  } else if (tool == "args") {
    for (const std::string& flag : flags_.all) text.append(flag).append("\n");
  } else if (tool == "pids") {
    text = std::to_string(::getpid()) + " " + std::to_string(grandchild_);
  } else if (tool == "cancels") {
    for (const std::string& id : cancels_) text.append(id).append("\n");
  } else if (tool == "waiting") {
    text = std::to_string(never_.size());
  } else {
    return false;
  }
  AnswerText(call.id, text);
  return true;
}

bool Server::TimingTool(const Call& call, const std::string& tool) {
  if (tool == "sleep") {
    sleepers_.push_back({Clock::now() + std::chrono::milliseconds(call.Number("ms")), call.id,
                         TextResult("\"slept " + std::to_string(call.Number("ms")) + "\"")});
  } else if (tool == "late") {
    late_.push_back(call.id);
  } else if (tool == "never") {
    never_.push_back(call.id);
  } else {
    return false;
  }
  return true;
}

bool Server::AskingTool(const Call& call, const std::string& tool) {
  static constexpr std::string_view kQuestion =
      R"("method":"elicitation/create","params":{"message":"who?","requestedSchema":{"type":"object"}}})";
  auto params = call.params;
  if (tool == "steps") {
    SendLine(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
             JsonMembers(params["_meta"])["progressToken"] + R"(,"progress":1}})");
    AnswerText(call.id, tool);
    return true;
  }
  if (tool != "ask") return false;
  if (!modern_) {
    const std::string id = "\"ask-" + std::to_string(asked_.size()) + "\"";
    asked_[id] = call.id;
    SendLine(R"({"jsonrpc":"2.0","id":)" + id + "," + std::string(kQuestion));
  } else if (auto answers = JsonMembers(params["inputResponses"]); !answers["name"].empty()) {
    auto content = JsonMembers(JsonMembers(answers["name"])["content"]);
    AnswerText(call.id, "hello " + JsonString(content["name"]));
  } else {
    SendLine(ResultMessage(call.id, R"({"resultType":"input_required","inputRequests":{"name":{)" +
                                        std::string(kQuestion) + "}}"));
  }
  return true;
}

bool Server::FaultTool(const Call& call, const std::string& tool) {
  if (tool == "crash") std::_Exit(kCrash);
  if (tool == "garbage") {
    SendLine("this is no JSON {");
  } else if (tool == "wrong_id") {
    AnswerText("987654321", "for nobody");
  } else if (tool == "twice") {
    AnswerText(call.id, tool);
  } else if (tool == "huge") {
    AnswerText(call.id, std::string(static_cast<std::size_t>(call.Number("n")), 'x'));
    return true;
  } else if (tool == "stderr") {
    for (long i = 0; i < call.Number("n"); ++i) {
      WriteAll(STDERR_FILENO, "fake-stdio-server: noise " + std::to_string(i) + "\n");
    }
  } else if (tool == "close_stdout") {
    ::close(STDOUT_FILENO);
    ::open("/dev/null", O_WRONLY | O_CLOEXEC);  // takes its place: writes must not fail
    return true;
  } else if (tool == "stop_reading") {
    reading_ = false;
  } else if (tool == "notify") {
    SendLine(
        R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}})");
    SendLine(R"({"jsonrpc":"2.0","id":)" + call.id + R"(,"method":"ping"})");
  } else {
    return false;
  }
  AnswerText(call.id, tool);
  return true;
}

bool Server::ResourceRequest(const std::string& method, const std::string& id,
                             std::map<std::string, std::string>& params) {
  if (method == "resources/list") {
    SendLine(ResultMessage(id, R"({"resources":[{"uri":"x:1","name":"x"}]})"));
  } else if (!modern_ && (method == "resources/subscribe" || method == "resources/unsubscribe") &&
             JsonString(params["uri"]) == "x:1") {
    subscribed_ = method == "resources/subscribe";
    SendLine(ResultMessage(id, "{}"));
  } else {
    return false;
  }
  return true;
}

void Server::Listen(const std::string& id, const std::string& notifications) {
  listens_[id] = notifications;
  SendLine(
      R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":)" +
      id + R"(},"notifications":)" + notifications + "}}");
}

// Says it on each subscription that has `wanted`, or, in the legacy era, once.
void Server::Announce(const std::string& method, const std::string& params,
                      const std::string& wanted) {
  const std::string head = R"({"jsonrpc":"2.0","method":")" + method + R"(","params":{)";
  if (!modern_) return SendLine(head + params + "}}");
  for (const auto& [id, notifications] : listens_) {
    if (notifications.find(wanted) == std::string::npos) continue;
    SendLine(head + R"("_meta":{"io.modelcontextprotocol/subscriptionId":)" + id + "}" +
             (params.empty() ? "" : "," + params) + "}}");
  }
}

bool Server::ChangingTool(const Call& call, const std::string& tool) {
  if (tool == "grow") {
    grown_ = true;
    Announce("notifications/tools/list_changed", "", "toolsListChanged");
  } else if (tool == "touch") {
    if (modern_ || subscribed_) {
      Announce("notifications/resources/updated", R"("uri":"x:1")", R"("x:1")");
    }
  } else {
    return false;
  }
  AnswerText(call.id, tool);
  return true;
}

void Server::ListTools(const std::string& id) {
  constexpr std::string_view kTools[] = {
      "echo",   "env",     "args",     "pids",  "cancels", "sleep",  "never",        "late",
      "crash",  "garbage", "wrong_id", "twice", "huge",    "stderr", "close_stdout", "stop_reading",
      "notify", "waiting", "steps",    "ask",   "grow",    "touch"};
  std::string tools;
  for (const std::string_view name : kTools) {
    if (!tools.empty()) tools += ',';
    tools.append(R"({"name":")").append(name).append(R"(","inputSchema":{"type":"object"}})");
  }
  if (grown_) tools += R"(,{"name":"grown","inputSchema":{"type":"object"}})";
  SendLine(ResultMessage(id, R"({"tools":[)" + tools + "]}"));
}

// Whether this start is the one that --crash_once is about.
bool CrashesThisTime(const Flags& flags) {
  const auto file = flags.Value("crash_once");
  if (!file) return flags.Has("crash_at_start");
  const int fd = ::open(file->c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

}  // namespace
}  // namespace mcpbridge

int main(int argc, char** argv) {
  mcpbridge::Flags flags{{argv + 1, argv + argc}};
  ::alarm(mcpbridge::kLifetimeSeconds);
  ::signal(SIGPIPE, SIG_IGN);
  if (flags.Has("ignore_sigterm")) ::signal(SIGTERM, SIG_IGN);
  if (flags.Has("noise")) mcpbridge::WriteAll(STDERR_FILENO, "fake-stdio-server: starting\n");
  if (mcpbridge::CrashesThisTime(flags)) return mcpbridge::kCrash;
  const pid_t grandchild = flags.Has("spawn_grandchild") ? mcpbridge::SpawnGrandchild() : 0;
  return mcpbridge::Server(std::move(flags), grandchild).Run();
}
