#include "server/mcp/modern.h"

#include <simdjson.h>

#include <algorithm>

#include "server/mcp/header_value.h"
#include "server/mcp/invalid.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern_meta.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

struct MethodRow {
  std::string_view method;
  std::string_view name_member;
  bool is_cacheable;
};

// https://modelcontextprotocol.io/specification/2026-07-28/schema, and the extension
// io.modelcontextprotocol/tasks.
constexpr std::array<MethodRow, 13> kModernMethods = {{
    {"server/discover", "", true},
    {"tools/list", "", true},
    {"tools/call", "name", false},
    {"resources/list", "", true},
    {"resources/templates/list", "", true},
    {"resources/read", "uri", true},
    {"prompts/list", "", true},
    {"prompts/get", "name", false},
    {"completion/complete", "", false},
    {"subscriptions/listen", "", false},
    {"tasks/get", "taskId", false},
    {"tasks/update", "taskId", false},
    {"tasks/cancel", "taskId", false},
}};
constexpr std::array<std::string_view, 5> kRemovedMethods = {
    "initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"};
constexpr std::array<std::string_view, 8> kLogLevels = {"debug", "info",     "notice", "warning",
                                                        "error", "critical", "alert",  "emergency"};

const MethodRow* RowOf(std::string_view method) {
  const auto at = std::find_if(kModernMethods.begin(), kModernMethods.end(),
                               [&](const MethodRow& row) { return row.method == method; });
  return at == kModernMethods.end() ? nullptr : &*at;
}

Error InvalidMeta(std::string_view key, std::string_view problem) {
  return Invalid(std::string("params._meta[\"").append(key).append("\"] ").append(problem));
}

// One member of params or of `_meta`, as it was found.
struct Found {
  std::string_view key;
  int times = 0;
  bool is_valid = true;
  od::json_type type = od::json_type::null;
  std::string_view raw = {};
  std::string text = {};  // of a string, unescaped

  bool Is(od::json_type wanted) const { return times == 1 && is_valid && type == wanted; }
};

// What params say about the request's era and its sender.
struct Envelope {
  Found meta{.key = "_meta"};
  Found name{.key = ""};
  Found version{.key = kMetaVersion};
  Found client_info{.key = kMetaClientInfo};
  Found capabilities{.key = kMetaCapabilities};
  Found log_level{.key = kMetaLogLevel};
  Found token{.key = "progressToken"};
  bool is_json = true;
};

// Reads the envelope out of a message, on the message's own parse.
class EnvelopeReader {
 public:
  EnvelopeReader(jsonrpc::Message& message, std::string_view name_member) : message_(message) {
    envelope_.name.key = name_member;
  }

  Envelope Read() {
    od::object params;
    envelope_.is_json = !jsonrpc::ParamsValue(message_).get_object().get(params) && Params(params);
    return std::move(envelope_);
  }

 private:
  bool Params(od::object params) {
    for (auto field : params) {
      std::string_view key;
      if (field.error() || field.unescaped_key().get(key)) return false;
      od::value value = field.value_unsafe().value();
      if (key == "_meta") {
        if (!Meta(value)) return false;
      } else if (!envelope_.name.key.empty() && key == envelope_.name.key) {
        if (!Take(value, envelope_.name)) return false;
      }
    }
    return true;
  }

  bool Meta(od::value value) {
    ++envelope_.meta.times;
    if (value.type().get(envelope_.meta.type)) return false;
    if (envelope_.meta.type != od::json_type::object) return true;
    od::object meta;
    if (value.get_object().get(meta)) return false;
    for (auto field : meta) {
      std::string_view key;
      if (field.error() || field.unescaped_key().get(key)) return false;
      for (Found* found : {&envelope_.version, &envelope_.client_info, &envelope_.capabilities,
                           &envelope_.log_level, &envelope_.token}) {
        if (key != found->key) continue;
        if (!Take(field.value_unsafe().value(), *found)) return false;
        break;
      }
    }
    return true;
  }

