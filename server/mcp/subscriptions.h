#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"

namespace mcpbridge {

// What `subscriptions/listen` of MCP 2026-07-28 asks for and is answered with, as raw JSON. Pure
// functions, on any thread.

// The most resources that one subscription may watch: each may cost a request to its server.
inline constexpr std::size_t kMaxWatchedUris = 256;

// params.notifications of the request, or of its acknowledgement.
struct ListenFor {
  bool tools = false;  // their list
  bool prompts = false;
  bool resources = false;              // and their templates
  std::vector<std::string> uris = {};  // of resources, each once

  bool empty() const { return !tools && !prompts && !resources && uris.empty(); }
};

// Reads params.notifications. Members that nobody here knows are left out. Errors:
// kInvalidArguments (no object, a member of another type, more than kMaxWatchedUris resources).
Result<ListenFor> ReadListenFor(std::string_view params);

// The raw object that says it: what isn't wanted is absent.
std::string ListenNotifications(const ListenFor& listen_for);

// The notification that a server has to begin with.
inline constexpr std::string_view kAcknowledged = "notifications/subscriptions/acknowledged";
inline constexpr std::string_view kResourceUpdated = "notifications/resources/updated";
// Of the era before.
inline constexpr std::string_view kSubscribeMethod = "resources/subscribe";
inline constexpr std::string_view kUnsubscribeMethod = "resources/unsubscribe";

// `object`, raw params (empty: none) or a raw result, with `id` (raw) as its subscription, whether
// it names one or not. What is no object stays as it is.
std::string TaggedWith(std::string_view id, std::string_view object);
// Raw params without it.
std::string WithoutSubscription(std::string_view params);

// The result by which a subscription, `id` (raw), ends in order.
std::string SubscriptionEnd(std::string_view id);

// The uri that raw params name; empty: none.
std::string UriOf(std::string_view params);

}  // namespace mcpbridge
