#include "server/frontend/admin/state_call.h"

#include <chrono>
#include <utility>

namespace mcpbridge {
namespace {

// Half of what Prometheus waits for an answer by default.
constexpr std::chrono::seconds kPatience{5};

}  // namespace

struct StateCall::Tour {
  StateSources from;
  Lane& home;
  std::shared_ptr<Alive> alive;
  bool with_calls;
  Answer answer;
  BridgeState state = {};
};

StateCall::StateCall(const StateSources& from, Lane& home, HttpResponder& responder)
    : from_(from), home_(home), responder_(responder) {}

StateCall::~StateCall() { alive_->call = nullptr; }

void StateCall::Start(bool with_calls, Answer answer) {
  home_.deadlines().Arm(*this, Deadline::After(kPatience));
  Visit(std::make_shared<Tour>(Tour{from_, home_, alive_, with_calls, std::move(answer)}), 0);
}

void StateCall::Visit(std::shared_ptr<Tour> tour, int lane) {
  Executor& executor = tour->from.executor;
  if (lane < executor.lane_count()) {
    Lane& next = executor.lane(lane);
    next.Post([tour = std::move(tour), &next, lane] {
      tour->state.Add(tour->from, next, tour->with_calls);
      Visit(tour, lane + 1);
    });
    return;
  }
  executor.blocking_lane().Post([tour = std::move(tour)] {
    Lane& home = tour->home;
    home.Post([alive = tour->alive, response = tour->answer(tour->state)]() mutable {
      if (alive->call == nullptr) return;
      alive->call->Disarm();
      alive->call->responder_.Respond(std::move(response));
    });
  });
}

void StateCall::OnDeadline() {
  alive_->call = nullptr;
  responder_.Respond({.status = 503,
                      .content_type = "text/plain",
                      .body = "a lane of the bridge has not answered for 5 s\n"});
}

}  // namespace mcpbridge