  // False: the text can't be read on behind it.
  bool Take(od::value value, Found& found) {
    ++found.times;
    if (value.type().get(found.type)) return false;
    const std::string_view token = value.raw_json_token();
    found.raw = jsonrpc::TrimEnd(token);
    if (found.type == od::json_type::string) {
      std::string_view text;
      found.is_valid = !value.get_string().get(text);
      if (found.is_valid) found.text = text;
      return found.is_valid;
    }
    found.is_valid = jsonrpc::Validate(value, 2);
    if (!found.is_valid) return false;
    if (found.type == od::json_type::object || found.type == od::json_type::array) {
      // What comes next is a comma or the end of what it stands in.
      const char* next = nullptr;
      if (message_.document->current_location().get(next)) return false;
      found.raw = jsonrpc::TrimEnd({token.data(), static_cast<std::size_t>(next - token.data())});
    }
    return true;
  }

  jsonrpc::Message& message_;
  Envelope envelope_;
};

// Reading strings out of the document has overwritten the method's.
void RestoreMethod(jsonrpc::Message& message) {
  message.method = {};
  // simdjson gives a document up where it finds it broken, and may not be asked again.
  if (!message.document->is_alive()) return;
  message.document->rewind();
  od::object object;
  if (message.document->get_object().get(object)) return;
  for (auto field : object) {
    std::string_view key;
    if (field.error() || field.unescaped_key().get(key)) return;
    if (key != "method") continue;
    std::string_view method;
    if (!field.value_unsafe().value().get_string().get(method)) message.method = method;
    return;
  }
}

// Whether `params` can have a protocolVersion in `_meta`: a search through the text that most
// messages of the legacy era need no more than. A key may be written with escapes.
bool MayClaimModern(std::string_view params) {
  return params.find(kMetaVersion) != std::string_view::npos ||
         params.find('\\') != std::string_view::npos;
}

std::optional<Error> CheckKey(const Found& found, od::json_type type, bool is_required,
                              std::string_view problem) {
  if (found.times == 0 && !is_required) return std::nullopt;
  if (found.times == 0) return InvalidMeta(found.key, "is missing");
  if (found.times > 1) return InvalidMeta(found.key, "occurs twice");
  if (!found.Is(type)) return InvalidMeta(found.key, problem);
  return std::nullopt;
}

std::optional<Error> CheckLogLevel(const Found& level) {
  static constexpr std::string_view kProblem = "must be a log level of RFC 5424";
  if (auto error = CheckKey(level, od::json_type::string, false, kProblem)) return error;
  if (level.times == 1 && !IsLogLevel(level.text)) return InvalidMeta(level.key, kProblem);
  return std::nullopt;
}

std::optional<Error> CheckMeta(const Envelope& envelope) {
  if (envelope.meta.times > 1) return Invalid("params._meta occurs twice");
  if (envelope.meta.times == 1 && envelope.meta.type != od::json_type::object) {
    return Invalid("params._meta must be an object");
  }
  if (auto error = CheckKey(envelope.version, od::json_type::string, true, "must be a string")) {
    return error;
  }
  if (auto error =
          CheckKey(envelope.capabilities, od::json_type::object, true, "must be an object")) {
    return error;
  }
  if (auto error =
          CheckKey(envelope.client_info, od::json_type::object, false, "must be an object")) {
    return error;
  }
  if (auto error = CheckLogLevel(envelope.log_level)) return error;
  if (envelope.token.type == od::json_type::string) {
    return CheckKey(envelope.token, od::json_type::string, false, "");
  }
  return CheckKey(envelope.token, od::json_type::number, false, "must be a string or a number");
}

// See mirrored_headers.h; where there are no headers nothing is wrong with them.
std::optional<Error> CheckMirrored(const RequestHeaders* headers, std::string_view name,
                                   std::string_view expected, std::string_view what) {
  if (headers == nullptr) return std::nullopt;
  return CheckMirrored(*headers, name, expected, what);
}

