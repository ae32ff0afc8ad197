#include "server/frontend/grpc/json_reader.h"

#include "server/protojson/base64.h"

namespace mcpbridge {

bool JsonReader::ReadString(std::string_view name, Value value, std::string& out) {
  std::string_view text;
  if (value.get_string().get(text)) return Fail(name, "is not a string");
  out = text;
  return true;
}

bool JsonReader::ReadBytes(std::string_view name, Value value, std::string& out) {
  std::string_view text;
  if (value.get_string().get(text)) return Fail(name, "is not a string");
  return DecodeBase64(text, out) || Fail(name, "is not base64");
}

bool JsonReader::ReadBool(std::string_view name, Value value, bool& out) {
  return !value.get_bool().get(out) || Fail(name, "is not a boolean");
}

bool JsonReader::ReadNumber(std::string_view name, Value value, double& out) {
  return !value.get_double().get(out) || Fail(name, "is not a number");
}

bool JsonReader::ReadCount(std::string_view name, Value value, std::int64_t& out) {
  if (!value.get_int64().get(out)) return out >= 0 || Fail(name, "is out of range");
  double number = 0;
  if (value.get_double().get(number)) return Fail(name, "is not a number");
  if (!(number >= 0 && number < 9e18)) return Fail(name, "is out of range");
  out = static_cast<std::int64_t>(number);
  return true;
}

bool JsonReader::ReadStruct(std::string_view name, Value value, int level,
                            google::protobuf::Struct& out) {
  return Check(name, ObjectToStruct(value, kProtobufDepthLimit - level_ - level, out));
}

bool JsonReader::ReadValue(std::string_view name, Value value, int level,
                           google::protobuf::Value& out) {
  return Check(name, JsonToValue(value, kProtobufDepthLimit - level_ - level, out));
}

bool JsonReader::Check(std::string_view name, FromJson done) {
  switch (done) {
    case FromJson::kDone:
      return true;
    case FromJson::kMalformed:
    case FromJson::kInexact:
      return Fail(name, "is malformed");
    case FromJson::kTooDeep:
      Fail(name, "is nested deeper than protobuf readers go; ask for RESULT_FORMAT_JSON");
      error_.reason = Reason::kResponseTooLarge;
      return false;
  }
  return false;
}

bool JsonReader::Fail(std::string_view name, std::string_view what) {
  return Fail(std::string(name) + ' ' + std::string(what));
}

bool JsonReader::Fail(std::string_view what) {
  if (!error_.message.empty()) return false;
  error_.reason = Reason::kUpstreamProtocol;
  error_.message = std::string(what_) + " can't be read: ";
  if (!where_.empty()) error_.message += where_ + ' ';
  error_.message += what;
  return false;
}

}  // namespace mcpbridge
