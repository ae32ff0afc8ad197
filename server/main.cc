// mcp-bridge: flags, configuration, signals, exit codes. Everything else is in app/ and below.

#include <absl/flags/flag.h>
#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <absl/flags/usage_config.h>
#include <absl/strings/match.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/app/app.h"
#include "server/app/config_watch.h"
#include "server/app/init_process.h"
#include "server/app/reloader.h"
#include "server/base/log.h"
#include "server/base/version.h"
#include "server/config/load.h"
#include "server/healthcheck.h"
#include "server/runtime/executor.h"

ABSL_FLAG(std::string, config, "",
          "The YAML file with mcp_servers, general_settings and bridge (docs/configuration.md).");
ABSL_FLAG(bool, check_config, false,
          "Only check the configuration: exit 0 if it is good, 2 if not.");
ABSL_FLAG(
    std::string, http_listen, "",
    "Where MCP clients connect, instead of bridge.http_listen: host:port (port 0: any free one)"
    " or unix:/path. Default 127.0.0.1:4000.");
ABSL_FLAG(std::string, grpc_listen, "",
          "Where gRPC clients connect, instead of bridge.grpc_listen. Default 127.0.0.1:50051.");
ABSL_FLAG(std::string, admin_listen, "",
          "Where operators connect (status page, metrics), instead of bridge.admin_listen; off:"
          " nowhere. Default 127.0.0.1:4001.");
ABSL_FLAG(bool, allow_unauthenticated, false,
          "Listen beyond this machine although general_settings.master_key is not set: whoever can"
          " reach the port can call every tool.");
ABSL_FLAG(std::string, log_level, "",
          "trace, debug, info, warn, error or off, instead of bridge.log_level. Default info.");
ABSL_FLAG(std::string, service, "",
          "healthcheck: whose health to ask for; mcp.NAME for a configured server, empty for the"
          " bridge itself.");
ABSL_FLAG(absl::Duration, timeout, absl::Seconds(1),
          "healthcheck: how long to wait for the answer, e.g. 500ms, 2s.");

