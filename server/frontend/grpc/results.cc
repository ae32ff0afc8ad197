#include "server/frontend/grpc/results.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "server/frontend/grpc/content_reader.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

constexpr std::string_view kInputRequired = "input_required";

// Reads one result into `Response`: what all results have, and what ReadMember() knows of its kind.
template <class Response>
class ResultReader : public ContentReader {
 public:
  explicit ResultReader(Response& out, int level = 0)
      : ContentReader("the server's result", level), out_(out) {}

  bool Read(od::value result) {
    return ForEachMember(result, [this](std::string_view name, od::value value) {
      if (name == "_meta") return ReadStruct(name, value, 1, *out_.mutable_meta());
      return ReadMember(name, value);
    });
  }

 protected:
  ~ResultReader() = default;

  virtual bool ReadMember(std::string_view name, od::value value) = 0;

  // The members of a result that may be a question to the caller.
  bool ReadInput(std::string_view name, od::value value) {
    if (name == "resultType") return ReadResultType(value);
    if (name == "requestState") return ReadString(name, value, *out_.mutable_request_state());
    if (name != "inputRequests") return true;
    out_.clear_input_requests();
    return ForEachMember(value,
                         [this](std::string_view key, od::value question) {
                           where_ = "inputRequests." + std::string(key);
                           return ReadInputRequest(
                               question, (*out_.mutable_input_requests())[std::string(key)]);
                         }) &&
           (where_.clear(), true);
  }

  Response& out_;

 private:
  bool ReadResultType(od::value value) {
    std::string type;
    if (!ReadString("resultType", value, type)) return false;
    out_.set_input_required(type == kInputRequired);
    return type == kInputRequired || type == "complete" ||
           Fail("resultType", "is none that the bridge knows; ask for RESULT_FORMAT_JSON");
  }

  bool ReadInputRequest(od::value json, v1::InputRequest& out) {
    out.Clear();
    // A map entry that holds an InputRequest: two messages.
    const auto read = [&](std::string_view name, od::value value) {
      if (name == "method") return ReadString(name, value, *out.mutable_method());
      if (name == "params") return ReadStruct(name, value, 3, *out.mutable_params());
      return true;
    };
    return ForEachMember(json, read) && (!out.method().empty() || Fail("has no method"));
  }
};

class ToolResultReader final : public ResultReader<v1::CallToolResponse> {
 public:
  using ResultReader::ResultReader;

 private:
  bool ReadMember(std::string_view name, od::value value) override {
    if (name == "content") return ReadContent(value);
    if (name == "structuredContent") {
      return ReadValue(name, value, 1, *out_.mutable_structured_content());
    }
    if (name != "isError") return ReadInput(name, value);
    bool is_error = false;
    if (!ReadBool(name, value, is_error)) return false;
    out_.set_is_error(is_error);
    return true;
  }

  bool ReadContent(od::value json) {
    out_.clear_content();  // where a member occurs twice, the last one counts
    return ForEachElement("content", json,
                          [this](od::value block) {
                            where_ = "content[" + std::to_string(out_.content_size()) + "]";
                            return ReadBlock(block, 1, *out_.add_content());
                          }) &&
           (where_.clear(), true);
  }
};

class ResourceResultReader final : public ResultReader<v1::ReadResourceResponse> {
 public:
  using ResultReader::ResultReader;

 private:
  bool ReadMember(std::string_view name, od::value value) override {
    if (name == "contents") return ReadContents(value);
    if (name == "ttlMs") return ReadTtl(value);
    if (name == "cacheScope") return ReadCacheScope(value);
    return ReadInput(name, value);
  }

  bool ReadContents(od::value json) {
    out_.clear_contents();
    return ForEachElement("contents", json,
                          [this](od::value resource) {
                            where_ = "contents[" + std::to_string(out_.contents_size()) + "]";
                            return ReadResource(resource, 1, *out_.add_contents());
                          }) &&
           (where_.clear(), true);
  }

  bool ReadTtl(od::value value) {
    std::int64_t ms = 0;
    if (!ReadCount("ttlMs", value, ms)) return false;
    out_.mutable_ttl()->set_seconds(ms / 1000);
    out_.mutable_ttl()->set_nanos(static_cast<std::int32_t>(ms % 1000 * 1'000'000));
    return true;
  }

  bool ReadCacheScope(od::value value) {
    std::string scope;
    if (!ReadString("cacheScope", value, scope)) return false;
    out_.set_cache_scope(scope == "public"    ? v1::CACHE_SCOPE_PUBLIC
                         : scope == "private" ? v1::CACHE_SCOPE_PRIVATE
                                              : v1::CACHE_SCOPE_UNSPECIFIED);
    return true;
  }
};

class PromptResultReader final : public ResultReader<v1::GetPromptResponse> {
 public:
  using ResultReader::ResultReader;

 private:
  bool ReadMember(std::string_view name, od::value value) override {
    if (name == "description") return ReadString(name, value, *out_.mutable_description());
    if (name == "messages") return ReadMessages(value);
    return ReadInput(name, value);
  }

