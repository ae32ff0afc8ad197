#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "server/frontend/http/http_call.h"
#include "server/frontend/http/sse_channel.h"
#include "server/runtime/lane.h"

namespace mcpbridge {

// One lane's calls that have no connection: those that have lost it, whose clients come back for
// what they say, and those whose clients listen on a channel. Lane-only.
class LoneCalls {
 public:
  // `lane` outlives this.
  explicit LoneCalls(Lane& lane);
  ~LoneCalls();
  LoneCalls(const LoneCalls&) = delete;
  LoneCalls& operator=(const LoneCalls&) = delete;

  // Keeps a call that outlives its connection until it ends.
  void Keep(std::unique_ptr<HttpCall> call);

  // Runs `start`, which answers through what it is given, at once or when the call that it returns
  // has come to its end. The answer goes to `channel`.
  using Start = std::function<std::unique_ptr<HttpCall>(HttpResponder&)>;
  void Run(std::shared_ptr<SseChannel> channel, const Start& start);

  // Ends those of a channel that is over, or all.
  void End(std::string_view channel_id);
  void EndAll();

 private:
  class LoneCall;
  void Remove(std::uint64_t number);

  Lane& lane_;
  std::uint64_t last_number_ = 0;
  std::vector<std::unique_ptr<LoneCall>> calls_;
  // For what is posted to the lane: null once this is gone.
  const std::shared_ptr<LoneCalls*> alive_ = std::make_shared<LoneCalls*>(this);
};

}  // namespace mcpbridge