namespace {

using mcpbridge::Config;
using mcpbridge::ConfigError;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

constexpr char kUsage[] =
    "MCP tools for any language: typed gRPC and streamable HTTP in front of real MCP servers.\n"
    "\n"
    "  mcp-bridge --config=bridge.yaml                 serve until SIGTERM or Ctrl-C\n"
    "  mcp-bridge --config=bridge.yaml --check_config  only check the file\n"
    "  mcp-bridge healthcheck [--grpc_listen=ADDRESS]  ask a bridge that runs how it is, over "
    "gRPC\n"
    "\n"
    "A smallest configuration:\n"
    "\n"
    "  mcp_servers:\n"
    "    time:\n"
    "      command: mcp-server-time\n"
    "\n"
    "Once it serves it prints one line to standard output:\n"
    "\n"
    "  ready http=127.0.0.1:4000 grpc=127.0.0.1:50051 admin=127.0.0.1:4001\n"
    "\n"
    "SIGHUP has it read the file again, and so does a change of the file (bridge.reload). A file "
    "that\n"
    "isn't good, or changes what only a start can, changes nothing; the log says why.\n"
    "\n"
    "It logs to standard error. SIGTERM and SIGINT let calls under way finish "
    "(bridge.drain_grace);\n"
    "a second one exits at once. Exit codes: 0 stopped, 1 could not serve, 2 wrong flags or file.\n"
    "\n"
    "healthcheck asks at --grpc_listen, at what --config says, or at 127.0.0.1:50051, and needs "
    "no\n"
    "key. Its exit codes: 0 serving, 1 not serving or no answer in time, 2 wrong flags or file.";

int Report(const std::vector<ConfigError>& errors) {
  for (const ConfigError& error : errors) std::fprintf(stderr, "%s\n", error.ToString().c_str());
  std::fprintf(stderr, "%zu error%s; nothing was started.\n", errors.size(),
               errors.size() == 1 ? "" : "s");
  return kExitUsage;
}

// Puts `flag` in the place of `setting`. False: it isn't an address.
bool Override(const std::string& flag, const char* name, mcpbridge::ListenAddress& setting) {
  if (flag.empty()) return true;
  const auto address = mcpbridge::ParseListenAddress(flag);
  if (!address) {
    std::fprintf(stderr, "--%s=%s: not host:port and not unix:/path\n", name, flag.c_str());
    return false;
  }
  setting = *address;
  return true;
}

bool ApplyFlags(Config& config) {
  if (!Override(absl::GetFlag(FLAGS_http_listen), "http_listen", config.bridge.http_listen) ||
      !Override(absl::GetFlag(FLAGS_grpc_listen), "grpc_listen", config.bridge.grpc_listen)) {
    return false;
  }
  const std::string admin = absl::GetFlag(FLAGS_admin_listen);
  if (admin == "off") {
    config.bridge.admin_listen.reset();
  } else if (!admin.empty()) {
    if (!Override(admin, "admin_listen", config.bridge.admin_listen.emplace())) return false;
  }
  if (absl::GetFlag(FLAGS_allow_unauthenticated)) config.bridge.allow_unauthenticated = true;
  const std::string level = absl::GetFlag(FLAGS_log_level);
  if (level.empty()) return true;
  if (spdlog::level::from_str(level) == spdlog::level::off && level != "off") {
    std::fprintf(stderr, "--log_level=%s: not trace, debug, info, warn, error or off\n",
                 level.c_str());
    return false;
  }
  config.bridge.log_level = level;
  return true;
}

// `mcp-bridge healthcheck`: 0 serving, 1 not, 2 wrong flags or file. The file is read only where it
// has to say the address: a probe doesn't depend on what is being edited there.
int RunHealthcheck() {
  Config config;
  const std::string file = absl::GetFlag(FLAGS_config);
  const std::string address = absl::GetFlag(FLAGS_grpc_listen);
  if (address.empty() && !file.empty()) {
    auto loaded = mcpbridge::LoadConfig(file);
    if (const auto* errors = std::get_if<std::vector<ConfigError>>(&loaded)) return Report(*errors);
    config = std::move(std::get<Config>(loaded));
  }
  if (!Override(address, "grpc_listen", config.bridge.grpc_listen)) return kExitUsage;
  const auto& listen = config.bridge.grpc_listen;
  if (!listen.is_unix() && listen.port == 0) {
    std::fprintf(stderr, "Port 0 is any free port: say with --grpc_listen which one it is.\n");
    return kExitUsage;
  }
  const absl::Duration timeout = absl::GetFlag(FLAGS_timeout);
  if (timeout < absl::Milliseconds(1) || timeout > absl::Minutes(1)) {
    std::fprintf(stderr, "--timeout must be between 1ms and 1m.\n");
    return kExitUsage;
  }
  return mcpbridge::Healthcheck(listen, absl::GetFlag(FLAGS_service),
                                absl::ToChronoMilliseconds(timeout));
}

// What is wrong with a command line that isn't a healthcheck's; nullptr: nothing.
const char* UsageError(const std::vector<char*>& rest) {
  if (rest.size() > 1) return "Only flags are taken, and the word healthcheck.";
  if (absl::GetFlag(FLAGS_config).empty()) return "--config=FILE is missing.";
  if (!absl::GetFlag(FLAGS_service).empty() || absl::GetFlag(FLAGS_timeout) != absl::Seconds(1)) {
    return "--service and --timeout are for healthcheck.";
  }
  return nullptr;
}

// Thousands of connections need as many descriptors.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

extern "C" void ExitAtOnce(int) {
  constexpr char kText[] = "second signal: exiting at once\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kText, sizeof(kText) - 1);
  _exit(kExitFailed);
}

extern "C" void StopTookTooLong(int) {
  constexpr char kText[] = "stopping took too long: exiting at once\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kText, sizeof(kText) - 1);
  _exit(kExitFailed);
}

// From the first signal on: a second one, or no end in sight, exits without waiting for anything.
void ArmLastResort(std::chrono::milliseconds drain_grace, const sigset_t& signals) {
  // Beside the grace: two seconds each for a session to close, and for a process after each signal.
  constexpr unsigned kBeyondGrace = 15;
  signal(SIGTERM, &ExitAtOnce);
  signal(SIGINT, &ExitAtOnce);
  signal(SIGALRM, &StopTookTooLong);
  alarm(static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(drain_grace).count()) +
        kBeyondGrace);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

sigset_t With(sigset_t signals, int one) {
  sigaddset(&signals, one);
  return signals;
}

// From the last change near the file to its being read again: an editor and a volume make several.
constexpr std::chrono::milliseconds kQuiet{200};
// From the first of them, however many come.
constexpr std::chrono::seconds kLongestQuiet{2};

// Reloads when that is due, until a signal says stop: which. `signals`: those and SIGHUP, blocked.
int ReloadUntilStopped(const sigset_t& signals, mcpbridge::ConfigWatch& watch,
                       mcpbridge::Reloader& reloader) {
  using Clock = std::chrono::steady_clock;
  const int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  std::array<pollfd, 2> fds{{{.fd = signal_fd, .events = POLLIN, .revents = 0},
                             {.fd = watch.fd(), .events = POLLIN, .revents = 0}}};
  std::optional<Clock::time_point> first;
  Clock::time_point due;
  for (;;) {
    int wait = -1;
    if (first) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now());
      wait = static_cast<int>(std::max<std::chrono::milliseconds::rep>(0, left.count()));
    }
    for (pollfd& one : fds) one.revents = 0;
    poll(fds.data(), fds.size(), wait);
    signalfd_siginfo received{};
    if (fds[0].revents != 0 && read(signal_fd, &received, sizeof(received)) > 0) {
      if (received.ssi_signo != SIGHUP) {
        close(signal_fd);
        return static_cast<int>(received.ssi_signo);
      }
      watch.Renew();
      reloader.OnSignal();
    }
    const auto now = Clock::now();
    if (fds[1].revents != 0) {
      watch.Renew();
      if (!first) first = now;
      due = std::min(now + kQuiet, *first + kLongestQuiet);
    }
    if (first && now >= due) {
      first.reset();
      reloader.OnFile();
    }
  }
}

