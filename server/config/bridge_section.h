#pragma once

#include "server/config/config.h"
#include "server/config/yaml_reader.h"

namespace mcpbridge {

// Reads `bridge:` over the defaults in `bridge`. Whether numbers are in range is CheckConfig's
// part.
void ReadBridgeSection(YamlReader& reader, const YamlValue& value, BridgeConfig& bridge);

}  // namespace mcpbridge
