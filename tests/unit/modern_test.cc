#include "server/mcp/modern.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/mcp/modern_meta.h"
#include "tests/unit/fake_headers.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

const char kVersionMember[] = R"("io.modelcontextprotocol/protocolVersion":"2026-07-28")";
const char kCapabilitiesMember[] = R"("io.modelcontextprotocol/clientCapabilities":{"roots":{}})";

// The members that every `_meta` must have.
std::string Required() { return std::string(kVersionMember) + "," + kCapabilitiesMember; }

std::string Meta(const std::string& members) { return R"("_meta":{)" + members + "}"; }

std::string Request(const std::string& method, const std::string& params_members) {
  return R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":{)" + params_members +
         "}}";
}

// A tools/call to `a` with `_meta` of these members.
std::string Call(const std::string& meta_members) {
  return Request("tools/call", R"("name":"a","arguments":{"t":"\n"},)" + Meta(meta_members));
}

std::vector<HeaderField> Headers(const std::string& method, const std::string& name = "") {
  std::vector<HeaderField> headers = {{"mcp-protocol-version", "2026-07-28"},
                                      {"mcp-method", method}};
  if (!name.empty()) headers.emplace_back("mcp-name", name);
  return headers;
}

// What ReadEra() makes of a request: "legacy", "modern" or an error's reason.
struct Outcome {
  std::string era;
  std::string method;  // as message.method says it afterwards
  Error error;
};

Outcome Read(const std::string& json, const std::vector<HeaderField>& headers) {
  jsonrpc::Parser parser;
  jsonrpc::Text text(json);
  auto message = jsonrpc::Parse(parser, text);
  EXPECT_TRUE(message) << json;
  if (!message) return {};
  const auto era = ReadEra(*message, FakeHeaders(headers));
  Outcome outcome;
  outcome.method = message->method;
  if (!era) {
    outcome.era = InfoOf(era.error().reason).name;
    outcome.error = era.error();
  } else {
    outcome.era = *era ? "modern" : "legacy";
  }
  return outcome;
}

TEST(VersionTest, OnlyOneIsModern) {
  EXPECT_TRUE(IsModernVersion("2026-07-28"));
  for (const char* version : {"", "2025-11-25", "2026-07-28 ", "draft", "2027-01-01"}) {
    EXPECT_FALSE(IsModernVersion(version)) << version;
  }
}

TEST(MethodTest, EachEraHasItsOwn) {
  for (const char* method :
       {"server/discover", "tools/list", "tools/call", "resources/list", "resources/templates/list",
        "resources/read", "prompts/list", "prompts/get", "completion/complete",
        "subscriptions/listen", "tasks/get", "tasks/update", "tasks/cancel"}) {
    EXPECT_EQ(ModernMethodOf(method), ModernMethod::kKnown) << method;
  }
  for (const char* method :
       {"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"}) {
    EXPECT_EQ(ModernMethodOf(method), ModernMethod::kRemoved) << method;
  }
  for (const char* method : {"", "tasks/list", "tasks/result", "Tools/List", "unknown/method"}) {
    EXPECT_EQ(ModernMethodOf(method), ModernMethod::kUnknown) << method;
  }
  EXPECT_EQ(NameMember("tools/call"), "name");
  EXPECT_EQ(NameMember("prompts/get"), "name");
  EXPECT_EQ(NameMember("resources/read"), "uri");
  EXPECT_EQ(NameMember("tasks/cancel"), "taskId");
  EXPECT_EQ(NameMember("tools/list"), "");
  EXPECT_EQ(NameMember("ping"), "");
  for (const char* method : {"server/discover", "tools/list", "prompts/list", "resources/list",
                             "resources/templates/list", "resources/read"}) {
    EXPECT_TRUE(IsCacheable(method)) << method;
  }
  for (const char* method : {"tools/call", "prompts/get", "completion/complete", "ping"}) {
    EXPECT_FALSE(IsCacheable(method)) << method;
  }
}

