#pragma once

#include <atomic>
#include <functional>
#include <utility>

namespace mcpbridge {

// The two eras of MCP (mcp/modern.h), as a server is reached.
enum class Era { kUnknown, kLegacy, kModern };

// Which era's shared session stands for a server: shows its health, gives its lists, and takes the
// callers of the other era where the server speaks that one only. A server that speaks both is
// stood for by the legacy one. Written by its two shared sessions, on their common home lane; read
// on any thread.
class ServerEra {
 public:
  explicit ServerEra(Era era) : era_(era) {}
  ServerEra(const ServerEra&) = delete;
  ServerEra& operator=(const ServerEra&) = delete;

  Era get() const { return era_.load(std::memory_order_acquire); }
  // Whether it has refused the modern era when it was last asked in it.
  bool refuses_modern() const { return refuses_modern_.load(std::memory_order_acquire); }

  // Before anything is started: what makes the other era's session connect at once.
  void SetWake(std::function<void()> legacy, std::function<void()> modern) {
    wake_legacy_ = std::move(legacy);
    wake_modern_ = std::move(modern);
  }

  // The server has taken the handshake of `era`.
  void Opened(Era era) {
    if (era == Era::kModern) refuses_modern_.store(false, std::memory_order_release);
    if (era == Era::kLegacy || get() != Era::kLegacy) era_.store(era, std::memory_order_release);
  }

  // The server has refused it, so it may be of the other one.
  void Refused(Era era) {
    if (era == Era::kModern) refuses_modern_.store(true, std::memory_order_release);
    if (era == Era::kLegacy && wake_modern_ && get() != Era::kModern) {
      era_.store(Era::kUnknown, std::memory_order_release);
      wake_modern_();
    } else if (era == Era::kModern && wake_legacy_ && get() == Era::kModern) {
      era_.store(Era::kUnknown, std::memory_order_release);
      wake_legacy_();
    }
  }

 private:
  std::atomic<Era> era_;
  std::atomic<bool> refuses_modern_{false};
  std::function<void()> wake_legacy_;
  std::function<void()> wake_modern_;
};

}  // namespace mcpbridge
