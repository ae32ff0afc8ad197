#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/runtime/lane.h"
#include "server/upstream/status.h"
#include "server/upstream/stdio_supervisor.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// An MCP server that is a child process and talks over its standard input and output: one process,
// supervised, on which all calls are multiplexed under ids of our own.
//
// The destructor kills what is left of the process's group and waits for that; it may run on any
// thread but another lane's.
class StdioUpstream final : public Upstream {
 public:
  using Limits = StdioLimits;

  // `use.lists_changed` runs on `home`.
  StdioUpstream(const ServerConfig& config, Lane& home, const Limits& limits, UpstreamUse use);
  ~StdioUpstream() override;

  Lane* home() override { return &supervisor_->home(); }
  void Start() override;
  void Wake() override;
  Result<std::unique_ptr<Exchange>> Send(Lane& lane, UpstreamRequest request,
                                         ReplyHandler& handler) override;
  void Notify(std::string notification) override;
  void Stop(std::string why, std::function<void()> done) override;

  // How many replies came for requests that were no longer waiting. Any thread.
  std::uint64_t late_replies() const { return supervisor_->late_replies(); }

 private:
  const std::shared_ptr<StdioSupervisor> supervisor_;
  bool started_ = false;
};

}  // namespace mcpbridge