int Serve(const Config& config, const std::string& file, std::string text,
          mcpbridge::ConfigWatch& watch) {
  // Blocked before any thread is started, so that they come to where they are waited for and
  // nowhere else; one that comes during the start waits there.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  mcpbridge::Executor executor({.lanes = config.bridge.lanes,
                                .grpc_threads_per_queue = config.bridge.grpc_threads_per_queue});
  mcpbridge::App app(config, executor);
  const auto addresses = app.Start();
  if (!addresses) {
    std::fprintf(stderr, "%s\n", addresses.error().message.c_str());
    return kExitFailed;
  }
  std::printf("ready http=%s grpc=%s", addresses->http.c_str(), addresses->grpc.c_str());
  if (!addresses->admin.empty()) std::printf(" admin=%s", addresses->admin.c_str());
  std::printf("\n");
  std::fflush(stdout);

  mcpbridge::Reloader reloader(
      file, std::move(text), [](Config& read) { ApplyFlags(read); }, app);
  const int received = ReloadUntilStopped(With(signals, SIGHUP), watch, reloader);
  ArmLastResort(app.config().bridge.drain_grace, signals);
  app.Stop(received == SIGTERM ? "SIGTERM" : "SIGINT");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(kUsage);
  absl::FlagsUsageConfig usage;
  usage.contains_helpshort_flags = [](absl::string_view file) {
    return absl::EndsWith(file, "server/main.cc");
  };
  usage.contains_help_flags = usage.contains_helpshort_flags;
  usage.version_string = [] { return "mcp-bridge " + std::string(mcpbridge::kVersion) + "\n"; };
  absl::SetFlagsUsageConfig(usage);
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() == 2 && std::string_view(rest[1]) == "healthcheck") return RunHealthcheck();
  if (const char* error = UsageError(rest)) {
    std::fprintf(stderr, "%s\nmcp-bridge --help tells more.\n", error);
    return kExitUsage;
  }
  if (!absl::GetFlag(FLAGS_check_config)) {
    if (const std::optional<int> code = mcpbridge::GoOnBelowInit()) return *code;
  }
  const std::string file = absl::GetFlag(FLAGS_config);
  // Before the file is read: a change that comes later is seen.
  mcpbridge::ConfigWatch watch(file);
  const sigset_t hangup = With(sigset_t{}, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &hangup, nullptr);
  auto read = mcpbridge::ReadConfigFile(file);
  if (const auto* error = std::get_if<ConfigError>(&read)) return Report({*error});
  std::string& text = std::get<std::string>(read);
  auto loaded = mcpbridge::ParseConfig(text, file);
  if (const auto* errors = std::get_if<std::vector<ConfigError>>(&loaded)) return Report(*errors);
  Config& config = std::get<Config>(loaded);
  if (!ApplyFlags(config)) return kExitUsage;
  const std::vector<ConfigError> errors = mcpbridge::CheckConfig(config, file);
  if (!errors.empty()) return Report(errors);
  if (absl::GetFlag(FLAGS_check_config)) {
    std::printf("%s is good: %zu server%s.\n", file.c_str(), config.servers.size(),
                config.servers.size() == 1 ? "" : "s");
    return 0;
  }
  mcpbridge::InitLogging(config.bridge.log_level);
  // Debian builds abseil so that each of gRPC's locks looks for deadlocks, which takes a twelfth of
  // a gRPC call's CPU time.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  RaiseDescriptorLimit();
  return Serve(config, file, std::move(text), watch);
}
