#pragma once

#include <string>
#include <vector>

#include "server/config/config.h"
#include "server/config/yaml_reader.h"

namespace mcpbridge {

// A name that `litellm_settings.mcp_aliases` gives a server, spelled as names are.
struct ServerAlias {
  std::string name;
  YamlValue at;
};

// Reads one entry of `mcp_servers`, whose key is `key`. With errors added the result is incomplete.
// That names differ between servers is the caller's part. The first of `aliases` is the server's
// name, unless it has an `alias`.
ServerConfig ReadServerSection(YamlReader& reader, const std::string& key, const YamlValue& value,
                               const std::vector<ServerAlias>& aliases);

// The name as prefixes and paths have it: LiteLLM turns spaces into underscores.
std::string SpelledServerName(std::string name);

}  // namespace mcpbridge
