#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/config/config.h"
#include "server/routing/catalogue.h"

namespace mcpbridge {

// Between a server's name and its tool's: LiteLLM's separator.
inline constexpr char kNameSeparator = '-';

// Where a call goes.
struct Route {
  std::size_t server = 0;  // index into Config::servers
  std::string_view tool;   // the server's own name for it; points into the caller's name
  // The server's tools are known and this isn't one of them: worth asking the server again, once.
  bool unknown_tool = false;
};

// From names to servers and tools, as of one moment. Immutable; lanes share snapshots of it.
class RouteTable {
 public:
  // `catalogues`: by server index, null where not known yet.
  RouteTable(const Config& config, std::vector<std::shared_ptr<const Catalogue>> catalogues);

  // `server` empty: by prefix, by the only server there is, or by a name that is unique.
  // Errors: kServerNotFound, kToolNotFound, kToolAmbiguous, kToolNotAllowed.
  Result<Route> Resolve(std::string_view server, std::string_view name) const;

  // Index of a server. Error: kServerNotFound.
  Result<std::size_t> FindServer(std::string_view name) const;

  const Config& config() const { return config_; }
  const std::shared_ptr<const Catalogue>& catalogue(std::size_t server) const {
    return catalogues_[server];
  }
  const std::vector<std::shared_ptr<const Catalogue>>& catalogues() const { return catalogues_; }

  // Whether the server's allowed_tools and disallowed_tools let `tool` through.
  static bool Allowed(const ServerConfig& server, std::string_view tool);

  // "server-tool" where several servers are configured and none is given; the bare name otherwise.
  std::string ListedName(std::size_t server, std::string_view tool, bool scoped) const;

 private:
  Result<Route> Check(std::size_t server, std::string_view tool) const;

  const Config& config_;
  std::vector<std::shared_ptr<const Catalogue>> catalogues_;
  // Bare tool name -> servers that have it and allow it. Views into catalogues_.
  std::map<std::string_view, std::vector<std::size_t>, std::less<>> by_tool_;
};

}  // namespace mcpbridge
