#include "server/frontend/http/sse_channel.h"

#include <utility>

namespace mcpbridge {

SseChannel::SseChannel(std::string id, Scope scope, std::size_t max_bytes,
                       std::function<void()> wake)
    : id_(std::move(id)), scope_(std::move(scope)), max_bytes_(max_bytes), wake_(std::move(wake)) {}

void SseChannel::Send(std::string event) {
  const std::lock_guard lock(mutex_);
  if (!wake_) return;
  const auto wake = wake_;
  if (!events_.empty() && bytes_ + event.size() > max_bytes_) {
    wake_ = nullptr;
  } else {
    bytes_ += event.size();
    events_.push_back(std::move(event));
  }
  wake();
}

std::optional<std::string> SseChannel::Take() {
  const std::lock_guard lock(mutex_);
  if (events_.empty()) return std::nullopt;
  std::string event = std::move(events_.front());
  events_.pop_front();
  bytes_ -= event.size();
  return event;
}

void SseChannel::Close() {
  const std::lock_guard lock(mutex_);
  if (const auto wake = std::exchange(wake_, nullptr)) wake();
}

bool SseChannel::over() const {
  const std::lock_guard lock(mutex_);
  return !wake_;
}

std::shared_ptr<ClientSession> SseChannel::session() const {
  const std::lock_guard lock(mutex_);
  return session_;
}

std::shared_ptr<ClientSession> SseChannel::SetSession(std::shared_ptr<ClientSession> session) {
  const std::lock_guard lock(mutex_);
  std::swap(session_, session);
  if (wake_) wake_();
  return session;
}

void SseChannels::Add(std::shared_ptr<SseChannel> channel) {
  const std::lock_guard lock(mutex_);
  channels_.emplace(channel->id(), std::move(channel));
}

void SseChannels::Remove(const SseChannel& channel) {
  const std::lock_guard lock(mutex_);
  channels_.erase(channel.id());
}

std::shared_ptr<SseChannel> SseChannels::Find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = channels_.find(std::string(id));
  return found == channels_.end() || found->second->over() ? nullptr : found->second;
}

}  // namespace mcpbridge