  bool ReadMessages(od::value json) {
    out_.clear_messages();
    return ForEachElement("messages", json,
                          [this](od::value message) {
                            where_ = "messages[" + std::to_string(out_.messages_size()) + "]";
                            return ReadMessage(message, *out_.add_messages());
                          }) &&
           (where_.clear(), true);
  }

  bool ReadMessage(od::value json, v1::PromptMessage& out) {
    bool has_content = false;
    const auto read = [&](std::string_view name, od::value value) {
      if (name == "role") return ReadString(name, value, *out.mutable_role());
      if (name != "content") return true;
      has_content = true;
      where_ += ".content";
      return ReadBlock(value, 2, *out.mutable_content());
    };
    return ForEachMember(json, read) && (has_content || Fail("has no content"));
  }
};

class CompletionReader final : public ResultReader<v1::CompleteResponse> {
 public:
  using ResultReader::ResultReader;

 private:
  bool ReadMember(std::string_view name, od::value value) override {
    if (name != "completion") return true;
    where_ = "completion";
    return ForEachMember(value, [this](std::string_view member, od::value inner) {
      if (member == "values") return ReadValues(inner);
      if (member == "total") return ReadTotal(inner);
      if (member != "hasMore") return true;
      bool has_more = false;
      if (!ReadBool(member, inner, has_more)) return false;
      out_.set_has_more(has_more);
      return true;
    });
  }

  bool ReadValues(od::value json) {
    out_.clear_values();
    return ForEachElement("values", json, [this](od::value value) {
      return ReadString("values", value, *out_.add_values());
    });
  }

  bool ReadTotal(od::value value) {
    std::int64_t total = 0;
    if (!ReadCount("total", value, total)) return false;
    out_.set_total(total);
    return true;
  }
};

Error NotAnObject() {
  return Error{.reason = Reason::kUpstreamProtocol,
               .message = "the server's result is not a JSON object"};
}

template <class Reader, class Response>
std::optional<Error> FillTyped(jsonrpc::Message& result, Response& out, int level = 0) {
  od::value json;
  if (jsonrpc::ResultValue(result).get(json)) return NotAnObject();
  Reader reader(out, level);
  if (!reader.Read(json)) return reader.TakeError();
  return std::nullopt;
}

// What a program must know of a result before it reads it.
struct Kind {
  bool is_error = false;
  bool input_required = false;
};

// Checks a result all the way down.
Result<Kind> CheckJson(jsonrpc::Message& result) {
  od::value json;
  od::object object;
  if (jsonrpc::ResultValue(result).get(json) || json.get_object().get(object)) {
    return NotAnObject();
  }
  Kind kind;
  for (auto field : object) {
    const Error malformed{.reason = Reason::kUpstreamProtocol,
                          .message = "the server's result is not valid JSON"};
    std::string_view name;
    if (field.error() || field.unescaped_key().get(name)) return malformed;
    od::value value = field.value_unsafe().value();
    if (name == "isError") {
      bool null = false;
      if (!value.is_null().get(null) && null) continue;
      if (!value.get_bool().get(kind.is_error)) continue;
      return Error{.reason = Reason::kUpstreamProtocol,
                   .message = "the server's result can't be read: isError is not a boolean"};
    }
    std::string_view type;
    if (name == "resultType" && !value.get_string().get(type)) {
      kind.input_required = type == kInputRequired;
    } else if (!jsonrpc::Validate(value, 1)) {
      return malformed;
    }
  }
  return kind;
}

template <class Response>
std::optional<Error> FillJson(jsonrpc::Message& result, Response& out) {
  const Result<Kind> kind = CheckJson(result);
  if (!kind) return kind.error();
  out.set_input_required(kind->input_required);
  if constexpr (requires { out.set_is_error(true); }) out.set_is_error(kind->is_error);
  out.set_result_json(result.result.data(), result.result.size());
  return std::nullopt;
}

}  // namespace

std::optional<Error> FillResult(jsonrpc::Message& result, v1::ResultFormat format,
                                v1::CallToolResponse& out, int level) {
  return format == v1::RESULT_FORMAT_JSON ? FillJson(result, out)
                                          : FillTyped<ToolResultReader>(result, out, level);
}

std::optional<Error> FillResult(jsonrpc::Message& result, v1::ResultFormat format,
                                v1::ReadResourceResponse& out) {
  return format == v1::RESULT_FORMAT_JSON ? FillJson(result, out)
                                          : FillTyped<ResourceResultReader>(result, out);
}

std::optional<Error> FillResult(jsonrpc::Message& result, v1::ResultFormat format,
                                v1::GetPromptResponse& out) {
  return format == v1::RESULT_FORMAT_JSON ? FillJson(result, out)
                                          : FillTyped<PromptResultReader>(result, out);
}

std::optional<Error> FillResult(jsonrpc::Message& result, v1::CompleteResponse& out) {
  return FillTyped<CompletionReader>(result, out);
}

}  // namespace mcpbridge
