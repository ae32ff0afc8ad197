#include "server/config/server_section.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config/http_fields.h"
#include "server/config/litellm_keys.h"

namespace mcpbridge {
namespace {

constexpr std::string_view kHttpKeys[] = {"url",       "static_headers", "extra_headers",
                                          "auth_type", "auth_value",     "authentication_token"};
constexpr std::string_view kStdioKeys[] = {"command", "args", "env"};

struct NamedAuthType {
  std::string_view name;
  AuthType type;
};
constexpr NamedAuthType kAuthTypes[] = {
    {"none", AuthType::kNone},   {"api_key", AuthType::kApiKey},
    {"basic", AuthType::kBasic}, {"bearer_token", AuthType::kBearerToken},
    {"token", AuthType::kToken}, {"authorization", AuthType::kAuthorization}};
// Paths of the HTTP front, where a server's name would stand.
constexpr std::string_view kReservedNames[] = {"mcp", "healthz", "readyz", "sse"};

template <class List>
bool Contains(const List& list, std::string_view text) {
  return std::ranges::find(list, text) != std::end(list);
}

std::string NameFault(std::string_view name) {
  if (name.find('-') != name.npos) {
    return "a server's name must not contain '-', which stands between server and tool: use '_'";
  }
  const bool is_valid = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
  });
  if (!is_valid) return "a server's name may have letters, digits, '_' and '.' only";
  if (name.find_first_not_of('.') == name.npos) return "a server's name must not be empty or dots";
  return "";
}

constexpr auto kNoTemplates =
    "LiteLLM's ${...}, filled in from the caller's headers, is not supported: use os.environ/NAME, "
    "or "
    "extra_headers to pass a caller's header on";

// Whether `value`, as the file has it, would be filled in per call by LiteLLM.
bool IsTemplate(const YamlValue& value) {
  if (!value.node.IsScalar()) return false;
  const std::string& text = value.node.Scalar();
  const std::size_t begin = text.find("${");
  return !IsFromEnv(value) && begin != text.npos && text.find('}', begin) != text.npos;
}

// One entry of `mcp_servers` while it is read: first every key by itself, then what holds between
// them.
class ServerSection {
 public:
  ServerSection(YamlReader& reader, const std::string& key, const YamlValue& value,
                const std::vector<ServerAlias>& aliases)
      : reader_(reader), value_(value), key_(SpelledServerName(key)), aliases_(aliases) {
    server_.name = aliases.empty() ? key_ : aliases.front().name;
  }

  ServerConfig Read() {
    ReadKeys();
    CheckNames();
    if (value_.node.IsMap()) {
      SettleTransport();
      SettleAuth();
    }
    AddOtherNames();
    AddBareNames(server_.allowed_tools);
    AddBareNames(server_.disallowed_tools);
    return std::move(server_);
  }

 private:
  void ReadKeys() {
    const auto key = [this](std::string_view name, auto read) {
      return std::pair(name, YamlReader::KeyReader([this, name, read](const YamlValue& v) {
                         given_.emplace(name, v);
                         read(v);
                       }));
    };
    const auto text = [this](std::string& out) {
      return [this, &out](const YamlValue& v) { reader_.ReadNonEmpty(v, out); };
    };
    const auto tools = [this](std::vector<std::string>& out) {
      return [this, &out](const YamlValue& v) { ReadTools(v, out); };
    };
    reader_.ReadMap(
        value_,
        {key("url", [this](const YamlValue& v) { ReadUrl(v); }),
         key("transport", [this](const YamlValue& v) { ReadTransport(v); }),
         key("command", text(server_.command)),
         key("args", [this](const YamlValue& v) { ReadArgs(v); }),
         key("env", [this](const YamlValue& v) { ReadEnv(v); }),
         key("static_headers", [this](const YamlValue& v) { ReadStaticHeaders(v); }),
         key("extra_headers", [this](const YamlValue& v) { ReadExtraHeaders(v); }),
         key("auth_type", [this](const YamlValue& v) { ReadAuthType(v); }),
         key("auth_value", text(auth_value_)),
         key("authentication_token", text(authentication_token_)),
         // The master key is the only key there is, and it opens every server.
         key("allow_all_keys",
             [this](const YamlValue& v) {
               bool unused = false;
               reader_.ReadBool(v, unused);
             }),
         key("allowed_tools", tools(server_.allowed_tools)),
         key("disallowed_tools", tools(server_.disallowed_tools)),
         key("access_groups", [this](const YamlValue& v) { ReadAccessGroups(v); }),
         key("isolation", [this](const YamlValue& v) { ReadIsolation(v); }),
         key("protocol", [this](const YamlValue& v) { ReadProtocol(v); }),
         key("timeout", [this](const YamlValue& v) { ReadTimeout(v); }),
         key("description",
             [this](const YamlValue& v) { reader_.ReadString(v, server_.description); }),
         key("alias", [this](const YamlValue& v) { ReadAlias(v); })},
        [](const std::string& name) -> std::string {
          if (!Contains(kLiteLlmServerKeys, name) && !name.starts_with("id_jag_")) return "";
          return "is a LiteLLM key that mcp-bridge does not support yet";
        });
  }

