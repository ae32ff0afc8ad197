#pragma once

#include <google/protobuf/struct.pb.h>
#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "server/base/error.h"
#include "server/protojson/struct_json.h"

namespace mcpbridge {

// Walks JSON that a server has sent, once and in place, to make typed messages of it. Each Read
// returns false once something is wrong; the error then says what and where.
class JsonReader {
 public:
  // kUpstreamProtocol; kResponseTooLarge (nested deeper than protobuf's readers go).
  Error TakeError() { return std::move(error_); }

 protected:
  // `what` is being read, e.g. "the server's result". `level`: how deep in the message that is sent
  // the one stands that is filled in.
  explicit JsonReader(std::string_view what, int level = 0) : what_(what), level_(level) {}
  ~JsonReader() = default;

  using Value = simdjson::ondemand::value;
  using Object = simdjson::ondemand::object;

  // Runs `read(name, value)` on each member of `json`. A member that is null is absent, but for
  // structuredContent.
  template <class Read>
  bool ForEachMember(Value json, Read read) {
    Object object;
    if (json.get_object().get(object)) return Fail("is not an object");
    return ForEachMember(object, read);
  }
  template <class Read>
  bool ForEachMember(Object& object, Read read) {
    for (auto field : object) {
      std::string_view name;
      if (field.error() || field.unescaped_key().get(name)) return Fail("is not valid JSON");
      Value value = field.value_unsafe().value();
      if (name != "structuredContent" && IsNull(value)) continue;
      if (!read(name, value)) return false;
    }
    return true;
  }

  // Runs `read(element)` on each element of `json`, the member `name`.
  template <class Read>
  bool ForEachElement(std::string_view name, Value json, Read read) {
    simdjson::ondemand::array array;
    if (json.get_array().get(array)) return Fail(name, "is not an array");
    for (auto element : array) {
      Value value;
      if (element.get(value)) return Fail(name, "is not valid JSON");
      if (!read(value)) return false;
    }
    return true;
  }

  // One member each, called `name`.
  bool ReadString(std::string_view name, Value value, std::string& out);
  bool ReadBytes(std::string_view name, Value value, std::string& out);  // base64
  bool ReadBool(std::string_view name, Value value, bool& out);
  bool ReadNumber(std::string_view name, Value value, double& out);
  // MCP says "number": 12.0 is one too. Not negative.
  bool ReadCount(std::string_view name, Value value, std::int64_t& out);
  // `level`: how deep `out` stands in the message that is filled in.
  bool ReadStruct(std::string_view name, Value value, int level, google::protobuf::Struct& out);
  bool ReadValue(std::string_view name, Value value, int level, google::protobuf::Value& out);

  bool Fail(std::string_view name, std::string_view what);
  // The innermost complaint stays.
  bool Fail(std::string_view what);

  // Where the reader is, e.g. "content[2].resource"; empty: at the top.
  std::string where_;

  static bool IsNull(Value& value) {
    bool null = false;
    return !value.is_null().get(null) && null;
  }

 private:
  bool Check(std::string_view name, FromJson done);

  const std::string_view what_;
  const int level_;
  Error error_;
};

}  // namespace mcpbridge