std::optional<Error> CheckName(const Found& name, const RequestHeaders* headers) {
  if (name.key.empty()) return std::nullopt;
  const std::string what = "params." + std::string(name.key);
  if (!name.Is(od::json_type::string)) return Invalid(what + " must be there once, a string");
  return CheckMirrored(headers, kNameHeader, name.text, what);
}

// The rest of the ladder, once `_meta` is known to be well-formed.
std::optional<Error> CheckRequest(const Envelope& envelope, std::string_view method,
                                  const RequestHeaders* headers) {
  const std::string& version = envelope.version.text;
  if (auto error = CheckMirrored(headers, kVersionHeader, version, "protocolVersion of _meta")) {
    return error;
  }
  if (!IsModernVersion(version)) {
    // Whoever asks for a legacy version in the modern way is pointed to the modern one.
    const bool is_legacy = std::find(kSupportedVersions.begin(), kSupportedVersions.end(),
                                     version) != kSupportedVersions.end();
    return UnsupportedVersion(
        version, std::span(kSupportedVersions).first(is_legacy ? 1 : kSupportedVersions.size()));
  }
  if (auto error = CheckMirrored(headers, kMethodHeader, method, "method")) return error;
  if (auto error = CheckName(envelope.name, headers)) return error;
  if (ModernMethodOf(method) != ModernMethod::kKnown) {
    return Error{.reason = Reason::kMethodNotFound,
                 .message = "method not found in MCP " + std::string(kModernVersion)};
  }
  return std::nullopt;
}

ModernRequest RequestOf(Envelope envelope) {
  const auto raw = [](const Found& found) {
    return found.times == 1 ? found.raw : std::string_view();
  };
  return {.name = std::move(envelope.name.text),
          .protocol_version = std::move(envelope.version.text),
          .log_level = std::move(envelope.log_level.text),
          .client_info = raw(envelope.client_info),
          .client_capabilities = raw(envelope.capabilities),
          .progress_token = raw(envelope.token)};
}

// `names_modern`: a header says that the request is of the modern era.
Result<std::optional<ModernRequest>> ReadEraWith(jsonrpc::Message& message,
                                                 const RequestHeaders* headers, bool names_modern) {
  const std::optional<ModernRequest> legacy;
  if (message.kind == jsonrpc::Kind::kResult || message.kind == jsonrpc::Kind::kError) {
    if (!names_modern) return legacy;
    return Error{.reason = Reason::kInvalidRequest,
                 .message = "a response is not for a server of MCP " + std::string(kModernVersion)};
  }
  if (!names_modern && !MayClaimModern(message.params)) return legacy;

  const std::string method(message.method);
  Envelope envelope;
  if (!message.params.empty()) {
    envelope = EnvelopeReader(message, NameMember(method)).Read();
    RestoreMethod(message);
    if (!envelope.is_json) return Invalid("params is not valid JSON");
  }
  const bool claims_modern = envelope.version.times > 0;
  if (!claims_modern && (!names_modern || method == "initialize")) return legacy;
  if (message.kind == jsonrpc::Kind::kNotification) return std::optional(ModernRequest{});
  if (auto error = CheckMeta(envelope)) return *std::move(error);
  if (auto error = CheckRequest(envelope, method, headers)) return *std::move(error);
  return std::optional(RequestOf(std::move(envelope)));
}

}  // namespace

bool IsModernVersion(std::string_view version) { return version == kModernVersion; }

bool IsLogLevel(std::string_view level) {
  return std::find(kLogLevels.begin(), kLogLevels.end(), level) != kLogLevels.end();
}

ModernMethod ModernMethodOf(std::string_view method) {
  if (RowOf(method) != nullptr) return ModernMethod::kKnown;
  const bool is_removed =
      std::find(kRemovedMethods.begin(), kRemovedMethods.end(), method) != kRemovedMethods.end();
  return is_removed ? ModernMethod::kRemoved : ModernMethod::kUnknown;
}

std::string_view NameMember(std::string_view method) {
  const MethodRow* row = RowOf(method);
  return row == nullptr ? std::string_view() : row->name_member;
}

bool IsCacheable(std::string_view method) {
  const MethodRow* row = RowOf(method);
  return row != nullptr && row->is_cacheable;
}