TEST(EraTest, ReadsAModernRequest) {
  jsonrpc::Parser parser;
  jsonrpc::Text text(Request(
      "tools/call",
      R"("name":"caf\u00e9","_meta":{ "io.modelcontextprotocol/protocolVersion" : "2026-07-28" ,
          "io.modelcontextprotocol/clientInfo":{"name":"c", "v":[1]} ,
          "io.modelcontextprotocol/clientCapabilities": {"sampling":{ }} ,
          "io.modelcontextprotocol/logLevel":"warning", "x/y":{"a":[{}]},
          "progressToken": 9007199254740993 },"arguments":{"q":"\u0041"})"));
  auto message = jsonrpc::Parse(parser, text);
  ASSERT_TRUE(message);
  const auto era = ReadEra(*message, FakeHeaders(Headers(" tools/call ", "=?base64?Y2Fmw6k=?=")));
  ASSERT_TRUE(era) << era.error().message;
  ASSERT_TRUE(*era);
  const ModernRequest& request = **era;
  EXPECT_EQ(request.name, "caf\xc3\xa9");
  EXPECT_EQ(request.protocol_version, "2026-07-28");
  EXPECT_EQ(request.log_level, "warning");
  EXPECT_EQ(request.client_info, R"({"name":"c", "v":[1]})");
  EXPECT_EQ(request.client_capabilities, R"({"sampling":{ }})");
  EXPECT_EQ(request.progress_token, "9007199254740993");
  EXPECT_EQ(message->method, "tools/call");
}

TEST(EraTest, ATokenKeepsItsType) {
  jsonrpc::Parser parser;
  jsonrpc::Text text(Call(Required() + R"(,"progressToken":"7\u0041")"));
  auto message = jsonrpc::Parse(parser, text);
  const auto era = ReadEra(*message, FakeHeaders(Headers("tools/call", "a")));
  ASSERT_TRUE(era && *era);
  EXPECT_EQ((*era)->progress_token, R"("7\u0041")");
  EXPECT_EQ((*era)->client_info, "");
  EXPECT_EQ((*era)->log_level, "");
}

struct EraCase {
  std::string json;
  std::vector<HeaderField> headers;
  std::string era;
};

TEST(EraTest, IsToldByTheRequest) {
  const std::string initialize =
      Request("initialize", R"("protocolVersion":"2026-07-28","capabilities":{},"x":"\n")");
  const std::vector<HeaderField> modern = {{"MCP-Protocol-Version", "2026-07-28"}};
  const std::vector<HeaderField> legacy = {{"MCP-Protocol-Version", "2025-11-25"}};
  const std::string note = R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{)";
  for (const EraCase& one : {
           EraCase{Request("tools/list", ""), {}, "legacy"},
           EraCase{R"({"jsonrpc":"2.0","id":1,"method":"ping"})", legacy, "legacy"},
           EraCase{Request("tools/call", R"("name":"a","arguments":{"x":"\\\"\n"})"), legacy,
                   "legacy"},
           EraCase{Request("tools/call", R"("name":"a","_meta":{"progressToken":1})"), legacy,
                   "legacy"},
           EraCase{Request("tools/call", R"("name":"a","_meta":7,"x":"\n")"), {}, "legacy"},
           // Only as a key of _meta itself does it count.
           EraCase{Request("tools/call", R"("name":"a","arguments":{)" + Required() + "}"),
                   {},
                   "legacy"},
           EraCase{Request("tools/call", Required()), {}, "legacy"},
           EraCase{Request("tools/call", R"("arguments":{"_meta":{)" + Required() + "}}"),
                   {},
                   "legacy"},
           EraCase{initialize, {}, "legacy"},
           EraCase{initialize, modern, "legacy"},
           EraCase{R"({"jsonrpc":"2.0","id":1,"result":{}})", legacy, "legacy"},
           EraCase{R"({"jsonrpc":"2.0","id":1,"result":{}})", modern, "INVALID_REQUEST"},
           EraCase{R"({"jsonrpc":"2.0","id":1,"error":{}})", modern, "INVALID_REQUEST"},
           EraCase{note + "}}", {}, "legacy"},
           EraCase{note + "}}", modern, "modern"},
           EraCase{note + Meta(kVersionMember) + "}}", {}, "modern"},
           EraCase{Call(Required()), Headers("tools/call", "a"), "modern"},
           // A version that nobody knows, in the header only, is for the legacy era to refuse.
           EraCase{Request("tools/list", ""), {{"mcp-protocol-version", "v999"}}, "legacy"},
           EraCase{Request("tools/list", ""),
                   {{"mcp-protocol-version", "2025-11-25"}, {"MCP-Protocol-Version", "2026-07-28"}},
                   "HEADER_MISMATCH"},
       }) {
    const Outcome outcome = Read(one.json, one.headers);
    EXPECT_EQ(outcome.era, one.era) << one.json << " " << outcome.error.message;
  }
}

