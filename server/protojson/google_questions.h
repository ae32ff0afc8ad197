#pragma once

#include <google/protobuf/struct.pb.h>
#include <model_context_protocol/mcp.pb.h>

#include <optional>
#include <string>
#include <string_view>

// What servers ask before they answer (elicitation/create, sampling/createMessage, roots/list), as
// MCP's JSON has it, in a Struct, and as Google's messages do. Pure functions, on any thread.
namespace mcpbridge {

namespace gm = model_context_protocol;

// Fills an empty `out` with the question of this method and these params. False: theirs can't say
// it (another method, a model that is to be given tools, a field of a form that is none of MCP's
// kinds).
bool ToGoogle(std::string_view method, const google::protobuf::Struct& params,
              gm::InputRequest& out);

// The question's {"method":...,"params":{...}}. nullopt: it is of no kind that is known here.
std::optional<google::protobuf::Struct> FromGoogle(const gm::InputRequest& question);

// The same with answers, whose kind is told by their members. False: theirs can't say it.
bool ToGoogle(const google::protobuf::Struct& answer, gm::InputResponse& out);
std::optional<google::protobuf::Struct> FromGoogle(const gm::InputResponse& answer);

}  // namespace mcpbridge
