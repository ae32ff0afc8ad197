#pragma once

#include <google/protobuf/struct.pb.h>
#include <model_context_protocol/mcp.pb.h>

namespace mcpbridge {

namespace gm = model_context_protocol;

// One field of a form that a user is to fill in, as a JSON schema and as Google's messages have it.
// Each fills an empty `out`. False: it is of no kind that theirs, or MCP, know. Pure functions.
bool ReadField(const google::protobuf::Struct& json, gm::PrimitiveSchemaDefinition& out);
bool PutField(const gm::PrimitiveSchemaDefinition& schema, google::protobuf::Struct& json);

}  // namespace mcpbridge