TEST(EraTest, AKeyWithEscapesIsTheSameKey) {
  const std::string escaped = R"("io.modelcontextprotocol\/protocolVersion":"2026-07-28",)" +
                              std::string(kCapabilitiesMember);
  EXPECT_EQ(Read(Call(escaped), Headers("tools/call", "a")).era, "modern");
  const std::string hidden =
      R"({"jsonrpc":"2.0","id":1,"m\u0065thod":"tools\/list","params":{"\u005fmeta":{)" +
      Required() + "}}}";
  const Outcome outcome = Read(hidden, Headers("tools/list"));
  EXPECT_EQ(outcome.era, "modern");
  EXPECT_EQ(outcome.method, "tools/list");
}

TEST(EraTest, TheMethodSurvivesWhateverIsInTheParams) {
  const std::string filler = "\\u0041\\n" + std::string(300, 'z');
  const std::string json = R"({"params":{"name":")" + filler + R"(","k)" + filler +
                           R"(":1,"_meta":{"k)" + filler + R"(":")" + filler +
                           R"("}},"jsonrpc":"2.0","method":"prompts/get","id":1})";
  const Outcome outcome = Read(json, {});
  EXPECT_EQ(outcome.era, "legacy");
  EXPECT_EQ(outcome.method, "prompts/get");
}

TEST(LadderTest, MetaComesFirst) {
  const std::string version = kVersionMember;
  const std::string capabilities = kCapabilitiesMember;
  for (const std::string& json : {
           R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})" + std::string(),
           Request("tools/call", R"("name":"a")"),
           Request("tools/call", R"("name":"a","_meta":7)"),
           Request("tools/call", R"("name":"a","_meta":null)"),
           Call(""),
           Call(capabilities),
           Call(version),
           Call(R"("io.modelcontextprotocol/protocolVersion":7,)" + capabilities),
           Call(R"("io.modelcontextprotocol/protocolVersion":null,)" + capabilities),
           Call(version + "," + Required()),
           Call(Required() + "," + capabilities),
           Call(version + R"(,"io.modelcontextprotocol/clientCapabilities":[])"),
           Call(version + R"(,"io.modelcontextprotocol/clientCapabilities":null)"),
           Call(version + R"(,"io.modelcontextprotocol/clientCapabilities":{"a":nul})"),
           Call(Required() + R"(,"io.modelcontextprotocol/clientInfo":"me")"),
           Call(Required() + R"(,"io.modelcontextprotocol/clientInfo":{},)" +
                R"("io.modelcontextprotocol/clientInfo":{})"),
           Call(Required() + R"(,"io.modelcontextprotocol/logLevel":"loud")"),
           Call(Required() + R"(,"io.modelcontextprotocol/logLevel":7)"),
           Call(Required() + R"(,"progressToken":{})"),
           Call(Required() + R"(,"progressToken":1,"progressToken":"1")"),
           Request("tools/call", R"("name":"a",)" + Meta(Required()) + "," + Meta(Required())),
           Request("tools/call", R"("name":"a",)" + Meta("") + "," + Meta(Required())),
           Request("tools/call", Meta(Required())),
           Request("tools/call", R"("name":7,)" + Meta(Required())),
           Request("tools/call", R"("name":"a","name":"a",)" + Meta(Required())),
           Request("tools/call", R"("name":"a\q",)" + Meta(Required())),
       }) {
    const Outcome outcome = Read(json, Headers("tools/call", "a"));
    EXPECT_EQ(outcome.era, "INVALID_ARGUMENTS") << json;
    EXPECT_EQ(ModernHttpStatus(outcome.error), 400);
    EXPECT_EQ(InfoOf(outcome.error.reason).jsonrpc_code, -32602);
  }
  EXPECT_NE(Read(Call(version), Headers("tools/call", "a"))
                .error.message.find("io.modelcontextprotocol/clientCapabilities"),
            std::string::npos);
}

