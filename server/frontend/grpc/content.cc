#include "server/frontend/grpc/content.h"

#include <array>
#include <cstdint>
#include <limits>

#include "server/frontend/grpc/struct_json.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

bool IsNull(od::value& value) {
  bool null = false;
  return !value.is_null().get(null) && null;
}

// Walks one result. Each Read returns false once something is wrong; error_ then says what.
class ResultReader {
 public:
  explicit ResultReader(v1::CallToolResponse& out) : out_(out) {}

  bool Read(od::value result) {
    return ForEachMember(result, [this](std::string_view name, od::value value) {
      if (name == "content") return ReadContent(value);
      if (name == "isError") return ReadBool(name, value);
      if (name == "_meta") return ReadMeta(value, 1, *out_.mutable_meta());
      if (name == "structuredContent") {
        return Check(
            name, JsonToValue(value, kProtobufDepthLimit - 1, *out_.mutable_structured_content()));
      }
      return true;
    });
  }

  Error TakeError() { return std::move(error_); }

 private:
  // Runs `read` on each member of `json` that isn't null.
  template <class Read>
  bool ForEachMember(od::value json, Read read) {
    od::object object;
    if (json.get_object().get(object)) return Fail("is not an object");
    return ForEachMember(object, read);
  }

  template <class Read>
  bool ForEachMember(od::object& object, Read read) {
    for (auto field : object) {
      std::string_view name;
      if (field.error() || field.unescaped_key().get(name)) return Fail("is not valid JSON");
      od::value value = field.value_unsafe().value();
      // A null is a value of its own in structuredContent only.
      if (name != "structuredContent" && IsNull(value)) continue;
      if (!read(name, value)) return false;
    }
    return true;
  }

  bool ReadContent(od::value json) {
    out_.clear_content();  // where a member occurs twice, the last one counts
    od::array blocks;
    if (json.get_array().get(blocks)) return Fail("content is not an array");
    for (auto element : blocks) {
      od::value block;
      if (element.get(block)) return Fail("content is not valid JSON");
      where_ = "content[" + std::to_string(out_.content_size()) + "]";
      if (!ReadBlock(block, *out_.add_content())) return false;
    }
    where_.clear();
    return true;
  }

  // The block's type may stand anywhere in it: it is looked for first, without unescaping anything,
  // because a string may be unescaped only once.
  bool ReadBlock(od::value json, v1::Content& out) {
    od::object block;
    if (json.get_object().get(block)) return Fail("is not an object");
    od::raw_json_string type;
    const bool typed = !block.find_field_unordered("type").get_raw_json_string().get(type);
    if (block.reset().error()) return Fail("is not valid JSON");
    if (typed && type == "text") return ReadText(block, out);
    if (typed && type == "image") return ReadBlob(block, out, *out.mutable_image());
    if (typed && type == "audio") return ReadBlob(block, out, *out.mutable_audio());
    if (typed && type == "resource_link") return ReadLink(block, out);
    if (typed && type == "resource") return ReadResource(block, out);
    return ReadUnknown(block, out);
  }

  bool ReadText(od::object& block, v1::Content& out) {
    bool has_text = false;
    v1::TextContent& text = *out.mutable_text();
    return ForEachMember(block,
                         [&](std::string_view name, od::value value) {
                           if (name != "text") return ReadCommon(name, value, out);
                           has_text = true;
                           return ReadString(name, value, *text.mutable_text());
                         }) &&
           (has_text || Fail("has no text"));
  }

  bool ReadBlob(od::object& block, v1::Content& out, v1::BlobContent& blob) {
    bool has_data = false;
    return ForEachMember(block,
                         [&](std::string_view name, od::value value) {
                           if (name == "mimeType") {
                             return ReadString(name, value, *blob.mutable_mime_type());
                           }
                           if (name != "data") return ReadCommon(name, value, out);
                           has_data = true;
                           return ReadBytes(name, value, *blob.mutable_data());
                         }) &&
           (has_data || Fail("has no data"));
  }

  bool ReadLink(od::object& block, v1::Content& out) {
    v1::ResourceLink& link = *out.mutable_resource_link();
    const auto read = [&](std::string_view name, od::value value) {
      if (name == "uri") return ReadString(name, value, *link.mutable_uri());
      if (name == "name") return ReadString(name, value, *link.mutable_name());
      if (name == "title") return ReadString(name, value, *link.mutable_title());
      if (name == "description") return ReadString(name, value, *link.mutable_description());
      if (name == "mimeType") return ReadString(name, value, *link.mutable_mime_type());
      if (name == "size") return ReadSize(value, link);
      return ReadCommon(name, value, out);
    };
    return ForEachMember(block, read) && (!link.uri().empty() || Fail("has no uri"));
  }

