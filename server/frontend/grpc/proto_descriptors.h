#pragma once

#include <string_view>

namespace mcpbridge {

// All files of proto/, with their comments: a serialised google.protobuf.FileDescriptorSet. What is
// linked into the program has no comments.
std::string_view ProtoDescriptors();

}  // namespace mcpbridge