Result<std::optional<ModernRequest>> ReadEra(jsonrpc::Message& message) {
  return ReadEraWith(message, nullptr, /*names_modern=*/false);
}

Result<std::optional<ModernRequest>> ReadEra(jsonrpc::Message& message,
                                             const RequestHeaders& headers) {
  if (headers.Count(kVersionHeader) > 1) {
    return Error{.reason = Reason::kHeaderMismatch,
                 .message = std::string(kVersionHeader).append(" occurs more than once"),
                 .metadata = {{"header", std::string(kVersionHeader)}}};
  }
  const auto header = headers.Get(kVersionHeader);
  const auto header_version = header ? DecodeHeaderValue(*header) : std::nullopt;
  const bool names_modern = header_version && IsModernVersion(*header_version);
  return ReadEraWith(message, &headers, names_modern);
}

Result<std::string> MirroredName(std::string_view method, std::string_view params) {
  const std::string_view member = NameMember(method);
  if (member.empty()) return std::string();
  const Error error = Invalid("params." + std::string(member) + " must be there once, a string");
  const auto object = JsonMembers::Read(params);
  const auto raw = object ? object->Get(member) : std::nullopt;
  if (!raw) return error;
  jsonrpc::Text text{std::string(*raw)};
  jsonrpc::Parser parser;
  std::string_view name;
  if (parser.Get().iterate(text.Padded()).get(parser.document()) ||
      parser.document().get_string().get(name)) {
    return error;
  }
  return std::string(name);
}

std::vector<HeaderField> ModernHeaders(std::string_view method, std::string_view name) {
  std::vector<HeaderField> headers = {{std::string(kVersionHeader), std::string(kModernVersion)},
                                      {std::string(kMethodHeader), EncodeHeaderValue(method)}};
  if (!NameMember(method).empty()) {
    headers.emplace_back(std::string(kNameHeader), EncodeHeaderValue(name));
  }
  return headers;
}

Error UnsupportedVersion(std::string_view requested, std::span<const std::string_view> supported) {
  Error error{.reason = Reason::kUnsupportedProtocolVersion,
              .message = "unsupported protocol version",
              .raw_data = {{"supported", JsonList(supported)}}};
  // It may come from a header, whose bytes can be any.
  if (simdjson::validate_utf8(requested.data(), requested.size())) {
    error.raw_data.emplace_back("requested", jsonrpc::Quote(requested));
  }
  return error;
}

Error MissingClientCapability(std::string_view required) {
  return Error{.reason = Reason::kMissingClientCapability,
               .message = "the request needs capabilities that its client didn't declare",
               .raw_data = {{"requiredCapabilities", std::string(required)}}};
}

int ModernHttpStatus(const Error& error) {
  if (error.reason == Reason::kMissingClientCapability) return 400;
  if (error.upstream) {
    if (error.upstream->code == InfoOf(Reason::kMissingClientCapability).jsonrpc_code) return 400;
    if (error.upstream->code == InfoOf(Reason::kMethodNotFound).jsonrpc_code) return 404;
    return 200;
  }
  if (error.reason == Reason::kMethodNotFound) return 404;
  if (error.reason == Reason::kInvalidArguments) return 400;
  return InfoOf(error.reason).http_status;
}

long long ModernErrorCode(long long legacy_code) {
  constexpr long long kResourceNotFound = -32002;
  constexpr long long kUrlElicitationRequired = -32042;
  if (legacy_code == kResourceNotFound) return InfoOf(Reason::kInvalidArguments).jsonrpc_code;
  if (legacy_code == kUrlElicitationRequired) return InfoOf(Reason::kUpstreamError).jsonrpc_code;
  return legacy_code;
}

std::string JsonList(std::span<const std::string_view> items) {
  std::string list = "[";
  for (const std::string_view item : items) {
    if (list.size() > 1) list += ',';
    jsonrpc::AppendQuoted(list, item);
  }
  list += ']';
  return list;
}

}  // namespace mcpbridge