  bool ReadResource(od::object& block, v1::Content& out) {
    bool has_resource = false;
    v1::EmbeddedResource& resource = *out.mutable_resource();
    const auto read_inner = [&](std::string_view name, od::value value) {
      if (name == "uri") return ReadString(name, value, *resource.mutable_uri());
      if (name == "mimeType") return ReadString(name, value, *resource.mutable_mime_type());
      if (name == "text") return ReadString(name, value, *resource.mutable_text());
      if (name == "blob") return ReadBytes(name, value, *resource.mutable_blob());
      if (name == "_meta") return ReadMeta(value, 3, *resource.mutable_meta());
      return true;
    };
    const auto read = [&](std::string_view name, od::value value) {
      if (name != "resource") return ReadCommon(name, value, out);
      has_resource = true;
      where_ += ".resource";
      return ForEachMember(value, read_inner);
    };
    return ForEachMember(block, read) && (has_resource || Fail("has no resource")) &&
           (!resource.uri().empty() || Fail("has no uri"));
  }

  bool ReadUnknown(od::object& block, v1::Content& out) {
    std::string_view raw;
    if (block.raw_json().get(raw)) return Fail("is not valid JSON");
    const auto validate = [this](std::string_view, od::value value) {
      return jsonrpc::Validate(value, 3) || Fail("is not valid JSON");
    };
    if (block.reset().error() || !ForEachMember(block, validate)) return Fail("is not valid JSON");
    raw = raw.substr(0, raw.find_last_of('}') + 1);  // what follows is white space
    out.set_unknown_json(raw.data(), raw.size());
    return true;
  }

  // What a block of any kind may have.
  bool ReadCommon(std::string_view name, od::value value, v1::Content& out) {
    if (name == "annotations") return ReadAnnotations(value, *out.mutable_annotations());
    if (name == "_meta") return ReadMeta(value, 2, *out.mutable_meta());
    return true;
  }

  bool ReadAnnotations(od::value json, v1::Annotations& out) {
    return ForEachMember(json, [&](std::string_view name, od::value value) {
      if (name == "lastModified") return ReadString(name, value, *out.mutable_last_modified());
      if (name == "priority") {
        double priority = 0;
        if (value.get_double().get(priority)) return Fail("annotations.priority is not a number");
        out.set_priority(priority);
      }
      return name != "audience" || ReadAudience(value, out);
    });
  }

  bool ReadAudience(od::value json, v1::Annotations& out) {
    out.clear_audience();
    od::array audience;
    if (json.get_array().get(audience)) return Fail("annotations.audience is not an array");
    for (auto element : audience) {
      od::value value;
      if (element.get(value)) return Fail("annotations.audience is not valid JSON");
      if (!ReadString("annotations.audience", value, *out.add_audience())) return false;
    }
    return true;
  }

  bool ReadString(std::string_view name, od::value value, std::string& out) {
    std::string_view text;
    if (value.get_string().get(text)) return Fail(name, "is not a string");
    out = text;
    return true;
  }

  bool ReadBytes(std::string_view name, od::value value, std::string& out) {
    std::string_view text;
    if (value.get_string().get(text)) return Fail(name, "is not a string");
    return DecodeBase64(text, out) || Fail(name, "is not base64");
  }

  bool ReadBool(std::string_view name, od::value value) {
    bool flag = false;
    if (value.get_bool().get(flag)) return Fail(name, "is not a boolean");
    out_.set_is_error(flag);
    return true;
  }

  // MCP says "number": 12.0 is a size too.
  bool ReadSize(od::value value, v1::ResourceLink& link) {
    std::int64_t size = 0;
    if (value.get_int64().get(size)) {
      double number = 0;
      if (value.get_double().get(number)) return Fail("size is not a number");
      if (!(number >= 0 && number < 9e18)) return Fail("size is out of range");
      size = static_cast<std::int64_t>(number);
    }
    link.set_size(size);
    return true;
  }

  // `level`: how deep in the response `out` itself is nested.
  bool ReadMeta(od::value value, int level, google::protobuf::Struct& out) {
    return Check("_meta", ObjectToStruct(value, kProtobufDepthLimit - level, out));
  }

