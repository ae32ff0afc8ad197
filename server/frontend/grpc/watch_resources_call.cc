#include "server/frontend/grpc/watch_resources_call.h"

#include <algorithm>
#include <utility>

#include "server/frontend/grpc/status.h"

namespace mcpbridge {
namespace {

Error Invalid(std::string message) {
  return Error{.reason = Reason::kInvalidArguments, .message = std::move(message)};
}

// Errors: kInvalidArguments.
Result<ListenFor> WantedBy(const v1::WatchResourcesRequest& request) {
  ListenFor wanted;
  for (const int list : request.lists()) {
    if (list == v1::WATCHED_LIST_TOOLS) {
      wanted.tools = true;
    } else if (list == v1::WATCHED_LIST_PROMPTS) {
      wanted.prompts = true;
    } else if (list == v1::WATCHED_LIST_RESOURCES) {
      wanted.resources = true;
    } else {
      return Invalid("lists has one that there is not: " + std::to_string(list));
    }
  }
  for (const std::string& uri : request.uris()) {
    if (uri.empty()) return Invalid("uris has an empty one");
    if (std::find(wanted.uris.begin(), wanted.uris.end(), uri) != wanted.uris.end()) continue;
    if (wanted.uris.size() == kMaxWatchedUris) {
      return Invalid("uris has more than " + std::to_string(kMaxWatchedUris));
    }
    wanted.uris.push_back(uri);
  }
  if (wanted.empty()) return Invalid("there is nothing to watch: give uris, or lists");
  return wanted;
}

v1::WatchedList ListOf(SubscriptionEvent::Kind kind) {
  switch (kind) {
    case SubscriptionEvent::Kind::kTools:
      return v1::WATCHED_LIST_TOOLS;
    case SubscriptionEvent::Kind::kPrompts:
      return v1::WATCHED_LIST_PROMPTS;
    case SubscriptionEvent::Kind::kResources:
      return v1::WATCHED_LIST_RESOURCES;
    case SubscriptionEvent::Kind::kUpdated:
      break;
  }
  return v1::WATCHED_LIST_UNSPECIFIED;
}

}  // namespace

void WatchResourcesCall::OnRequest() {
  if (const std::optional<Error> refused = AdmitSubscription()) {
    return Finish(ToGrpcStatus(*refused));
  }
  const Result<ListenFor> wanted = WantedBy(request());
  if (!wanted) return Finish(ToGrpcStatus(wanted.error()));
  Result<Scope> scope = ScopeOf(request().server());
  if (!scope) return Finish(ToGrpcStatus(scope.error()));
  scope_ = *std::move(scope);
  ContinueOn(tools().PickLane(request().server(), ""));
}

void WatchResourcesCall::OnLane() {
  timing().Begin();
  subscription_.emplace(tools(), lane(), static_cast<Subscription::Handler&>(*this));
  const auto error = subscription_->Start(std::move(scope_), WantedBy(request()).value(),
                                          tools().Forwardable(headers()));
  if (error) EndWith(*error);
}

void WatchResourcesCall::OnSubscribed() {
  timing().Hear();
  if (subscription_->accepted().empty()) {
    return EndWith(Error(subscription_->refused().front().second));
  }
  started_ = Started();
  Proceed();
}

v1::WatchResourcesResponse WatchResourcesCall::Started() {
  v1::WatchResourcesResponse response;
  v1::WatchStarted& started = *response.mutable_started();
  for (const Subscription::Watched& one : subscription_->watched()) {
    v1::WatchedResource& watched = *started.add_watched();
    watched.set_uri(one.uri);
    watched.set_server(NameOf(one.server));
  }
  for (const auto& [uri, error] : subscription_->refused()) {
    v1::UnwatchedResource& unwatched = *started.add_unwatched();
    unwatched.set_uri(uri);
    unwatched.set_reason(std::string(InfoOf(error.reason).name));
    unwatched.set_message(ValidUtf8(error.message));
  }
  const ListenFor& lists = subscription_->accepted();
  if (lists.tools) started.add_lists(v1::WATCHED_LIST_TOOLS);
  if (lists.prompts) started.add_lists(v1::WATCHED_LIST_PROMPTS);
  if (lists.resources) started.add_lists(v1::WATCHED_LIST_RESOURCES);
  return response;
}

v1::WatchResourcesResponse WatchResourcesCall::ResponseOf(SubscriptionEvent event) {
  v1::WatchResourcesResponse response;
  if (event.kind == SubscriptionEvent::Kind::kUpdated) {
    v1::ResourceUpdated& updated = *response.mutable_resource_updated();
    updated.set_server(NameOf(event.server));
    updated.set_uri(ValidUtf8(event.uri));
    updated.set_params_json(ValidUtf8(event.params));
  } else {
    response.mutable_list_changed()->set_server(NameOf(event.server));
    response.mutable_list_changed()->set_list(ListOf(event.kind));
  }
  return response;
}

void WatchResourcesCall::OnBridgeStops() { EndWith(Subscriptions::Stopping()); }

void WatchResourcesCall::EndWith(const Error& error) {
  status_ = ToGrpcStatus(error);
  subscription_.reset();
  started_.reset();
  Proceed();
}

void WatchResourcesCall::OnCancel() { EndWith(GoneError()); }

void WatchResourcesCall::OnWritable() {
  if (started_) {
    Write(*started_);
    return started_.reset();
  }
  if (status_) return Finish(*status_);
  if (!subscription_) return;
  auto event = subscription_->Next();
  const int dropped = subscription_->TakeDropped();
  if (!event && dropped == 0) return;
  v1::WatchResourcesResponse response;
  if (event) response = ResponseOf(*std::move(event));
  response.set_dropped(dropped);
  Write(response);
}

}  // namespace mcpbridge
