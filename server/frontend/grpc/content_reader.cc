#include "server/frontend/grpc/content_reader.h"

#include "server/jsonrpc/message.h"

namespace mcpbridge {

// The block's type may stand anywhere in it: it is looked for first, without unescaping anything,
// because a string may be unescaped only once.
bool ContentReader::ReadBlock(Value json, int level, v1::Content& out) {
  block_level_ = level;
  Object block;
  if (json.get_object().get(block)) return Fail("is not an object");
  simdjson::ondemand::raw_json_string type;
  const bool typed = !block.find_field_unordered("type").get_raw_json_string().get(type);
  if (block.reset().error()) return Fail("is not valid JSON");
  if (typed && type == "text") return ReadText(block, out);
  if (typed && type == "image") return ReadBlob(block, out, *out.mutable_image());
  if (typed && type == "audio") return ReadBlob(block, out, *out.mutable_audio());
  if (typed && type == "resource_link") return ReadLink(block, out);
  if (typed && type == "resource") return ReadEmbedded(block, out);
  return ReadUnknown(block, out);
}

bool ContentReader::ReadText(Object& block, v1::Content& out) {
  bool has_text = false;
  v1::TextContent& text = *out.mutable_text();
  return ForEachMember(block,
                       [&](std::string_view name, Value value) {
                         if (name != "text") return ReadCommon(name, value, out);
                         has_text = true;
                         return ReadString(name, value, *text.mutable_text());
                       }) &&
         (has_text || Fail("has no text"));
}

bool ContentReader::ReadBlob(Object& block, v1::Content& out, v1::BlobContent& blob) {
  bool has_data = false;
  return ForEachMember(block,
                       [&](std::string_view name, Value value) {
                         if (name == "mimeType") {
                           return ReadString(name, value, *blob.mutable_mime_type());
                         }
                         if (name != "data") return ReadCommon(name, value, out);
                         has_data = true;
                         return ReadBytes(name, value, *blob.mutable_data());
                       }) &&
         (has_data || Fail("has no data"));
}

bool ContentReader::ReadLink(Object& block, v1::Content& out) {
  v1::ResourceLink& link = *out.mutable_resource_link();
  const auto read = [&](std::string_view name, Value value) {
    if (name == "uri") return ReadString(name, value, *link.mutable_uri());
    if (name == "name") return ReadString(name, value, *link.mutable_name());
    if (name == "title") return ReadString(name, value, *link.mutable_title());
    if (name == "description") return ReadString(name, value, *link.mutable_description());
    if (name == "mimeType") return ReadString(name, value, *link.mutable_mime_type());
    if (name != "size") return ReadCommon(name, value, out);
    std::int64_t size = 0;
    if (!ReadCount(name, value, size)) return false;
    link.set_size(size);
    return true;
  };
  return ForEachMember(block, read) && (!link.uri().empty() || Fail("has no uri"));
}

bool ContentReader::ReadEmbedded(Object& block, v1::Content& out) {
  bool has_resource = false;
  const auto read = [&](std::string_view name, Value value) {
    if (name != "resource") return ReadCommon(name, value, out);
    has_resource = true;
    where_ += ".resource";
    return ReadResource(value, block_level_ + 1, *out.mutable_resource());
  };
  return ForEachMember(block, read) && (has_resource || Fail("has no resource"));
}

bool ContentReader::ReadResource(Value json, int level, v1::EmbeddedResource& out) {
  const auto read = [&](std::string_view name, Value value) {
    if (name == "uri") return ReadString(name, value, *out.mutable_uri());
    if (name == "mimeType") return ReadString(name, value, *out.mutable_mime_type());
    if (name == "text") return ReadString(name, value, *out.mutable_text());
    if (name == "blob") return ReadBytes(name, value, *out.mutable_blob());
    if (name == "_meta") return ReadStruct(name, value, level + 1, *out.mutable_meta());
    return true;
  };
  return ForEachMember(json, read) && (!out.uri().empty() || Fail("has no uri"));
}

bool ContentReader::ReadUnknown(Object& block, v1::Content& out) {
  std::string_view raw;
  if (block.raw_json().get(raw)) return Fail("is not valid JSON");
  const auto validate = [this](std::string_view, Value value) {
    return jsonrpc::Validate(value, 3) || Fail("is not valid JSON");
  };
  if (block.reset().error() || !ForEachMember(block, validate)) return Fail("is not valid JSON");
  raw = raw.substr(0, raw.find_last_of('}') + 1);  // what follows is white space
  out.set_unknown_json(raw.data(), raw.size());
  return true;
}

// What a block of any kind may have.
bool ContentReader::ReadCommon(std::string_view name, Value value, v1::Content& out) {
  if (name == "annotations") return ReadAnnotations(value, *out.mutable_annotations());
  if (name == "_meta") return ReadStruct(name, value, block_level_ + 1, *out.mutable_meta());
  return true;
}

bool ContentReader::ReadAnnotations(Value json, v1::Annotations& out) {
  return ForEachMember(json, [&](std::string_view name, Value value) {
    if (name == "lastModified") return ReadString(name, value, *out.mutable_last_modified());
    if (name == "priority") {
      double priority = 0;
      if (!ReadNumber("annotations.priority", value, priority)) return false;
      out.set_priority(priority);
    }
    if (name != "audience") return true;
    out.clear_audience();
    return ForEachElement("annotations.audience", value, [&](Value element) {
      return ReadString("annotations.audience", element, *out.add_audience());
    });
  });
}

}  // namespace mcpbridge