  bool Check(std::string_view name, FromJson done) {
    switch (done) {
      case FromJson::kDone:
        return true;
      case FromJson::kMalformed:
        return Fail(name, "is malformed");
      case FromJson::kTooDeep:
        Fail(name, "is nested deeper than protobuf readers go; ask for RESULT_FORMAT_JSON");
        error_.reason = Reason::kResponseTooLarge;
        return false;
    }
    return false;
  }

  bool Fail(std::string_view name, std::string_view what) {
    return Fail(std::string(name) + ' ' + std::string(what));
  }

  // The innermost complaint stays.
  bool Fail(std::string_view what) {
    if (!error_.message.empty()) return false;
    error_.reason = Reason::kUpstreamProtocol;
    error_.message = "the server's result can't be read: ";
    if (!where_.empty()) error_.message += where_ + ' ';
    error_.message += what;
    return false;
  }

  v1::CallToolResponse& out_;
  std::string where_;  // e.g. "content[2].resource"; empty: the result itself
  Error error_;
};

Error NotAnObject() {
  return Error{.reason = Reason::kUpstreamProtocol,
               .message = "the server's result is not a JSON object"};
}

constexpr std::uint8_t kInvalid = 0xff;

constexpr std::array<std::uint8_t, 256> kBase64Values = [] {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = kInvalid;
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

}  // namespace

std::optional<Error> FillTypedResult(jsonrpc::Message& message, v1::CallToolResponse& out) {
  od::value result;
  if (jsonrpc::ResultValue(message).get(result)) return NotAnObject();
  ResultReader reader(out);
  if (!reader.Read(result)) return reader.TakeError();
  return std::nullopt;
}

std::optional<Error> FillJsonResult(jsonrpc::Message& message, v1::CallToolResponse& out) {
  od::value result;
  od::object object;
  if (jsonrpc::ResultValue(message).get(result) || result.get_object().get(object)) {
    return NotAnObject();
  }
  const Error malformed{.reason = Reason::kUpstreamProtocol,
                        .message = "the server's result is not valid JSON"};
  for (auto field : object) {
    std::string_view name;
    if (field.error() || field.unescaped_key().get(name)) return malformed;
    od::value value = field.value_unsafe().value();
    if (name != "isError") {
      if (!jsonrpc::Validate(value, 1)) return malformed;
      continue;
    }
    if (IsNull(value)) continue;
    bool is_error = false;
    if (value.get_bool().get(is_error)) {
      return Error{.reason = Reason::kUpstreamProtocol,
                   .message = "the server's result can't be read: isError is not a boolean"};
    }
    out.set_is_error(is_error);
  }
  out.set_result_json(message.result.data(), message.result.size());
  return std::nullopt;
}

bool DecodeBase64(std::string_view text, std::string& out) {
  if (text.size() % 4 != 0) return false;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  out.resize(text.size() / 4 * 3);
  const auto* in = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = in + text.size() - (padding > 0 ? 4 : 0);
  char* to = out.data();
  std::uint8_t seen = 0;  // an invalid character sets bits that no value has
  for (; in != end; in += 4, to += 3) {
    const std::uint8_t a = kBase64Values[in[0]], b = kBase64Values[in[1]];
    const std::uint8_t c = kBase64Values[in[2]], d = kBase64Values[in[3]];
    seen = static_cast<std::uint8_t>(seen | a | b | c | d);
    to[0] = static_cast<char>(a << 2 | b >> 4);
    to[1] = static_cast<char>(b << 4 | c >> 2);
    to[2] = static_cast<char>(c << 6 | d);
  }
  if (padding > 0) {
    const std::uint8_t a = kBase64Values[in[0]], b = kBase64Values[in[1]];
    const std::uint8_t c = padding == 1 ? kBase64Values[in[2]] : std::uint8_t{0};
    seen = static_cast<std::uint8_t>(seen | a | b | c);
    // Bits that belong to no byte must be zero: there is one way only to write the same bytes.
    if (padding == 2 ? (b & 0xf) != 0 : (c & 0x3) != 0) return false;
    to[0] = static_cast<char>(a << 2 | b >> 4);
    to[1] = static_cast<char>(b << 4 | c >> 2);
    out.resize(out.size() - padding);
  }
  return (seen & 0xc0) == 0;
}

}  // namespace mcpbridge
