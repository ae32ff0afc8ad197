#include "server/upstream/stdio_upstream.h"

#include <future>
#include <utility>

#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

// One line: line ends, which JSON allows between its tokens, become spaces. CR as well: some
// servers read with universal line ends.
std::string RequestLine(std::int64_t id, const UpstreamRequest& request) {
  const std::string raw_id = std::to_string(id);
  std::string line = jsonrpc::RequestMessage(raw_id, request.method, request.ParamsFor(raw_id));
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  line += '\n';
  return line;
}

}  // namespace

StdioUpstream::StdioUpstream(const ServerConfig& config, Lane& home, const Limits& limits,
                             UpstreamUse use)
    : Upstream(config),
      supervisor_(std::make_shared<StdioSupervisor>(config, home, limits, std::move(use))) {}

StdioUpstream::~StdioUpstream() {
  if (!started_) return;
  Lane& home = supervisor_->home();
  if (home.OnThisThread() || home.io().stopped()) {
    supervisor_->Shutdown();
    return;
  }
  std::promise<void> gone;
  const std::future<void> wait = gone.get_future();
  home.Post([this, gone = std::move(gone)]() mutable {
    supervisor_->Shutdown();
    gone.set_value();
  });
  wait.wait();
}

void StdioUpstream::Start() {
  started_ = true;
  supervisor_->home().Post([supervisor = supervisor_] { supervisor->Start(); });
}

void StdioUpstream::Wake() {
  supervisor_->home().Post([supervisor = supervisor_] { supervisor->Wake(); });
}

Result<std::unique_ptr<Exchange>> StdioUpstream::Send(Lane& lane, UpstreamRequest request,
                                                      ReplyHandler& handler) {
  const std::int64_t id = supervisor_->NextId();
  return SendMultiplexed(
      supervisor_, lane,
      {.id = id, .text = RequestLine(id, request), .takes_messages = request.takes_messages},
      handler);
}

void StdioUpstream::Notify(std::string notification) {
  supervisor_->home().Post(
      [supervisor = supervisor_, notification = std::move(notification)]() mutable {
        supervisor->Notify(std::move(notification));
      });
}

void StdioUpstream::Stop(std::string why, std::function<void()> done) {
  Lane& home = supervisor_->home();
  if (home.io().stopped()) {
    supervisor_->Shutdown();
    return done();
  }
  home.Post([supervisor = supervisor_, why = std::move(why), done = std::move(done)]() mutable {
    supervisor->Stop(std::move(why), std::move(done));
  });
}

}  // namespace mcpbridge