TEST(LadderTest, HostileMetaIsRefusedAndNothingBreaks) {
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  const std::string head =
      std::string(kVersionMember) + R"(,"io.modelcontextprotocol/clientCapabilities":{"a":)";
  // Far deeper than simdjson goes, and only deeper than we go.
  const std::string moderate = std::string(200, '[') + std::string(200, ']');
  for (const std::string& nested : {deep, moderate}) {
    jsonrpc::Parser parser;
    jsonrpc::Text text(Call(head + nested + "}"));
    auto message = jsonrpc::Parse(parser, text);
    if (!message) continue;
    const auto era = ReadEra(*message, FakeHeaders(Headers("tools/call", "a")));
    ASSERT_FALSE(era);
    EXPECT_EQ(era.error().reason, Reason::kInvalidArguments);
  }
  const std::string huge(2'000'000, 'v');
  EXPECT_EQ(Read(Call(R"("io.modelcontextprotocol/protocolVersion":")" + huge + R"(",)" +
                      kCapabilitiesMember),
                 Headers("tools/call", "a"))
                .era,
            "HEADER_MISMATCH");
  EXPECT_EQ(Read(Request("tools/call", R"("name":")" + huge + R"(",)" + Meta(Required())),
                 Headers("tools/call", huge))
                .era,
            "modern");
}

TEST(LadderTest, AByteThatIsWrongBreaksNothing) {
  const std::string good = Call(Required() + R"(,"progressToken":1.5,"x":[{"y":null}])");
  int served = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char wrong : {'"', '\\', '{', '}', ']', ',', ':', '7', ' ', '\0', '\xff'}) {
      std::string json = good;
      json[at] = wrong;
      jsonrpc::Parser parser;
      jsonrpc::Text text(json);
      auto message = jsonrpc::Parse(parser, text);
      if (!message) continue;
      const std::string method(message->method);
      const auto era = ReadEra(*message, FakeHeaders(Headers("tools/call", "a")));
      EXPECT_TRUE(message->method == method || (!era && message->method.empty())) << json;
      if (!era) continue;
      ++served;
      // What comes next can read on.
      od::object params;
      EXPECT_FALSE(jsonrpc::ParamsValue(*message).get_object().get(params)) << json;
    }
  }
  EXPECT_GT(served, 10);
}

