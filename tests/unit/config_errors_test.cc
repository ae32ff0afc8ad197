// Every error that a configuration can have: its line, its path, and no secret in it.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tests/unit/config_fixture.h"

namespace mcpbridge {
namespace {

using config_fixture::ErrorsOf;
using config_fixture::Outcome;
using config_fixture::Server;
using config_fixture::TestEnv;
using config_fixture::WithServer;
using std::chrono::milliseconds;

// Stands wherever a secret may stand, also by mistake.
constexpr auto kSecret = "s3cr3t";

struct BadCase {
  std::string yaml;
  std::string errors;  // every error, one per line
};

class BadConfig : public testing::TestWithParam<BadCase> {};

TEST_P(BadConfig, IsRefusedWithLineAndPathAndWithoutSecret) {
  const Outcome outcome = ParseConfig(GetParam().yaml, "c.yaml", TestEnv());
  ASSERT_TRUE(std::holds_alternative<std::vector<ConfigError>>(outcome)) << GetParam().yaml;
  const std::string errors = ErrorsOf(outcome);
  EXPECT_EQ(errors, GetParam().errors) << GetParam().yaml;
  EXPECT_EQ(errors.find(kSecret), std::string::npos) << errors;
}

const BadCase kDocumentCases[] = {
    {"", "c.yaml: is empty\n"},
    {"# only a comment\n", "c.yaml: is empty\n"},
    {"a: [1\n", "c.yaml:2: not valid YAML: end of sequence flow not found\n"},
    {"a: 1\n  b: s3cr3t\n", "c.yaml:2: not valid YAML: illegal map value\n"},
    {"a: *s3cr3t\n", "c.yaml:1: not valid YAML: the referenced anchor is not defined\n"},
    {"a: \"\\s3cr3t\"\n", "c.yaml:1: not valid YAML: unknown escape character\n"},
    {",\na: s3cr3t\n", "c.yaml:1: expected one YAML document, and another one begins here\n"},
    {WithServer("---\nb: 1\n"),
     "c.yaml:3: expected one YAML document, and another one begins here\n"},
    {"s3cr3t\n", "c.yaml:1: expected a map, found a single value\n"},
    {"- a\n", "c.yaml:1: expected a map, found a list\n"},
};

const BadCase kTopLevelCases[] = {
    {"bridge: {lanes: 1}\n", "c.yaml: mcp_servers: needs at least one server\n"},
    {"\nmcp_servers: {}\n", "c.yaml:2: mcp_servers: needs at least one server\n"},
    {"mcp_servers:\n", "c.yaml:1: mcp_servers: expected a map, found nothing\n"},
    {"mcp_servers: [a]\n", "c.yaml:1: mcp_servers: expected a map, found a list\n"},
    {WithServer("model_list: [s3cr3t]\n"),
     "c.yaml:3: model_list: is LiteLLM's and not for mcp-bridge: move mcp_servers and "
     "general_settings.master_key to a file of their own and start mcp-bridge with that\n"},
    {WithServer("router_settings: {}\nenvironment_variables: {K: s3cr3t}\n"),
     "c.yaml:3: router_settings: is LiteLLM's and not for mcp-bridge: move mcp_servers and "
     "general_settings.master_key to a file of their own and start mcp-bridge with that\n"
     "c.yaml:4: environment_variables: is LiteLLM's and not for mcp-bridge: move mcp_servers and "
     "general_settings.master_key to a file of their own and start mcp-bridge with that\n"},
    {WithServer("litellm_settings: {drop_params: s3cr3t, mcp_alias: {}}\n"),
     "c.yaml:3: litellm_settings.drop_params: is not supported: of litellm_settings mcp-bridge has "
     "mcp_aliases only\n"
     "c.yaml:3: litellm_settings.mcp_alias: unknown key; did you mean \"mcp_aliases\"?\n"},
    {WithServer("litellm_settings:\n  mcp_aliases:\n    x: nobody\n    b-c: a\n    mcp: a\n"),
     "c.yaml:5: litellm_settings.mcp_aliases.x: is an alias of a server that mcp_servers does not "
     "have\n"
     "c.yaml:6: litellm_settings.mcp_aliases.b-c: a server's name must not contain '-', which "
     "stands between server and tool: use '_'\n"
     "c.yaml:7: litellm_settings.mcp_aliases.mcp: this name is a path of mcp-bridge itself: give "
     "the server an alias\n"},
    {Server(
         "    url: http://h/mcp\n    access_groups: [ok, 'a,b', '']\n    mcp_access_groups: [x]\n"),
     "c.yaml:4: mcp_servers.a.access_groups[1]: an access group's name must not have a comma, a "
     "slash or a space\n"
     "c.yaml:4: mcp_servers.a.access_groups[2]: must not be empty\n"
     "c.yaml:5: mcp_servers.a.mcp_access_groups: is a LiteLLM key that mcp-bridge does not support "
     "yet\n"},
    {WithServer("mcp_server: {}\n"),
     "c.yaml:3: mcp_server: unknown key; did you mean \"mcp_servers\"?\n"},
    {WithServer("something_else: s3cr3t\n"), "c.yaml:3: something_else: unknown key\n"},
    {WithServer("bridge: {lanes: 1}\nbridge: {lanes: 2}\n"),
     "c.yaml:4: bridge: appears twice, first on line 3\n"},
    {WithServer("? [s3cr3t]\n: 1\n"), "c.yaml:3: [entry 2]: expected a plain name as the key\n"},
    {WithServer("{master_key=s3cr3t}: 1\n"),
     "c.yaml:3: [entry 2]: expected a plain name as the key\n"},
    {WithServer("general_settings: {master_key=s3cr3t}\n"),
     "c.yaml:3: general_settings.master_key...: is not supported: of general_settings mcp-bridge "
     "has master_key only\n"},
    {WithServer("general_settings:\n  master_key: os.environ/UNSET\n"),
     "c.yaml:4: general_settings.master_key: the environment variable UNSET is not set\n"},
    {WithServer("general_settings:\n  master_key: os.environ/EMPTY\n"),
     "c.yaml:4: general_settings.master_key: must not be empty\n"},
    {WithServer("general_settings:\n  master_key: os.environ/TWO_LINES\n"),
     "c.yaml:4: general_settings.master_key: must be visible ASCII characters only: no spaces, no "
     "line breaks\n"},
    {WithServer("general_settings:\n  master_key: os.environ/s3cr3t-$\n"),
     "c.yaml:4: general_settings.master_key: os.environ/NAME: NAME must be letters, digits and "
     "underscores\n"},
    {WithServer("general_settings:\n  master_key: s3cr3t os.environ/TOKEN\n"),
     "c.yaml:4: general_settings.master_key: os.environ/NAME must be the whole value: nothing may "
     "stand before it\n"},
    {WithServer("general_settings:\n  master_key:\n"),
     "c.yaml:4: general_settings.master_key: expected a string, found nothing\n"},
    {WithServer("general_settings:\n  master_key: 1234\n"),
     "c.yaml:4: general_settings.master_key: expected a string: put the value in quotes\n"},
    {WithServer("general_settings:\n  master_key: !vault s3cr3t\n"),
     "c.yaml:4: general_settings.master_key: YAML tags are not supported\n"},
    {WithServer("general_settings:\n  master_key: !!binary s3cr3t\n"),
     "c.yaml:4: general_settings.master_key: YAML tags are not supported\n"},
    {WithServer("general_settings:\n  master_key: \"s3cr3t\\0\"\n"),
     "c.yaml:4: general_settings.master_key: must not contain a NUL character\n"},
    {WithServer("general_settings:\n  mster_key: s3cr3t\n  enable_mcp_registry: true\n"),
     "c.yaml:4: general_settings.mster_key: unknown key; did you mean \"master_key\"?\n"
     "c.yaml:5: general_settings.enable_mcp_registry: is not supported: of general_settings "
     "mcp-bridge has master_key only\n"},
};

const BadCase kServerCases[] = {
    {"mcp_servers:\n  a:\n", "c.yaml:2: mcp_servers.a: expected a map, found nothing\n"},
    {"mcp_servers:\n  a: http://s3cr3t/\n",
     "c.yaml:2: mcp_servers.a: expected a map, found a single value\n"},
    {Server("    url: http://h/\n    transprot: http\n"),
     "c.yaml:4: mcp_servers.a.transprot: unknown key; did you mean \"transport\"?\n"},
    {Server("    url: http://h/\n    static-headers: {A: s3cr3t}\n"),
     "c.yaml:4: mcp_servers.a.static-headers: unknown key; did you mean \"static_headers\"?\n"},
    {Server("    url: http://h/\n    \"auth_value: s3cr3t\":\n"),
     "c.yaml:4: mcp_servers.a.auth_value...: unknown key\n"},
    {Server("    url: http://h/\n    client_secret: s3cr3t\n    rpm: 1\n    id_jag_x: 1\n"),
     "c.yaml:4: mcp_servers.a.client_secret: is a LiteLLM key that mcp-bridge does not support "
     "yet\n"
     "c.yaml:5: mcp_servers.a.rpm: is a LiteLLM key that mcp-bridge does not support yet\n"
     "c.yaml:6: mcp_servers.a.id_jag_x: is a LiteLLM key that mcp-bridge does not support yet\n"},
    {Server("    url: http://h/\n    url: http://s3cr3t/\n"),
     "c.yaml:4: mcp_servers.a.url: appears twice, first on line 3\n"},
    {Server("    description: nothing else\n"),
     "c.yaml:2: mcp_servers.a: needs a url (or a command, to be a stdio server)\n"},
    {Server("    transport: stdio\n"),
     "c.yaml:2: mcp_servers.a: needs a command, as its transport is stdio\n"},
    {Server("    transport: sse\n    command: s3cr3t\n"),
     "c.yaml:2: mcp_servers.a: needs a url, as its transport is sse\n"
     "c.yaml:4: mcp_servers.a.command: is for stdio servers, and this one's transport is sse\n"},
    {Server("    transport: sse\n    url: http://h/sse\n    protocol: auto\n"),
     "c.yaml:5: mcp_servers.a.protocol: a server whose transport is sse speaks earlier versions "
     "than 2026-07-28 only: use legacy or remove the key\n"},
    {Server("    transport: s3cr3t\n    url: http://h/\n"),
     "c.yaml:3: mcp_servers.a.transport: expected http, sse, stdio or grpc\n"},
    {Server("    transport: grpc\n    command: s3cr3t\n"),
     "c.yaml:2: mcp_servers.a: needs a url, as its transport is grpc\n"
     "c.yaml:4: mcp_servers.a.command: is for stdio servers, and this one's transport is grpc\n"},
    {Server(
         "    transport: grpc\n    url: http://h:1\n    isolation: call\n    protocol: legacy\n"),
     "c.yaml:4: mcp_servers.a.url: must begin with grpc://, grpcs:// or grpc+unix://\n"
     "c.yaml:5: mcp_servers.a.isolation: has no effect: a server over gRPC keeps nothing from call "
     "to call. Remove the key\n"
     "c.yaml:6: mcp_servers.a.protocol: a server whose transport is grpc is asked as one of "
     "2026-07-28: use modern or remove the key\n"},
    {Server("    url: grpc://h:1\n"),
     "c.yaml:3: mcp_servers.a.url: is for servers over gRPC: set transport: grpc\n"},
    {Server("    transport: grpc\n    url: grpc://h\n"),
     "c.yaml:4: mcp_servers.a.url: must have a port\n"},
    {Server("    transport: grpc\n    url: grpcs://[::1]\n"),
     "c.yaml:4: mcp_servers.a.url: must have a port\n"},
    {Server("    transport: grpc\n    url: grpc://h:1/mcp\n"),
     "c.yaml:4: mcp_servers.a.url: must end with the port: gRPC has no paths\n"},
    {Server("    transport: grpc\n    url: grpc://s3cr3t@h:1\n"),
     "c.yaml:4: mcp_servers.a.url: must not contain credentials (user:password@): use auth_type\n"},
    {Server("    transport: grpc\n    url: grpc+unix://socket\n"),
     "c.yaml:4: mcp_servers.a.url: must name a socket: grpc+unix:///PATH\n"},
    {Server(
         "    transport: grpc\n    url: grpc://h:1\n    static_headers:\n      x-a-bin: s3cr3t\n"),
     "c.yaml:5: mcp_servers.a.static_headers: x-a-bin: gRPC takes a name that ends in -bin for "
     "binary\n"},
    {Server("    transport: grpc\n    url: grpc://h:1\n    static_headers: {X-A: \"\\xE9\"}\n"),
     "c.yaml:5: mcp_servers.a.static_headers: X-A: must be visible ASCII characters, as it goes "
     "over "
     "gRPC\n"},
    {Server("    transport: grpc\n    url: grpc://h:1\n    extra_headers: [grpc-timeout, x!]\n"),
     "c.yaml:5: mcp_servers.a.extra_headers: grpc-timeout: is gRPC's own: remove it\n"
     "c.yaml:5: mcp_servers.a.extra_headers: x!: gRPC allows letters, digits, '-', '_' and '.' "
     "only "
     "in a name\n"},
    {Server("    transport: grpc\n    url: grpc://h:1\n    auth_type: bearer_token\n"
            "    authentication_token: \"\\xE9\"\n"),
     "c.yaml:6: mcp_servers.a.authentication_token: must be visible ASCII characters, as it goes "
     "over "
     "gRPC\n"},
    {Server("    transport: [http]\n    url: http://h/\n"),
     "c.yaml:3: mcp_servers.a.transport: expected a word, found a list\n"},
    {Server("    transport: http\n    url: http://h/\n    command: s3cr3t\n    args: []\n    env: "
            "{}\n"),
     "c.yaml:5: mcp_servers.a.command: is for stdio servers, and this one's transport is http\n"
     "c.yaml:6: mcp_servers.a.args: is for stdio servers, and this one's transport is http\n"
     "c.yaml:7: mcp_servers.a.env: is for stdio servers, and this one's transport is http\n"},
    {Server("    command: c\n    url: http://h/\n    static_headers: {A: s3cr3t}\n"
            "    extra_headers: [b]\n    auth_type: api_key\n    auth_value: s3cr3t\n"
            "    authentication_token: s3cr3t\n"),
     "c.yaml:4: mcp_servers.a.url: is for http servers, and this one's transport is stdio\n"
     "c.yaml:5: mcp_servers.a.static_headers: is for http servers, and this one's transport is "
     "stdio\n"
     "c.yaml:6: mcp_servers.a.extra_headers: is for http servers, and this one's transport is "
     "stdio\n"
     "c.yaml:7: mcp_servers.a.auth_type: is for http servers, and this one's transport is stdio\n"
     "c.yaml:8: mcp_servers.a.auth_value: is for http servers, and this one's transport is stdio\n"
     "c.yaml:9: mcp_servers.a.authentication_token: is for http servers, and this one's transport "
     "is "
     "stdio\n"},
    {Server("    command: ''\n"), "c.yaml:3: mcp_servers.a.command: must not be empty\n"},
    {Server("    command: c\n    args: --key s3cr3t\n"),
     "c.yaml:4: mcp_servers.a.args: expected a list, found a single value\n"},
    {Server("    command: c\n    args:\n      - ok\n      - 8080\n      - [s3cr3t]\n      -\n"),
     "c.yaml:4: mcp_servers.a.args[3]: expected a string, found nothing\n"
     "c.yaml:6: mcp_servers.a.args[1]: expected a string: put the value in quotes\n"
     "c.yaml:7: mcp_servers.a.args[2]: expected a string, found a list\n"},
    {Server("    command: c\n    env: [K=s3cr3t]\n"),
     "c.yaml:4: mcp_servers.a.env: expected a map, found a list\n"},
    {Server("    command: c\n    env: {A=s3cr3t}\n"),
     "c.yaml:4: mcp_servers.a.env[entry 1]: is not a valid name of an environment variable\n"},
    {Server("    command: c\n    env: {ok: v, s3cr3t}\n"),
     "c.yaml:4: mcp_servers.a.env[entry 2]: expected a string, found nothing\n"},
    {Server("    command: c\n    env:\n      DEBUG: true\n      PORT: 0x1F\n      T: "
            "\"${X-T}s3cr3t\"\n"),
     "c.yaml:5: mcp_servers.a.env.DEBUG: expected a string: put the value in quotes\n"
     "c.yaml:6: mcp_servers.a.env.PORT: expected a string: put the value in quotes\n"
     "c.yaml:7: mcp_servers.a.env.T: LiteLLM's ${...}, filled in from the caller's headers, is not "
     "supported: use os.environ/NAME, or extra_headers to pass a caller's header on\n"},
    {Server("    url: http://h/\n    isolation: calls\n"),
     "c.yaml:4: mcp_servers.a.isolation: expected session, shared or call\n"},
    {Server("    url: http://h/\n    protocol: old\n"),
     "c.yaml:4: mcp_servers.a.protocol: expected auto, legacy or modern\n"},
    {Server("    url: http://h/\n    timeout: 0\n"),
     "c.yaml:4: mcp_servers.a.timeout: must be longer than 0\n"},
    {Server("    url: http://h/\n    timeout: -1\n    description: [s3cr3t]\n"),
     "c.yaml:4: mcp_servers.a.timeout: expected a duration: a number of seconds, or \"500ms\", "
     "\"20s\", \"2m\", \"1h\" (at most 365 days)\n"
     "c.yaml:5: mcp_servers.a.description: expected a string, found a list\n"},
    {Server("    url: http://h/\n    allow_all_keys: s3cr3t\n"),
     "c.yaml:4: mcp_servers.a.allow_all_keys: expected true or false\n"},
    {Server("    url: http://h/\n    allow_all_keys: \"true\"\n"),
     "c.yaml:4: mcp_servers.a.allow_all_keys: expected true or false\n"},
    {Server("    url: http://h/\n    allowed_tools: []\n    disallowed_tools: ['*']\n"),
     "c.yaml:4: mcp_servers.a.allowed_tools: is empty: name at least one tool or remove the key\n"
     "c.yaml:5: mcp_servers.a.disallowed_tools: has a wildcard (*): name each tool\n"},
    {Server("    url: http://h/\n    allowed_tools: x\n    disallowed_tools: [1, '']\n"),
     "c.yaml:4: mcp_servers.a.allowed_tools: expected a list, found a single value\n"
     "c.yaml:5: mcp_servers.a.disallowed_tools[0]: expected a string: put the value in quotes\n"
     "c.yaml:5: mcp_servers.a.disallowed_tools[1]: must not be empty\n"},
};

std::string Url(const std::string& url) { return Server("    url: \"" + url + "\"\n"); }

const BadCase kUrlCases[] = {
    {Url(""), "c.yaml:3: mcp_servers.a.url: must not be empty\n"},
    {Url("s3cr3t.example.com/mcp"),
     "c.yaml:3: mcp_servers.a.url: must begin with http:// or https://\n"},
    {Url("ftp://s3cr3t/"), "c.yaml:3: mcp_servers.a.url: must begin with http:// or https://\n"},
    {Url("http:///s3cr3t"), "c.yaml:3: mcp_servers.a.url: must have a host\n"},
    {Url("http://:80/s3cr3t"), "c.yaml:3: mcp_servers.a.url: must have a host\n"},
    {Url("http://user:s3cr3t@h/"),
     "c.yaml:3: mcp_servers.a.url: must not contain credentials (user:password@): use auth_type: "
     "basic\n"},
    {Url("http://h/#s3cr3t"), "c.yaml:3: mcp_servers.a.url: must not have a fragment (#...)\n"},
    {Url("http://h:s3cr3t/"),
     "c.yaml:3: mcp_servers.a.url: the port must be a number from 1 to 65535\n"},
    {Url("http://h:0/"),
     "c.yaml:3: mcp_servers.a.url: the port must be a number from 1 to 65535\n"},
    {Url("http://h:65536/"),
     "c.yaml:3: mcp_servers.a.url: the port must be a number from 1 to 65535\n"},
    {Url("http://[s3cr3t]/"),
     "c.yaml:3: mcp_servers.a.url: the host in brackets must be an IPv6 address\n"},
    {Url("http://[::1/"),
     "c.yaml:3: mcp_servers.a.url: the port must be a number from 1 to 65535\n"},
    {Url("http://h%41/"),
     "c.yaml:3: mcp_servers.a.url: the host must be a name or an IP address\n"},
    {Url("http://h/a b"),
     "c.yaml:3: mcp_servers.a.url: must not contain spaces, backslashes or control characters\n"},
    {Url("http://h/\\r\\ns3cr3t"),
     "c.yaml:3: mcp_servers.a.url: must not contain spaces, backslashes or control characters\n"},
};

std::string Http(const std::string& keys) { return Server("    url: http://h/\n" + keys); }

const BadCase kHeaderCases[] = {
    {Http("    static_headers: {'s3cr3t: Bearer': v}\n"),
     "c.yaml:4: mcp_servers.a.static_headers[entry 1]: is not a valid header name\n"},
    {Http("    static_headers: {Authorization Bearer s3cr3t}\n"),
     "c.yaml:4: mcp_servers.a.static_headers[entry 1]: is not a valid header name\n"},
    {Http("    static_headers: {s3cr3t}\n"),
     "c.yaml:4: mcp_servers.a.static_headers[entry 1]: expected a string, found nothing\n"},
    {Http("    static_headers:\n      A: \"s3cr3t\\r\\nB: c\"\n      B: os.environ/TWO_LINES\n"
          "      C: \"s3cr3t\\u0007\"\n      D: \"s3cr3t\\0\"\n      E: ' s3cr3t'\n      F: ''\n"),
     "c.yaml:5: mcp_servers.a.static_headers.A: must not contain a line break\n"
     "c.yaml:6: mcp_servers.a.static_headers.B: must not contain a line break\n"
     "c.yaml:7: mcp_servers.a.static_headers.C: must not contain control characters\n"
     "c.yaml:8: mcp_servers.a.static_headers.D: must not contain a NUL character\n"
     "c.yaml:9: mcp_servers.a.static_headers.E: must not begin or end with a space\n"
     "c.yaml:10: mcp_servers.a.static_headers.F: must not be empty\n"},
    {Http("    static_headers:\n      X-A: s3cr3t\n      x-a: s3cr3t\n      X-A: s3cr3t\n"),
     "c.yaml:6: mcp_servers.a.static_headers.x-a: appears twice: capitals make no other header\n"
     "c.yaml:7: mcp_servers.a.static_headers.X-A: appears twice, first on line 5\n"},
    {Http("    static_headers: {Content-Length: '1', X-T: '${X-S3}'}\n    extra_headers: [Host, 'a "
          "b']\n"),
     "c.yaml:4: mcp_servers.a.static_headers.Content-Length: is a header that mcp-bridge sets "
     "itself: "
     "remove it\n"
     "c.yaml:4: mcp_servers.a.static_headers.X-T: LiteLLM's ${...}, filled in from the caller's "
     "headers, is not supported: use os.environ/NAME, or extra_headers to pass a caller's header "
     "on\n"
     "c.yaml:5: mcp_servers.a.extra_headers[0]: is a header that mcp-bridge sets itself: remove "
     "it\n"
     "c.yaml:5: mcp_servers.a.extra_headers[1]: is not a valid header name\n"},
    {Http("    extra_headers: [X-LiteLLM-API-Key]\n"),
     "c.yaml:4: mcp_servers.a.extra_headers[0]: would hand the master key of mcp-bridge to the "
     "server\n"},
    {Http("    extra_headers: {X-A: s3cr3t}\n"),
     "c.yaml:4: mcp_servers.a.extra_headers: expected a list, found a map\n"},
    {Http("    auth_type: s3cr3t\n    auth_value: s3cr3t\n"),
     "c.yaml:4: mcp_servers.a.auth_type: expected one of none, api_key, bearer_token, basic, "
     "authorization, token\n"},
    {Http("    auth_type: oauth2\n"),
     "c.yaml:4: mcp_servers.a.auth_type: is a LiteLLM auth_type that mcp-bridge does not support "
     "yet\n"},
    {Http("    auth_type: api_key\n"),
     "c.yaml:4: mcp_servers.a.auth_type: needs an authentication_token (or auth_value)\n"},
    {Http("    auth_value: s3cr3t\n"),
     "c.yaml:4: mcp_servers.a.auth_value: has no effect without an auth_type: say how to send "
     "it\n"},
    {Http("    auth_type: none\n    authentication_token: s3cr3t\n"),
     "c.yaml:5: mcp_servers.a.authentication_token: has no effect without an auth_type: say how to "
     "send it\n"},
    {Http("    auth_type: token\n    auth_value: os.environ/TWO_LINES\n"),
     "c.yaml:5: mcp_servers.a.auth_value: must not contain a line break\n"},
    {Http("    auth_type: token\n    auth_value: os.environ/EMPTY\n"),
     "c.yaml:5: mcp_servers.a.auth_value: must not be empty\n"},
    {Http("    auth_type: basic\n    auth_value: s3cr3t\n"),
     "c.yaml:5: mcp_servers.a.auth_value: expected user:password, as it is: mcp-bridge encodes "
     "it\n"},
    {Http("    auth_type: token\n    auth_value: s3cr3t\n    static_headers: {authorization: "
          "s3cr3t}\n"),
     "c.yaml:5: mcp_servers.a.auth_value: auth_type and static_headers both set Authorization\n"},
};

std::string Named(const std::string& name) {
  return "mcp_servers:\n  " + name + ":\n    url: http://h/\n";
}

const BadCase kNameCases[] = {
    {Named("my-server"),
     "c.yaml:2: mcp_servers.my-server: a server's name must not contain '-', which stands between "
     "server and tool: use '_'\n"},
    {Named("a/b"),
     "c.yaml:2: mcp_servers.a...: a server's name may have letters, digits, '_' and '.' only\n"},
    {Named("''"), "c.yaml:2: mcp_servers.: a server's name must not be empty or dots\n"},
    {Named("..") + "    alias: .\n",
     "c.yaml:2: mcp_servers...: a server's name must not be empty or dots\n"
     "c.yaml:4: mcp_servers....alias: a server's name must not be empty or dots\n"},
    {Named("a") + "    alias: b-c\n",
     "c.yaml:4: mcp_servers.a.alias: a server's name must not contain '-', which stands between "
     "server and tool: use '_'\n"},
    {Named("a") + "    alias: 12\n",
     "c.yaml:4: mcp_servers.a.alias: expected a string: put the value in quotes\n"},
    {Named("mcp"),
     "c.yaml:2: mcp_servers.mcp: this name is a path of mcp-bridge itself: give the server an "
     "alias\n"},
    {Named("healthz"),
     "c.yaml:2: mcp_servers.healthz: this name is a path of mcp-bridge itself: give the server an "
     "alias\n"},
    {Named("readyz"),
     "c.yaml:2: mcp_servers.readyz: this name is a path of mcp-bridge itself: give the server an "
     "alias\n"},
    {Named("a") + "    alias: sse\n",
     "c.yaml:4: mcp_servers.a.alias: this name is a path of mcp-bridge itself: give the server an "
     "alias\n"},
    {"mcp_servers:\n  a: {url: http://h/}\n  a: {url: http://h/}\n",
     "c.yaml:3: mcp_servers.a: appears twice, first on line 2\n"},
    {"mcp_servers:\n  a b: {url: http://h/}\n  a_b: {url: http://h/}\n",
     "c.yaml:3: mcp_servers.a_b: the name \"a_b\" already belongs to the server on line 2; aliases "
     "count as names\n"},
    {"mcp_servers:\n  a: {url: http://h/, alias: c}\n  b: {url: http://h/, alias: a}\n",
     "c.yaml:3: mcp_servers.b: the name \"a\" already belongs to the server on line 2; aliases "
     "count "
     "as names\n"},
    {"mcp_servers:\n  a: {url: http://h/, alias: c}\n  b: {url: http://h/, alias: c}\n",
     "c.yaml:3: mcp_servers.b: the name \"c\" already belongs to the server on line 2; aliases "
     "count "
     "as names\n"},
};

std::string Bridge(const std::string& setting) {
  return WithServer("bridge:\n  " + setting + "\n");
}

constexpr auto kListenForms =
    "expected an address to listen on: \"127.0.0.1:4000\", \"[::1]:4000\", \"localhost:4000\", "
    "\":4000\" (all addresses) or \"unix:/path\"\n";
constexpr auto kDurationForms =
    "expected a duration: a number of seconds, or \"500ms\", \"20s\", \"2m\", \"1h\" (at most 365 "
    "days)\n";
constexpr auto kSizeForms =
    "expected a size: a number of bytes, or \"64KiB\", \"4MiB\", \"1GiB\" (whole numbers only)\n";
constexpr auto kWaysOut =
    " and call every tool without a key. Either set general_settings.master_key; or listen on "
    "127.0.0.1 or a unix socket; or, where something in front of the bridge already checks the "
    "callers, set bridge.allow_unauthenticated: true\n";

const BadCase kBridgeCases[] = {
    {Bridge("[]"), "c.yaml:3: bridge: expected a map, found a list\n"},
    {Bridge("lane: 1"), "c.yaml:4: bridge.lane: unknown key; did you mean \"lanes\"?\n"},
    {Bridge("lanes: two"), "c.yaml:4: bridge.lanes: expected a whole number\n"},
    {Bridge("lanes: '2'"), "c.yaml:4: bridge.lanes: expected a whole number\n"},
    {Bridge("lanes: 1.5"), "c.yaml:4: bridge.lanes: expected a whole number\n"},
    {Bridge("lanes: -1"), "c.yaml:4: bridge.lanes: must be between 0 and 256\n"},
    {Bridge("lanes: 257"), "c.yaml:4: bridge.lanes: must be between 0 and 256\n"},
    {Bridge("lanes: 99999999999"), "c.yaml:4: bridge.lanes: expected a whole number\n"},
    {Bridge("lanes: --1"), "c.yaml:4: bridge.lanes: expected a whole number\n"},
    {Bridge("grpc_queues: 0"), "c.yaml:4: bridge.grpc_queues: must be between 1 and 64\n"},
    {Bridge("grpc_threads_per_queue: 0"),
     "c.yaml:4: bridge.grpc_threads_per_queue: must be between 1 and 64\n"},
    {Bridge("http_listen: 4000"),
     "c.yaml:4: bridge.http_listen: expected a string: put the value in quotes\n"},
    {Bridge("http_listen: example.com:4000"),
     std::string("c.yaml:4: bridge.http_listen: ") + kListenForms},
    {Bridge("http_listen: os.environ/TOKEN"),
     std::string("c.yaml:4: bridge.http_listen: ") + kListenForms},
    {Bridge("http_listen: 0.0.0.0:4000"),
     std::string("c.yaml:4: bridge.http_listen: other machines can reach 0.0.0.0:4000") + kWaysOut},
    {Bridge("grpc_listen: ':50051'"),
     std::string("c.yaml:4: bridge.grpc_listen: other machines can reach [::]:50051") + kWaysOut},
    {Bridge("grpc_listen: 127.0.0.1:4000"),
     "c.yaml:4: bridge.grpc_listen: has the same port as bridge.http_listen, 4000\n"},
    {Bridge("{http_listen: 'unix:/a', grpc_listen: 'unix:/a'}"),
     "c.yaml:4: bridge.grpc_listen: is the same socket as bridge.http_listen\n"},
    {Bridge("admin_listen: nowhere"),
     "c.yaml:4: bridge.admin_listen: expected an address to listen on, as for http_listen, or "
     "off\n"},
    {Bridge("admin_listen: 0.0.0.0:4001"),
     std::string("c.yaml:4: bridge.admin_listen: other machines can reach 0.0.0.0:4001") +
         kWaysOut},
    {Bridge("admin_listen: 127.0.0.1:4000"),
     "c.yaml:4: bridge.admin_listen: has the same port as bridge.http_listen, 4000\n"},
    {Bridge("{admin_listen: 'unix:/a', grpc_listen: 'unix:/a'}"),
     "c.yaml:4: bridge.admin_listen: is the same socket as bridge.grpc_listen\n"},
    {Bridge("access_log: s3cr3t"),
     "c.yaml:4: bridge.access_log: expected one of off, text, json\n"},
    {Bridge("allow_unauthenticated: 1"),
     "c.yaml:4: bridge.allow_unauthenticated: expected true or false\n"},
    {Bridge("allowed_origins: https://a.example.com"),
     "c.yaml:4: bridge.allowed_origins: expected a list, found a single value\n"},
    {Bridge("allowed_origins: ['*', a.example.com, 'https://a.example.com/', https://a*.b]"),
     "c.yaml:4: bridge.allowed_origins[0]: expected an origin such as https://app.example.com: no "
     "path, no wildcard\n"
     "c.yaml:4: bridge.allowed_origins[1]: expected an origin such as https://app.example.com: no "
     "path, no wildcard\n"
     "c.yaml:4: bridge.allowed_origins[2]: expected an origin such as https://app.example.com: no "
     "path, no wildcard\n"
     "c.yaml:4: bridge.allowed_origins[3]: expected an origin such as https://app.example.com: no "
     "path, no wildcard\n"},
    {Bridge("allowed_hosts: ['h:80', '*', '[', '[::1]:1']"),
     "c.yaml:4: bridge.allowed_hosts[0]: expected a host such as bridge.internal: no port, no "
     "wildcard\n"
     "c.yaml:4: bridge.allowed_hosts[1]: expected a host such as bridge.internal: no port, no "
     "wildcard\n"
     "c.yaml:4: bridge.allowed_hosts[2]: expected a host such as bridge.internal: no port, no "
     "wildcard\n"
     "c.yaml:4: bridge.allowed_hosts[3]: expected a host such as bridge.internal: no port, no "
     "wildcard\n"},
    {Bridge("drain_grace: soon"), std::string("c.yaml:4: bridge.drain_grace: ") + kDurationForms},
    {Bridge("drain_grace: 20 s"), std::string("c.yaml:4: bridge.drain_grace: ") + kDurationForms},
    {Bridge("drain_grace: 9000h"), std::string("c.yaml:4: bridge.drain_grace: ") + kDurationForms},
    {Bridge("drain_grace: .inf"), std::string("c.yaml:4: bridge.drain_grace: ") + kDurationForms},
    {Bridge("catalogue_ttl: 0"), "c.yaml:4: bridge.catalogue_ttl: must be longer than 0\n"},
    {Bridge("catalogue_ttl: 0.0001"),
     std::string("c.yaml:4: bridge.catalogue_ttl: ") + kDurationForms},
    {Bridge("log_level: loud"),
     "c.yaml:4: bridge.log_level: expected one of trace, debug, info, warn, error, off\n"},
    {Bridge("limits: {calls: 1}"), "c.yaml:4: bridge.limits.calls: unknown key\n"},
    {Bridge("limits: {in_flight_calls: 0}"),
     "c.yaml:4: bridge.limits.in_flight_calls: must be between 1 and 1000000\n"},
    {Bridge("limits: {http_connections: 0, upstream_connections: 0}"),
     "c.yaml:4: bridge.limits.http_connections: must be between 1 and 1000000\n"
     "c.yaml:4: bridge.limits.upstream_connections: must be between 1 and 1000000\n"},
    {Bridge("limits: {request_bytes: 0, response_bytes: 2GiB, header_bytes: 2MiB}"),
     "c.yaml:4: bridge.limits.request_bytes: must be between 1 and 1073741824\n"
     "c.yaml:4: bridge.limits.response_bytes: must be between 1 and 1073741824\n"
     "c.yaml:4: bridge.limits.header_bytes: must be between 1 and 1048576\n"},
    {Bridge("limits: {request_bytes: 4MB, response_bytes: 1.5MiB, header_bytes: -1}"),
     std::string("c.yaml:4: bridge.limits.request_bytes: ") + kSizeForms +
         "c.yaml:4: bridge.limits.response_bytes: " + kSizeForms +
         "c.yaml:4: bridge.limits.header_bytes: " + kSizeForms},
    {Bridge("limits: {request_bytes: 18446744073709551616, header_bytes: 17179869184GiB}"),
     std::string("c.yaml:4: bridge.limits.request_bytes: ") + kSizeForms +
         "c.yaml:4: bridge.limits.header_bytes: " + kSizeForms},
    {Bridge("limits: {call_timeout: 0}"),
     "c.yaml:4: bridge.limits.call_timeout: must be longer than 0\n"},
    {Bridge("session_idle: 0"), "c.yaml:4: bridge.session_idle: must be at least 1s\n"},
    {Bridge("session_key: \"\""), "c.yaml:4: bridge.session_key: must not be empty\n"},
    {Bridge("session_key_accepted: 0123456789abcdef0123456789abcdef"),
     "c.yaml:4: bridge.session_key_accepted: is of no use without bridge.session_key\n"},
    {Bridge("session_key: too-short-to-be-secret"),
     "c.yaml:4: bridge.session_key: must have at least 32 characters: make one with openssl rand "
     "-hex 32\n"},
    {Bridge("traces: {sample: 0.5}"),
     "c.yaml:4: bridge.traces: needs an endpoint: http://HOST:4318/v1/traces, of an OTLP "
     "collector\n"},
    {Bridge("traces: {endpoint: \"http://h/\", sample: 2}"),
     "c.yaml:4: bridge.traces.sample: expected a part of all calls, from 0 to 1, such as 0.05\n"},
    {Bridge("session_store: redis://h"),
     "c.yaml:4: bridge.session_store: is of no use without bridge.session_key\n"},
    {Bridge("session_store: \"http://h:secret\""),
     "c.yaml:4: bridge.session_store: expected redis://[user:password@]host[:port][/database] or "
     "redis+unix:///path\n"},
    {Bridge("session_max_age: 0.5"), "c.yaml:4: bridge.session_max_age: must be at least 1s\n"},
};

INSTANTIATE_TEST_SUITE_P(Document, BadConfig, testing::ValuesIn(kDocumentCases));
INSTANTIATE_TEST_SUITE_P(TopLevel, BadConfig, testing::ValuesIn(kTopLevelCases));
INSTANTIATE_TEST_SUITE_P(Server, BadConfig, testing::ValuesIn(kServerCases));
INSTANTIATE_TEST_SUITE_P(Url, BadConfig, testing::ValuesIn(kUrlCases));
INSTANTIATE_TEST_SUITE_P(Header, BadConfig, testing::ValuesIn(kHeaderCases));
INSTANTIATE_TEST_SUITE_P(Name, BadConfig, testing::ValuesIn(kNameCases));
INSTANTIATE_TEST_SUITE_P(Bridge, BadConfig, testing::ValuesIn(kBridgeCases));

TEST(ConfigErrors, AllAreCollectedInTheOrderOfTheirLines) {
  const Outcome outcome = ParseConfig(
      "bridge:\n"
      "  lanes: 999\n"
      "  http_listen: 0.0.0.0:4000\n"
      "general_settings:\n"
      "  master_key: os.environ/UNSET\n"
      "mcp_servers:\n"
      "  a: {url: nowhere}\n",
      "c.yaml", TestEnv());
  // Not that 0.0.0.0 is open to all: whether there is a master key isn't known.
  EXPECT_EQ(ErrorsOf(outcome),
            "c.yaml:2: bridge.lanes: must be between 0 and 256\n"
            "c.yaml:5: general_settings.master_key: the environment variable UNSET is not set\n"
            "c.yaml:7: mcp_servers.a.url: must begin with http:// or https://\n");
}

// ---- CheckConfig, as main() uses it after flags ----

TEST(CheckConfig, HasNothingAgainstTheDefaults) {
  EXPECT_TRUE(CheckConfig(Config{}, "c.yaml").empty());
}

TEST(CheckConfig, FindsWhatFlagsHaveBroken) {
  Config config;
  config.bridge.http_listen = *ParseListenAddress("192.0.2.1:50051");
  config.bridge.log_level = "s3cr3t";
  config.bridge.drain_grace = milliseconds(-1);
  config.bridge.limits.request_bytes = SIZE_MAX;
  EXPECT_EQ(ErrorsOf(CheckConfig(config, "c.yaml")),
            std::string("c.yaml: bridge.http_listen: other machines can reach 192.0.2.1:50051") +
                kWaysOut +
                "c.yaml: bridge.grpc_listen: has the same port as bridge.http_listen, 50051\n"
                "c.yaml: bridge.limits.request_bytes: must be between 1 and 1073741824\n"
                "c.yaml: bridge.drain_grace: must not be below 0\n"
                "c.yaml: bridge.log_level: expected one of trace, debug, info, warn, error, off\n");
}

TEST(CheckConfig, AnyFreePortMayBeAskedForTwice) {
  Config config;
  config.bridge.http_listen.port = 0;
  config.bridge.grpc_listen.port = 0;
  EXPECT_TRUE(CheckConfig(config, "c.yaml").empty());
}

}  // namespace
}  // namespace mcpbridge
