#include "server/frontend/grpc/call_events.h"

#include <algorithm>
#include <array>
#include <utility>

#include "server/frontend/grpc/json_reader.h"
#include "server/frontend/grpc/status.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

constexpr std::array<std::string_view, 8> kLevels = {"debug", "info",     "notice", "warning",
                                                     "error", "critical", "alert",  "emergency"};

class EventReader final : public JsonReader {
 public:
  EventReader() : JsonReader("the server's notification") {}

  bool Read(od::value params, v1::Progress& out) {
    bool has_progress = false;
    const auto read = [&](std::string_view name, od::value value) {
      double number = 0;
      if (name == "message") return ReadString(name, value, *out.mutable_message());
      if (name == "_meta") return ReadStruct(name, value, 2, *out.mutable_meta());
      if (name != "progress" && name != "total") return true;
      if (!ReadNumber(name, value, number)) return false;
      if (name == "total") {
        out.set_total(number);
      } else {
        out.set_progress(number);
        has_progress = true;
      }
      return true;
    };
    return ForEachMember(params, read) && has_progress;
  }

  bool Read(od::value params, bool exact, v1::LogMessage& out) {
    return ForEachMember(params,
                         [&](std::string_view name, od::value value) {
                           if (name == "level")
                             return ReadString(name, value, *out.mutable_level());
                           if (name == "logger")
                             return ReadString(name, value, *out.mutable_logger());
                           if (name == "_meta")
                             return ReadStruct(name, value, 2, *out.mutable_meta());
                           if (name != "data") return true;
                           return exact ? ReadRaw(value, *out.mutable_data_json())
                                        : ReadValue(name, value, 2, *out.mutable_data());
                         }) &&
           !out.level().empty();
  }

 private:
  bool ReadRaw(od::value value, std::string& out) {
    std::string_view raw;
    if (simdjson::to_json_string(value).get(raw)) return Fail("data", "is malformed");
    out = ValidUtf8(jsonrpc::TrimEnd(raw));
    return true;
  }
};

bool ReadEvent(std::string_view method, std::string& params, v1::ResultFormat format,
               v1::CallToolStreamResponse& out) {
  thread_local jsonrpc::Parser parser;
  params.reserve(params.size() + simdjson::SIMDJSON_PADDING);
  od::document& document = parser.document();
  od::value json;
  if (parser.Get().iterate(params.data(), params.size(), params.capacity()).get(document) ||
      document.get_value().get(json)) {
    return false;
  }
  EventReader reader;
  const bool read =
      method == "notifications/progress"
          ? reader.Read(json, *out.mutable_progress())
          : reader.Read(json, format == v1::RESULT_FORMAT_JSON, *out.mutable_log_message());
  parser.Trim();
  return read;
}

}  // namespace

v1::CallToolStreamResponse EventOf(std::string_view method, std::string params,
                                   v1::ResultFormat format) {
  v1::CallToolStreamResponse event;
  const bool is_typed = method == "notifications/progress" || method == "notifications/message";
  if (is_typed && ReadEvent(method, params, format, event)) return event;
  event.mutable_notification()->set_method(ValidUtf8(method));
  event.mutable_notification()->set_params_json(ValidUtf8(params));
  return event;
}

bool IsWanted(std::string_view level, std::string_view least) {
  if (least.empty()) return true;
  return std::find(kLevels.begin(), kLevels.end(), level) >=
         std::find(kLevels.begin(), kLevels.end(), least);
}

}  // namespace mcpbridge