TEST(LadderTest, HeadersMustRepeatTheBody) {
  const auto without = [](std::vector<HeaderField> headers, std::size_t index) {
    headers.erase(headers.begin() + static_cast<std::ptrdiff_t>(index));
    return headers;
  };
  const auto with = [](std::vector<HeaderField> headers, const HeaderField& more) {
    headers.push_back(more);
    return headers;
  };
  const std::vector<HeaderField> good = Headers("tools/call", "a");
  const auto changed = [&](std::size_t index, const std::string& value) {
    auto headers = good;
    headers[index].second = value;
    return headers;
  };
  for (const auto& headers : {
           without(good, 0),
           without(good, 1),
           without(good, 2),
           changed(0, "2025-11-25"),
           changed(0, "v999"),
           changed(0, ""),
           changed(1, "TOOLS/CALL"),
           changed(1, "tools/list"),
           changed(1, ""),
           changed(2, "A"),
           changed(2, ""),
           changed(2, "=?base64?YQ?="),
           changed(2, "\xc3\xa9"),
           changed(2, "a, a"),
           with(good, {"Mcp-Method", "tools/call"}),
           with(good, {"MCP-NAME", "a"}),
           with(good, {"MCP-PROTOCOL-VERSION", "2026-07-28"}),
       }) {
    const Outcome outcome = Read(Call(Required()), headers);
    EXPECT_EQ(outcome.era, "HEADER_MISMATCH");
    EXPECT_EQ(ModernHttpStatus(outcome.error), 400);
    EXPECT_EQ(InfoOf(outcome.error.reason).jsonrpc_code, -32020);
  }
  EXPECT_EQ(Read(Call(Required()), changed(2, " \ta ")).era, "modern");
  EXPECT_EQ(Read(Call(Required()), changed(2, "=?base64?YQ==?=")).era, "modern");
  EXPECT_EQ(Read(Call(Required()), with(good, {"Mcp-Param-X", "y"})).era, "modern");
  const std::string read = Request("resources/read", R"("uri":"test://a b",)" + Meta(Required()));
  EXPECT_EQ(Read(read, Headers("resources/read", "test://a b")).era, "modern");
  EXPECT_EQ(Read(read, Headers("resources/read", "test://b")).era, "HEADER_MISMATCH");
  EXPECT_EQ(
      Read(Request("tasks/get", R"("taskId":"t",)" + Meta(Required())), Headers("tasks/get")).era,
      "HEADER_MISMATCH");
  // No name in the method, none asked for.
  const std::string list = Request("tools/list", Meta(Required()));
  EXPECT_EQ(Read(list, Headers("tools/list")).era, "modern");
  EXPECT_EQ(Read(list, Headers("tools/list", "whatever")).era, "modern");
}

TEST(LadderTest, AnUnknownVersionIsToldWhatThereIs) {
  const auto call = [](const std::string& version) {
    auto headers = Headers("tools/call", "a");
    headers[0].second = version;
    return Read(Call(R"("io.modelcontextprotocol/protocolVersion":")" + version + R"(",)" +
                     kCapabilitiesMember),
                headers);
  };
  const Outcome outcome = call("v999.0.0");
  EXPECT_EQ(outcome.era, "UNSUPPORTED_PROTOCOL_VERSION");
  EXPECT_EQ(
      jsonrpc::ErrorMessage("\"x\"", outcome.error),
      R"({"jsonrpc":"2.0","id":"x","error":{"code":-32022,"message":"unsupported protocol version",)"
      R"("data":{"reason":"UNSUPPORTED_PROTOCOL_VERSION",)"
      R"("supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],)"
      R"("requested":"v999.0.0"}}})");
  EXPECT_EQ(ModernHttpStatus(outcome.error), 400);
  // A legacy version has its own way in.
  const Outcome legacy = call("2025-11-25");
  EXPECT_EQ(legacy.era, "UNSUPPORTED_PROTOCOL_VERSION");
  EXPECT_EQ(legacy.error.raw_data.front().second, R"(["2026-07-28"])");
  // Not what a header may hold, and not what JSON may.
  EXPECT_EQ(UnsupportedVersion("\xff", kSupportedVersions).raw_data.size(), 1u);
}

TEST(LadderTest, MethodsOfTheOtherEraAreNotFound) {
  for (const char* method : {"initialize", "ping", "logging/setLevel", "resources/subscribe",
                             "resources/unsubscribe", "unknown/method", "tasks/list"}) {
    const Outcome outcome = Read(Request(method, Meta(Required())), Headers(method));
    EXPECT_EQ(outcome.era, "METHOD_NOT_FOUND") << method;
    EXPECT_EQ(outcome.method, method);
    EXPECT_EQ(ModernHttpStatus(outcome.error), 404);
    EXPECT_EQ(InfoOf(outcome.error.reason).jsonrpc_code, -32601);
  }
}

