#include "server/observe/observer.h"

#include <unistd.h>

namespace mcpbridge {

Observer::Observer(Executor& executor, AccessLog::Format format) {
  if (format != AccessLog::Format::kOff) {
    log_ = std::make_unique<AccessLog>(executor, format, STDERR_FILENO);
  }
  for (int i = 0; i < executor.lane_count(); ++i) {
    lanes_.push_back(std::make_unique<LaneCalls>(*this, executor.lane(i), log_.get()));
  }
}

Observer::~Observer() = default;

std::size_t Observer::SlotOf(std::string_view server) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (servers_[i]->name == server) return i;
  }
  servers_.push_back(std::make_unique<Server>());
  servers_.back()->name = server;
  return servers_.size() - 1;
}

const std::string& Observer::NameOf(std::size_t slot) const {
  const std::lock_guard lock(mutex_);
  return servers_[slot]->name;
}

const std::string* Observer::LabelFor(std::size_t slot, std::string_view tool) {
  const std::lock_guard lock(mutex_);
  auto& tools = servers_[slot]->tools;
  const auto known = tools.find(tool);
  if (known != tools.end()) return &*known;
  if (tools.size() >= kMostTools) return nullptr;
  return &*tools.emplace(tool).first;
}

}  // namespace mcpbridge
