#pragma once

#include <functional>
#include <memory>

#include "server/frontend/admin/bridge_state.h"
#include "server/frontend/http/http_call.h"
#include "server/runtime/deadline_queue.h"

namespace mcpbridge {

// A request that is answered with something about the whole bridge. Each lane is asked in turn, for
// some microseconds, so that nothing on the path of a call is locked or shared for it; the answer
// is made on the executor's blocking lane, where no call waits. A lane that doesn't answer is an
// answer as well: 503. Lane-only.
class StateCall final : public HttpCall, private DeadlineEntry {
 public:
  // Makes the answer. On the blocking lane.
  using Answer = std::function<HttpResponse(const BridgeState&)>;

  // `home`: the lane of the request's connection.
  StateCall(const StateSources& from, Lane& home, HttpResponder& responder);
  ~StateCall() override;

  void Start(bool with_calls, Answer answer);

 private:
  struct Alive {
    StateCall* call;
  };
  struct Tour;

  static void Visit(std::shared_ptr<Tour> tour, int lane);
  void OnDeadline() override;

  const StateSources from_;
  Lane& home_;
  HttpResponder& responder_;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
};

}  // namespace mcpbridge
