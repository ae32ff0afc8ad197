#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/config/config.h"

namespace mcpbridge {

// The servers that there are for one request: all, or some. A server outside of it doesn't exist
// for that request. A value; all, and one, are copied without an allocation.
class Scope {
 public:
  Scope() = default;  // all
  explicit Scope(std::size_t server) : one_(server) {}
  // `servers`: indices into Config::servers, at least one, in any order.
  static Scope Of(std::vector<std::size_t> servers);

  bool is_all() const { return !one_ && several_ == nullptr; }
  bool Contains(std::size_t server) const;

  // The one server it is, even if there isn't one any more; nullopt: it is several, or all of
  // `config`, which has several.
  std::optional<std::size_t> Only(const Config& config) const;
  // Those that there are, in the order of their names. May be none, where servers have been taken
  // out of the configuration since the scope was made.
  std::vector<std::size_t> Servers(const Config& config) const;
  // The servers' names by commas; empty: all. Two scopes of the same servers have the same.
  std::string Names(const Config& config) const;

 private:
  std::optional<std::size_t> one_;
  std::shared_ptr<const std::vector<std::size_t>> several_;  // sorted, two at least; null: not so
};

// Index of the server that is called `name`: by its name, or by another that the configuration
// gives it. FindServer() says the same as an error: kServerNotFound.
std::optional<std::size_t> IndexOf(const Config& config, std::string_view name);
Result<std::size_t> FindServer(const Config& config, std::string_view name);
// That of an index, where there isn't such a server any more.
std::optional<Error> CheckPresent(const Config& config, std::size_t server);

// What a caller says of the servers it wants, as LiteLLM has it.
struct ScopeNames {
  // Names of servers and of access groups, by commas; empty: none. Wins over the others.
  std::string_view path = {};
  std::optional<std::string_view> servers = {};  // x-mcp-servers: likewise
  std::optional<std::string_view> groups = {};   // x-mcp-access-groups: access groups only
};

// The most names in a path: LiteLLM's bound.
inline constexpr std::size_t kMaxPathNames = 16;

// The scope that these mean together; all where they are absent. Capitals make no difference, but
// an exact name goes first, and a server before an access group of its name. Errors:
// kServerNotFound, naming all that is unknown; kInvalidRequest (a header without a name, too many
// names in the path).
Result<Scope> FindScope(const Config& config, const ScopeNames& names);

}  // namespace mcpbridge
