#pragma once

#include <mcpbridge/v1/content.pb.h>

#include <string_view>

#include "server/frontend/grpc/json_reader.h"

namespace mcpbridge {

// Reads blocks of content, whose fields that the proto doesn't know are left out; a block whose
// type it doesn't know is given as JSON.
class ContentReader : public JsonReader {
 protected:
  using JsonReader::JsonReader;

  // `level`: how deep `out` stands in the message that is filled in.
  bool ReadBlock(Value json, int level, v1::Content& out);
  // The contents of a resource, which has a uri.
  bool ReadResource(Value json, int level, v1::EmbeddedResource& out);

 private:
  bool ReadText(Object& block, v1::Content& out);
  bool ReadBlob(Object& block, v1::Content& out, v1::BlobContent& blob);
  bool ReadLink(Object& block, v1::Content& out);
  bool ReadEmbedded(Object& block, v1::Content& out);
  bool ReadUnknown(Object& block, v1::Content& out);
  bool ReadCommon(std::string_view name, Value value, v1::Content& out);
  bool ReadAnnotations(Value json, v1::Annotations& out);

  int block_level_ = 0;  // of the block being read
};

}  // namespace mcpbridge
