#pragma once

#include <string>

#include "server/config/config.h"
#include "server/config/yaml_reader.h"

namespace mcpbridge {

// Reads one entry of `mcp_servers`, whose key is `key`. With errors added the result is incomplete.
// That names differ between servers is the caller's part.
ServerConfig ReadServerSection(YamlReader& reader, const std::string& key, const YamlValue& value);

// The name as prefixes and paths have it: LiteLLM turns spaces into underscores.
std::string SpelledServerName(std::string name);

}  // namespace mcpbridge
