#include "server/upstream/view_subscriptions.h"

#include <utility>

#include "server/base/log.h"

namespace mcpbridge {

ViewSubscriptions::ViewSubscriptions(Upstream& modern, Lane& home, std::string meta,
                                     std::function<void(jsonrpc::Message&)> announce)
    : modern_(modern), home_(home), meta_(std::move(meta)), announce_(std::move(announce)) {}

ViewSubscriptions::~ViewSubscriptions() = default;

void ViewSubscriptions::Subscribe(const std::string& uri, Done done) {
  if (stopped_) return;
  if (uris_.contains(uri)) return done(std::nullopt);
  if (uris_.size() + waiting_.size() >= kMaxWatchedUris) {
    return done(Error{.reason = Reason::kOverloaded,
                      .message = "a client may subscribe to " + std::to_string(kMaxWatchedUris) +
                                 " resources of a server",
                      .metadata = {{"server", modern_.config().name}}});
  }
  waiting_.push_back({.uri = uri, .done = std::move(done)});
  Reopen();
}

void ViewSubscriptions::Unsubscribe(const std::string& uri, const Done& done) {
  if (stopped_) return;
  const bool was_there = uris_.erase(uri) > 0;
  const bool is_asked = next_ != nullptr && asked_.erase(uri) > 0;
  // Whoever still waits for it has had it for a moment.
  std::vector<Done> over = {done};
  std::erase_if(waiting_, [&](Waiting& one) {
    if (one.uri != uri) return false;
    over.push_back(std::move(one.done));
    return true;
  });
  for (const Done& one : over) one(std::nullopt);
  if (was_there || is_asked) Reopen();
}

void ViewSubscriptions::Stop() {
  stopped_ = true;
  waiting_.clear();
  next_.reset();
  current_.reset();
}

void ViewSubscriptions::Reopen() {
  if (next_ != nullptr) {
    changed_ = true;
    return;
  }
  changed_ = false;
  asked_ = uris_;
  for (const Waiting& one : waiting_) asked_.insert(one.uri);
  if (asked_.empty()) return current_.reset();
  const ListenFor listen_for{.uris = {asked_.begin(), asked_.end()}};
  ModernListener::Handler& self = *this;
  next_ = std::make_unique<ModernListener>(
      modern_, home_,
      "{\"notifications\":" + ListenNotifications(listen_for) + ",\"_meta\":" + meta_ + "}", self);
  if (const auto error = next_->Open()) OnRefused(*next_, *error);
}

// Tells those who wait for what next_ asks for.
void ViewSubscriptions::EndWaiting(
    const std::function<std::optional<Error>(const std::string& uri)>& outcome) {
  std::vector<Waiting> ended;
  std::vector<Waiting> left;
  for (Waiting& one : waiting_) (asked_.contains(one.uri) ? ended : left).push_back(std::move(one));
  waiting_ = std::move(left);
  for (const Waiting& one : ended) one.done(outcome(one.uri));
}

void ViewSubscriptions::OnListening(ModernListener& listener, const ListenFor& accepted,
                                    bool again) {
  if (&listener == next_.get()) {
    current_ = std::move(next_);
    for (const std::string& uri : accepted.uris) {
      if (asked_.contains(uri)) uris_.insert(uri);
    }
    EndWaiting([this](const std::string& uri) -> std::optional<Error> {
      if (uris_.contains(uri)) return std::nullopt;
      return Error{.reason = Reason::kResourceNotFound,
                   .message = "the server accepts no subscription to " + uri,
                   .metadata = {{"uri", uri}, {"server", modern_.config().name}}};
    });
    if (changed_) return Reopen();
    if (uris_.empty()) current_.reset();
  } else if (again) {
    for (const std::string& uri : uris_) AnnounceUpdate(uri);
  }
}

void ViewSubscriptions::OnHeard(ModernListener&, jsonrpc::Message& message) {
  if (message.method != kResourceUpdated) return;
  jsonrpc::Text text(
      jsonrpc::RequestMessage("", kResourceUpdated, WithoutSubscription(message.params)));
  jsonrpc::Parser parser;
  Result<jsonrpc::Message> bare = jsonrpc::Parse(parser, text);
  if (bare) announce_(*bare);
}

// Those that were there before stay where they are.
void ViewSubscriptions::OnRefused(ModernListener&, const Error& error) {
  spdlog::debug("upstream {}: a client's subscription was refused: {}", modern_.config().name,
                error.message);
  next_.reset();
  EndWaiting([&error](const std::string&) { return error; });
  if (changed_) Reopen();
}

void ViewSubscriptions::AnnounceUpdate(const std::string& uri) {
  jsonrpc::Text text(
      jsonrpc::RequestMessage("", kResourceUpdated, "{\"uri\":" + jsonrpc::Quote(uri) + "}"));
  jsonrpc::Parser parser;
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser, text);
  if (message) announce_(*message);
}

}  // namespace mcpbridge