  void ReadUrl(const YamlValue& value) {
    std::string url;
    if (!reader_.ReadNonEmpty(value, url)) return;
    AddFault(value, IsGrpcUrl(url) ? GrpcUrlFault(url) : UrlFault(url));
    server_.url = std::move(url);
  }

  void ReadTransport(const YamlValue& value) {
    std::string word;
    if (!reader_.ReadWord(value, word)) return;
    if (word == "http") {
      transport_ = TransportKind::kHttp;
    } else if (word == "stdio") {
      transport_ = TransportKind::kStdio;
    } else if (word == "sse") {
      transport_ = TransportKind::kSse;
    } else if (word == "grpc") {
      transport_ = TransportKind::kGrpc;
    } else {
      reader_.AddError(value, "expected http, sse, stdio or grpc");
    }
  }

  void ReadArgs(const YamlValue& value) {
    const auto items = reader_.ReadItems(value);
    if (!items) return;
    for (const YamlValue& item : *items) {
      std::string arg;
      if (reader_.ReadString(item, arg)) server_.args.push_back(std::move(arg));
    }
  }

  void ReadEnv(const YamlValue& value) {
    for (const auto& [name, entry] : reader_.ReadEntries(value, YamlReader::BareKeys::kHidden)) {
      std::string text;
      if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != name.npos) {
        reader_.AddError(entry, "is not a valid name of an environment variable");
      } else if (IsTemplate(entry)) {
        reader_.AddError(entry, kNoTemplates);
      } else if (reader_.ReadString(entry, text)) {
        server_.env.emplace(name, std::move(text));
      }
    }
  }

  void ReadStaticHeaders(const YamlValue& value) {
    for (const auto& [name, entry] : reader_.ReadEntries(value, YamlReader::BareKeys::kHidden)) {
      std::string text;
      if (IsTemplate(entry)) {
        reader_.AddError(entry, kNoTemplates);
      } else if (HasHeader(name)) {
        reader_.AddError(entry, "appears twice: capitals make no other header");
      } else if (AddFault(entry, HeaderNameFault(name)) || !reader_.ReadNonEmpty(entry, text)) {
        continue;
      } else if (!AddFault(entry, HeaderValueFault(text))) {
        server_.headers.emplace_back(name, std::move(text));
      }
    }
  }

  void ReadExtraHeaders(const YamlValue& value) {
    const auto items = reader_.ReadItems(value);
    if (!items) return;
    for (const YamlValue& item : *items) {
      std::string name;
      if (!reader_.ReadNonEmpty(item, name) || AddFault(item, HeaderNameFault(name))) continue;
      name = AsciiLower(name);
      if (name == "x-litellm-api-key") {
        reader_.AddError(item, "would hand the master key of mcp-bridge to the server");
      } else if (!Contains(server_.extra_headers, name)) {
        server_.extra_headers.push_back(std::move(name));
      }
    }
  }

  void ReadAuthType(const YamlValue& value) {
    std::string word;
    if (!reader_.ReadWord(value, word)) return;
    const auto found = std::ranges::find(kAuthTypes, word, &NamedAuthType::name);
    if (found != std::end(kAuthTypes)) {
      auth_type_ = found->type;
    } else if (Contains(kLiteLlmAuthTypes, word)) {
      reader_.AddError(value, "is a LiteLLM auth_type that mcp-bridge does not support yet");
    } else {
      reader_.AddError(value,
                       "expected one of none, api_key, bearer_token, basic, authorization, token");
    }
  }

  void ReadTools(const YamlValue& value, std::vector<std::string>& out) {
    if (!reader_.ReadStrings(value, out)) return;
    if (out.empty()) reader_.AddError(value, "is empty: name at least one tool or remove the key");
    const auto has_wildcard = [](const std::string& tool) { return tool.find('*') != tool.npos; };
    if (std::ranges::any_of(out, has_wildcard)) {
      reader_.AddError(value, "has a wildcard (*): name each tool");
    }
  }

  void ReadAccessGroups(const YamlValue& value) {
    const auto items = reader_.ReadItems(value);
    if (!items) return;
    for (const YamlValue& item : *items) {
      std::string group;
      if (!reader_.ReadNonEmpty(item, group)) continue;
      if (group.find_first_of(",/ \t\r\n") != group.npos) {
        reader_.AddError(item, "an access group's name must not have a comma, a slash or a space");
      } else if (!Contains(server_.access_groups, group)) {
        server_.access_groups.push_back(std::move(group));
      }
    }
  }

  void ReadIsolation(const YamlValue& value) {
    std::string word;
    if (!reader_.ReadWord(value, word)) return;
    if (word == "session") {
      server_.isolation = Isolation::kSession;
    } else if (word == "shared") {
      server_.isolation = Isolation::kShared;
    } else if (word == "call") {
      server_.isolation = Isolation::kCall;
    } else {
      reader_.AddError(value, "expected session, shared or call");
    }
  }

  void ReadProtocol(const YamlValue& value) {
    std::string word;
    if (!reader_.ReadWord(value, word)) return;
    if (word == "auto") {
      protocol_ = Protocol::kAuto;
    } else if (word == "legacy" || word == "modern") {
      protocol_ = word == "legacy" ? Protocol::kLegacy : Protocol::kModern;
    } else {
      reader_.AddError(value, "expected auto, legacy or modern");
    }
    server_.protocol = protocol_.value_or(Protocol::kAuto);
  }

  void ReadTimeout(const YamlValue& value) {
    if (!reader_.ReadDuration(value, server_.timeout)) return;
    if (server_.timeout.count() == 0) reader_.AddError(value, "must be longer than 0");
  }

  void ReadAlias(const YamlValue& value) {
    std::string alias;
    if (reader_.ReadNonEmpty(value, alias)) server_.name = SpelledServerName(std::move(alias));
  }

  // The key too: LiteLLM wants it so, and tools may be listed under either.
  void CheckNames() {
    AddFault(value_, NameFault(key_));
    if (Given("alias")) CheckName(server_.name, *Given("alias"));
    if (!Given("alias") && aliases_.empty()) CheckName(key_, value_);
    for (const ServerAlias& alias : aliases_) CheckName(alias.name, alias.at);
  }

  void CheckName(const std::string& name, const YamlValue& at) {
    if (name != key_) AddFault(at, NameFault(name));
    if (Contains(kReservedNames, name)) {
      reader_.AddError(at, "this name is a path of mcp-bridge itself: give the server an alias");
    }
  }

  void AddOtherNames() {
    const auto add = [this](const std::string& name) {
      if (name != server_.name && !Contains(server_.other_names, name) &&
          !Contains(kReservedNames, name)) {
        server_.other_names.push_back(name);
      }
    };
    add(key_);
    for (const ServerAlias& alias : aliases_) add(alias.name);
  }

  void SettleTransport() {
    server_.transport =
        transport_.value_or(Given("command") ? TransportKind::kStdio : TransportKind::kHttp);
    if (Given("transport") && !transport_) return;  // refused: which keys it needs is unknown
    if (server_.transport == TransportKind::kGrpc) return SettleGrpc();
    if (IsGrpcUrl(server_.url)) {
      reader_.AddError(*Given("url"), "is for servers over gRPC: set transport: grpc");
    }
    if (server_.transport == TransportKind::kHttp) {
      RefuseAll(kStdioKeys, "is for stdio servers, and this one's transport is http");
      if (!Given("url"))
        reader_.AddError(value_, "needs a url (or a command, to be a stdio server)");
    } else if (server_.transport == TransportKind::kSse) {
      RefuseAll(kStdioKeys, "is for stdio servers, and this one's transport is sse");
      if (!Given("url")) reader_.AddError(value_, "needs a url, as its transport is sse");
      if (protocol_ && protocol_ != Protocol::kLegacy) {
        reader_.AddError(*Given("protocol"),
                         "a server whose transport is sse speaks earlier versions than 2026-07-28 "
                         "only: use legacy or remove the key");
      }
    } else {
      RefuseAll(kHttpKeys, "is for http servers, and this one's transport is stdio");
      if (!Given("command")) reader_.AddError(value_, "needs a command, as its transport is stdio");
    }
  }

  void SettleGrpc() {
    RefuseAll(kStdioKeys, "is for stdio servers, and this one's transport is grpc");
    if (!Given("url")) {
      reader_.AddError(value_, "needs a url, as its transport is grpc");
    } else if (!server_.url.empty() && !IsGrpcUrl(server_.url)) {
      AddFault(*Given("url"), GrpcUrlFault(server_.url));
    }
    if (const YamlValue* isolation = Given("isolation")) {
      reader_.AddError(*isolation,
                       "has no effect: a server over gRPC keeps nothing from call to call. Remove "
                       "the key");
    }
    if (protocol_ && protocol_ != Protocol::kModern) {
      reader_.AddError(*Given("protocol"),
                       "a server whose transport is grpc is asked as one of 2026-07-28: use modern "
                       "or remove the key");
    }
    for (const auto& [name, text] : server_.headers) {
      const YamlValue& at = *Given("static_headers");
      if (AddFault(at, WithName(name, MetadataNameFault(name)))) continue;
      AddFault(at, WithName(name, MetadataValueFault(text)));
    }
    for (const std::string& name : server_.extra_headers) {
      AddFault(*Given("extra_headers"), WithName(name, MetadataNameFault(name)));
    }
  }

  static std::string WithName(const std::string& name, const std::string& fault) {
    return fault.empty() ? fault : name + ": " + fault;
  }

  void RefuseAll(std::span<const std::string_view> keys, const char* message) {
    for (const std::string_view key : keys) {
      if (const YamlValue* value = Given(key)) reader_.AddError(*value, message);
    }
  }

  // LiteLLM's authentication_token wins over its older name auth_value.
  void SettleAuth() {
    const YamlValue* const at =
        Given("authentication_token") ? Given("authentication_token") : Given("auth_value");
    const YamlValue* const type_at = Given("auth_type");
    if (type_at && !auth_type_) return;  // refused
    const AuthType type = auth_type_.value_or(AuthType::kNone);
    if (type == AuthType::kNone) {
      if (at) reader_.AddError(*at, "has no effect without an auth_type: say how to send it");
      return;
    }
    if (!at) {
      reader_.AddError(*type_at, "needs an authentication_token (or auth_value)");
      return;
    }
    const std::string& value = Given("authentication_token") ? authentication_token_ : auth_value_;
    if (!value.empty()) AddAuthHeader(*at, type, value);
  }

  void AddAuthHeader(const YamlValue& at, AuthType type, const std::string& value) {
    if (AddFault(at, HeaderValueFault(value))) return;
    if (server_.transport == TransportKind::kGrpc && type != AuthType::kBasic &&
        AddFault(at, MetadataValueFault(value))) {
      return;
    }
    if (type == AuthType::kBasic && value.find(':') == value.npos) {
      reader_.AddError(at, "expected user:password, as it is: mcp-bridge encodes it");
      return;
    }
    auto header = AuthHeader(type, value);
    if (HasHeader(header.first)) {
      reader_.AddError(at, "auth_type and static_headers both set " + header.first);
      return;
    }
    server_.headers.push_back(std::move(header));
  }

  // LiteLLM also takes "server-tool" in its lists; beside it goes what the server calls the tool.
  void AddBareNames(std::vector<std::string>& tools) const {
    const std::size_t count = tools.size();
    for (std::size_t i = 0; i < count; ++i) {
      AddBareName(server_.name, tools[i], tools);
      AddBareName(key_, tools[i], tools);
      for (const std::string& name : server_.other_names) AddBareName(name, tools[i], tools);
    }
  }

  // By value: `tool` is one of `tools`.
  static void AddBareName(const std::string& server, std::string tool,
                          std::vector<std::string>& tools) {
    const std::string prefix = server + "-";
    if (!tool.starts_with(prefix) || tool.size() == prefix.size()) return;
    std::string bare = tool.substr(prefix.size());
    if (!Contains(tools, bare)) tools.push_back(std::move(bare));
  }

  bool HasHeader(std::string_view name) const {
    const std::string lower = AsciiLower(name);
    return std::ranges::any_of(server_.headers,
                               [&lower](const auto& h) { return AsciiLower(h.first) == lower; });
  }

  // Adds `fault` unless it is empty; whether it did.
  bool AddFault(const YamlValue& at, std::string fault) {
    if (fault.empty()) return false;
    reader_.AddError(at, std::move(fault));
    return true;
  }

  // Null: the entry doesn't have this key.
  const YamlValue* Given(std::string_view key) const {
    const auto found = given_.find(key);
    return found == given_.end() ? nullptr : &found->second;
  }

  YamlReader& reader_;
  const YamlValue& value_;
  const std::string key_;
  const std::vector<ServerAlias>& aliases_;
  ServerConfig server_;
  std::map<std::string, YamlValue, std::less<>> given_;
  std::optional<TransportKind> transport_;  // null: not given, or refused
  std::optional<AuthType> auth_type_;       // the same
  std::optional<Protocol> protocol_;        // the same
  std::string auth_value_;
  std::string authentication_token_;
};

}  // namespace

ServerConfig ReadServerSection(YamlReader& reader, const std::string& key, const YamlValue& value,
                               const std::vector<ServerAlias>& aliases) {
  return ServerSection(reader, key, value, aliases).Read();
}

std::string SpelledServerName(std::string name) {
  std::ranges::replace(name, ' ', '_');
  return name;
}

}  // namespace mcpbridge
