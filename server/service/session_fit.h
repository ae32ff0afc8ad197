#pragma once

#include <optional>

#include "server/base/error.h"
#include "server/config/config.h"
#include "server/mcp/call_params.h"

namespace mcpbridge {

// Makes `params`, of the legacy era, fit for the session with a server that `isolation` gives them:
// what lasts longer than a call needs a session that does. `has_client`: the caller has a session
// with the bridge. A call asks for a task only where that outlives it, and then under a progress
// token that does so too. Error: kMethodNotFound (the request is for a session, and this one isn't
// its client's).
std::optional<Error> FitToSession(Isolation isolation, bool has_client, CallParams& params);

// Makes a call that asks for a task one that doesn't. Error: kInvalidArguments.
std::optional<Error> DropTask(CallParams& params);

}  // namespace mcpbridge