TEST(UpstreamHeadersTest, SayWhatTheRequestSays) {
  using Fields = std::vector<HeaderField>;
  EXPECT_EQ(ModernHeaders("tools/list", ""),
            (Fields{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/list"}}));
  EXPECT_EQ(ModernHeaders("tools/call", "caf\xc3\xa9\r\nX: y"),
            (Fields{{"MCP-Protocol-Version", "2026-07-28"},
                    {"Mcp-Method", "tools/call"},
                    {"Mcp-Name", "=?base64?Y2Fmw6kNClg6IHk=?="}}));
  EXPECT_EQ(*MirroredName("tools/call", R"({"arguments":{"name":"b"},"name" : "a\u00e9" })"),
            "a\xc3\xa9");
  EXPECT_EQ(*MirroredName("resources/read", R"({"uri":"test://a"})"), "test://a");
  EXPECT_EQ(*MirroredName("tools/list", "not looked at"), "");
  for (const char* params : {"", "{}", R"({"name":7})", R"({"name":null})", R"({"name":["a"]})",
                             R"({"name":"a","name":"a"})", R"({"name":"\q"})", "[]"}) {
    const auto name = MirroredName("prompts/get", params);
    ASSERT_FALSE(name) << params;
    EXPECT_EQ(name.error().reason, Reason::kInvalidArguments);
  }
}

TEST(UpstreamHeadersTest, WhatIsBuiltForAServerPassesAsARequest) {
  const RequestMeta meta{.protocol_version = kModernVersion,
                         .client_info = R"({"name":"mcp-bridge","version":"1"})",
                         .client_capabilities = "{}",
                         .log_level = "debug"};
  for (const char* params : {R"({"name":" \ud83d\ude00 "})", R"({"_meta":{"a":1},"name":"t"})",
                             R"({ "name":"=?base64?YQ==?=" ,"_meta":{}})"}) {
    const auto name = MirroredName("tools/call", params);
    const auto full = WithRequestMeta(params, meta);
    ASSERT_TRUE(name && full) << params;
    const Outcome outcome =
        Read(jsonrpc::RequestMessage("1", "tools/call", *full), ModernHeaders("tools/call", *name));
    EXPECT_EQ(outcome.era, "modern") << *full << " " << outcome.error.message;
  }
}

TEST(ModernErrorTest, CapabilitiesThatAreMissingAreNamed) {
  EXPECT_EQ(
      jsonrpc::ErrorMessage("1", MissingClientCapability(R"({"sampling":{}})")),
      R"({"jsonrpc":"2.0","id":1,"error":{"code":-32021,"message":)"
      R"("the request needs capabilities that its client didn't declare",)"
      R"("data":{"reason":"MISSING_CLIENT_CAPABILITY","requiredCapabilities":{"sampling":{}}}}})");
  EXPECT_EQ(ModernHttpStatus(MissingClientCapability("{}")), 400);
}

TEST(ModernErrorTest, AServersErrorsTravelOn200ButForTwo) {
  const auto status = [](long long code) {
    Error error{.reason = Reason::kUpstreamError};
    error.upstream = {.code = code, .data = ""};
    return ModernHttpStatus(error);
  };
  EXPECT_EQ(status(-32602), 200);
  EXPECT_EQ(status(-32603), 200);
  EXPECT_EQ(status(-32021), 400);
  EXPECT_EQ(status(-32601), 404);
  EXPECT_EQ(ModernHttpStatus({.reason = Reason::kDeadlineExceeded}), 200);
  EXPECT_EQ(ModernHttpStatus({.reason = Reason::kOverloaded}), 503);
}

TEST(ModernErrorTest, CodesThatTheModernEraDoesNotAllowAreReplaced) {
  EXPECT_EQ(ModernErrorCode(-32002), -32602);
  EXPECT_EQ(ModernErrorCode(-32042), -32603);
  for (const long long code : {-32700LL, -32602LL, -32001LL, 0LL, 7LL}) {
    EXPECT_EQ(ModernErrorCode(code), code);
  }
}

}  // namespace
}  // namespace mcpbridge
