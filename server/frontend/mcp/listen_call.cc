#include "server/frontend/mcp/listen_call.h"

#include <chrono>
#include <utility>

#include "server/mcp/modern_meta.h"
#include "server/mcp/subscriptions.h"

namespace mcpbridge {
namespace {

// A subscription that has lost something ends: its caller has to look for itself.
Error ReadsTooSlowly() {
  return Error{.reason = Reason::kOverloaded,
               .message =
                   "the subscriber reads too slowly, and notifications found no room:"
                   " subscribe again",
               .retry_after = std::chrono::seconds(1)};
}

}  // namespace

ListenCall::ListenCall(ToolService& service, Lane& lane, Reply& reply)
    : service_(service), lane_(lane), reply_(reply) {}

ListenCall::~ListenCall() {
  alive_->call = nullptr;
  if (number_ != 0) service_.subscriptions().Remove(number_);
  passed_on_.reset();
  merged_.reset();
  service_.LeaveSubscription();
}

void ListenCall::Start(CallRequest request) {
  if (!reply_.takes_events()) {
    return Fail(Error{.reason = Reason::kNotAcceptable,
                      .message = "a subscription is an event stream: Accept: text/event-stream"});
  }
  scope_ = request.scope;
  params_ = request.params.raw;
  forwarded_ = service_.Forwardable(request.headers);
  deadline_ = request.deadline;
  lane_.deadlines().Arm(*this, deadline_);
  const auto only = scope_.Only(service_.config());
  // Over gRPC there is no such request: the bridge finds out by itself what changes.
  const bool is_passed_on = only && service_.pool().modern(*only) != nullptr &&
                            service_.config().servers[*only].transport != TransportKind::kGrpc;
  if (!is_passed_on) return StartMerged();
  number_ = service_.subscriptions().Add({.lane = &lane_,
                                          .bridge_stops =
                                              [alive = alive_] {
                                                if (alive->call != nullptr) alive->call->End();
                                              },
                                          .servers_changed =
                                              [alive = alive_](const auto&) {
                                                if (alive->call != nullptr)
                                                  alive->call->OnServersChanged();
                                              }});
  if (number_ == 0) return Fail(Subscriptions::Stopping());
  passed_on_.emplace(service_, lane_, static_cast<RoutedCall::Handler&>(*this));
  const auto error = passed_on_->Start(std::move(request));
  if (!error) return;
  passed_on_->was_translated() ? StartMerged() : Fail(*error);
}

// ---- As the server says it ----

void ListenCall::OnCallEnd(Result<jsonrpc::Message> message) {
  if (reply_.ended()) return;
  if (passed_on_->was_translated()) return StartMerged();  // the server is of the era before
  Disarm();
  if (!message) {
    reply_.Fail(message.error());
  } else if (message->kind == jsonrpc::Kind::kError) {
    reply_.UpstreamError(message->error);
  } else {
    reply_.Result(WithSubscription(message->result, reply_.id()));
  }
}

void ListenCall::OnCallNotification(std::string_view method, std::string params) {
  if (reply_.ended()) return;
  const std::string tagged = WithSubscription(params, reply_.id());
  if (reply_.Before(jsonrpc::RequestMessage("", method, tagged))) return;
  Fail(ReadsTooSlowly());
}

// Its server won't tell what the one in its place has to say: the caller subscribes again.
void ListenCall::OnServersChanged() {
  if (passed_on_ && passed_on_->is_at_retired_server()) End();
}

// ---- One stream for all servers ----

void ListenCall::StartMerged() {
  if (number_ != 0) service_.subscriptions().Remove(std::exchange(number_, 0));
  Result<ListenFor> wanted = ReadListenFor(params_);
  if (!wanted) return Fail(wanted.error());
  merged_.emplace(service_, lane_, static_cast<Subscription::Handler&>(*this));
  const auto error = merged_->Start(scope_, *std::move(wanted), std::move(forwarded_));
  if (error) Fail(*error);
}

void ListenCall::OnSubscribed() {
  acknowledged_ = true;
  Tell(kAcknowledged, "{\"notifications\":" + ListenNotifications(merged_->accepted()) + "}");
}

void ListenCall::OnDrained() {
  busy_ = false;
  Pump();
}

// One at a time: what a slow reader has not taken waits in the subscription, within its bounds.
void ListenCall::Pump() {
  if (!acknowledged_ || !merged_ || reply_.ended()) return;
  if (merged_->TakeDropped() > 0) return Fail(ReadsTooSlowly());
  if (busy_) return;
  const auto event = merged_->Next();
  if (!event) return;
  switch (event->kind) {
    case SubscriptionEvent::Kind::kTools:
      return Tell(ListChangedMethod(ListKind::kTools), "");
    case SubscriptionEvent::Kind::kPrompts:
      return Tell(ListChangedMethod(ListKind::kPrompts), "");
    case SubscriptionEvent::Kind::kResources:
      return Tell(ListChangedMethod(ListKind::kResources), "");
    case SubscriptionEvent::Kind::kUpdated:
      return Tell(kResourceUpdated, event->params);
  }
}

void ListenCall::Tell(std::string_view method, std::string_view params) {
  busy_ = true;
  if (reply_.Before(jsonrpc::RequestMessage("", method, TaggedWith(reply_.id(), params)))) return;
  Fail(ReadsTooSlowly());
}

// In order, so the caller knows that it is not to blame.
void ListenCall::End() {
  if (reply_.ended()) return;
  Disarm();
  passed_on_.reset();
  merged_.reset();
  reply_.Result(SubscriptionEnd(reply_.id()));
}

bool ListenCall::CompleteIfEndless() {
  End();
  return true;
}

void ListenCall::CancelByCaller() {
  if (reply_.ended()) return;
  passed_on_.reset();
  merged_.reset();
  Fail(Error{.reason = Reason::kCancelled, .message = "cancelled by notifications/cancelled"});
}

void ListenCall::Fail(const Error& error) {
  Disarm();
  reply_.Fail(error);
  // Not from within what has failed, and not only when a reader who stalls has read it.
  lane_.Post([alive = alive_] {
    if (alive->call == nullptr) return;
    alive->call->passed_on_.reset();
    alive->call->merged_.reset();
  });
}

}  // namespace mcpbridge
